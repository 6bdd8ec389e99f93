"""Released card money goes to the seller's connected account: once, and back when it fails."""

import dataclasses
import datetime as dt
from concurrent.futures import ThreadPoolExecutor

import pytest
import stripe as stripe_sdk

from payments.database import transaction
from payments.errors import ConflictError
from payments.lifecycle.tables import Payment
from payments.payouts.make_payout import begin_attempt
from payments.payouts.record_payout import record_payout
from payments.pending.request_ask import ask_about_payment
from payments.providers.facts import MoneyReturned, PayoutReported, PayoutStatus
from payments.providers.outcome import OutcomeUnknownError
from payments.providers.stripe.transfers import StripeTransfers
from tests.payments.conftest import Line
from tests.payments.payouts.sellers import Sellers
from tests.payments.shop import CIPHER, SERVICE, new_reference

# An order of 10,000 and 19 % tax, of which the platform keeps 500.
AMOUNT, SELLERS_PART = 11_900, 9_500


def transfers_to(sellers: Sellers, account: str) -> list[stripe_sdk.Transfer]:
    return sellers.providers.stripe.v1.transfers.list({"destination": account}).data


def test_the_sellers_part_is_transferred_and_booked(sellers: Sellers) -> None:
    account = sellers.connected_account()
    payment = sellers.paid_by_card()
    payout_id = sellers.release(payment)
    assert sellers.standing(payout_id) == ("queued", None)
    assert sellers.owed() == (SELLERS_PART, 0)

    assert sellers.pay() == {"due": 1, "found_destination": 0, "sent": 1}
    [transfer] = transfers_to(sellers, account)
    intent = sellers.providers.stripe.v1.payment_intents.retrieve(payment.provider_ref or "")
    assert (transfer.amount, transfer.currency) == (SELLERS_PART, "eur")
    assert transfer.source_transaction == intent.latest_charge
    assert transfer.transfer_group == payment.order_id
    assert transfer.metadata.to_dict() == {
        "payout_id": payout_id,
        "attempt": "1",
        "order_id": payment.order_id,
    }
    view = sellers.read(payout_id)
    assert (view.status, view.amount_paid, view.failure_code) == ("paid", SELLERS_PART, None)
    assert view.paid_at is not None
    assert view.destination is not None
    assert view.destination.hint == "ends in 3000"
    [attempt] = sellers.attempts(payout_id)
    assert (attempt.provider_ref, attempt.source_ref) == (transfer.id, intent.latest_charge)
    assert sellers.lines(f"{payout_id}:paid") == {
        "liabilities:seller:SELLER": SELLERS_PART,
        "assets:stripe:pending": -SELLERS_PART,
    }
    assert sellers.owed() == (0, 0)
    assert sellers.pay() == {"due": 0, "found_destination": 0}
    sellers.assert_invariants()


def test_it_waits_for_a_destination(sellers: Sellers) -> None:
    payout_id = sellers.release(sellers.paid_by_card())
    assert sellers.standing(payout_id) == ("waiting", None)
    assert sellers.pay()["due"] == 0
    assert sellers.owed() == (SELLERS_PART, 0)
    sellers.bank_account()  # money that Stripe has goes to no bank account
    assert sellers.pay()["found_destination"] == 0
    sellers.connected_account()
    sellers.wait(seconds=1)
    assert sellers.pay() == {"due": 1, "found_destination": 1, "sent": 1}
    assert sellers.standing(payout_id) == ("paid", None)


def test_it_goes_to_the_destination_in_force_when_it_is_sent(sellers: Sellers) -> None:
    old = sellers.connected_account()
    payout_id = sellers.release(sellers.paid_by_card())
    sellers.wait(minutes=1)
    new = sellers.connected_account()
    sellers.pay()
    assert sellers.standing(payout_id) == ("paid", None)
    assert (transfers_to(sellers, old), len(transfers_to(sellers, new))) == ([], 1)


def test_a_lost_answer_is_found_again_and_nothing_is_sent_twice(
    sellers: Sellers, line: Line
) -> None:
    account = sellers.connected_account()
    payout_id = sellers.release(sellers.paid_by_card())
    line.fault = "lost_answer"
    assert sellers.pay()["still_unknown"] == 1
    assert sellers.standing(payout_id) == ("unknown", None)
    assert sellers.owed() == (SELLERS_PART, 0)
    assert sellers.pay()["due"] == 0
    line.fault = None
    sellers.wait(minutes=2)
    assert sellers.pay()["seen"] == 1
    assert sellers.standing(payout_id) == ("paid", None)
    assert len(transfers_to(sellers, account)) == 1
    sellers.assert_invariants()


def test_an_operator_who_asks_takes_no_payout_from_whoever_asks_for_it_just_now(
    sellers: Sellers, line: Line
) -> None:
    sellers.connected_account()
    payment = sellers.paid_by_card()
    payout_id = sellers.release(payment)
    line.fault = "lost_answer"
    sellers.pay()
    assert sellers.standing(payout_id)[0] == "unknown"
    ask_now(sellers, payment)
    assert sellers.pay()["due"] == 0, "whoever looks or sends has it for a minute"
    line.lookups_fail = True
    for minutes in (2, 10):
        sellers.wait(minutes=minutes)
        assert sellers.pay()["still_unknown"] == 1
    line.fault, line.lookups_fail = None, False
    sellers.wait(minutes=2)
    assert sellers.pay()["due"] == 0
    ask_now(sellers, payment)
    assert sellers.pay()["seen"] == 1


def ask_now(sellers: Sellers, payment: Payment) -> None:
    """What an operator does who does not want to wait."""
    with transaction(sellers.engine) as session:
        ask_about_payment(
            session,
            caller=SERVICE,
            reference=new_reference(),
            payment_id=payment.id,
            providers=["stripe"],
            now=sellers.now,
            request_id=None,
        )


@pytest.mark.parametrize("fault", ["no_line", 500, 429, 409])
def test_what_never_arrived_is_sent_again_under_its_key(
    sellers: Sellers, line: Line, fault: str | int
) -> None:
    account = sellers.connected_account()
    payout_id = sellers.release(sellers.paid_by_card())
    line.fault = fault
    sellers.pay()
    assert sellers.standing(payout_id)[0] == "unknown"
    line.fault = None
    line.lookups_fail = True
    sellers.wait(minutes=2)
    assert sellers.pay()["still_unknown"] == 1
    line.lookups_fail = False
    sellers.wait(minutes=10)
    assert sellers.pay()["sent"] == 1
    assert sellers.standing(payout_id) == ("paid", None)
    assert len(transfers_to(sellers, account)) == 1
    assert {key for key in line.keys if payout_id in (key or "")} == {payout_id}


def test_what_nobody_heard_of_for_a_day_counts_as_not_made(sellers: Sellers, line: Line) -> None:
    sellers.connected_account()
    payout_id = sellers.release(sellers.paid_by_card())
    line.fault = "no_line"
    sellers.pay()
    sellers.wait(hours=24)
    assert sellers.pay()["failed"] == 1
    assert sellers.standing(payout_id) == ("failed", "never_arrived")
    assert sellers.owed() == (SELLERS_PART, SELLERS_PART)
    line.fault = None
    sellers.retry(payout_id)
    sellers.pay()
    assert sellers.standing(payout_id) == ("paid", None)
    sellers.assert_invariants()


def test_a_process_that_died_before_its_call_is_followed_up(sellers: Sellers) -> None:
    account = sellers.connected_account()
    payout_id = sellers.release(sellers.paid_by_card())
    with transaction(sellers.engine) as session:
        assert begin_attempt(session, payout_id, cipher=CIPHER, now=sellers.now) is not None
        assert begin_attempt(session, payout_id, cipher=CIPHER, now=sellers.now) is None
    assert sellers.pay()["due"] == 0
    sellers.wait(minutes=1)
    with transaction(sellers.engine) as session:  # as by a worker that saw it queued, and is late
        assert begin_attempt(session, payout_id, cipher=CIPHER, now=sellers.now) is None
    assert sellers.pay()["sent"] == 1
    assert (sellers.standing(payout_id), len(transfers_to(sellers, account))) == (("paid", None), 1)


def test_two_workers_at_once_send_each_payout_once(sellers: Sellers) -> None:
    account = sellers.connected_account()
    payouts = [sellers.release(sellers.paid_by_card()) for _ in range(4)]
    with ThreadPoolExecutor(4) as workers:
        runs = list(workers.map(lambda _: sellers.pay(), range(4)))
    assert sum(run.get("sent", 0) for run in runs) == len(payouts)
    assert {sellers.standing(payout_id) for payout_id in payouts} == {("paid", None)}
    assert len(transfers_to(sellers, account)) == len(payouts)
    sellers.assert_invariants()


def test_a_refused_destination_leaves_the_money_the_sellers(sellers: Sellers) -> None:
    account = sellers.connected_account()
    sellers.turn(f"accounts/{account}", transfers="inactive")
    payout_id = sellers.release(sellers.paid_by_card())
    sellers.pay()
    assert sellers.standing(payout_id) == ("failed", "destination_refused")
    assert sellers.owed() == (SELLERS_PART, SELLERS_PART)
    sellers.assert_invariants()

    sellers.wait(minutes=1)
    good = sellers.connected_account()
    reference = new_reference()
    assert sellers.retry(payout_id, reference).status == "queued"
    assert sellers.retry(payout_id, reference).status == "queued"
    assert sellers.owed() == (SELLERS_PART, 0)
    sellers.pay()
    assert sellers.standing(payout_id) == ("paid", None)
    assert [one.state for one in sellers.attempts(payout_id)] == ["failed", "paid"]
    assert len(transfers_to(sellers, good)) == 1
    assert sellers.lines(f"{payout_id}:paid:2")["assets:stripe:pending"] == -SELLERS_PART
    with pytest.raises(ConflictError) as refused:
        sellers.retry(payout_id)
    assert refused.value.code == "payout_not_failed"
    sellers.assert_invariants()


def test_reversed_money_is_owed_again_part_by_part(sellers: Sellers) -> None:
    account = sellers.connected_account()
    payout_id = sellers.release(sellers.paid_by_card())
    sellers.pay()
    [transfer] = transfers_to(sellers, account)
    sellers.turn(f"transfers/{transfer.id}/reverse", amount=500)
    sellers.look_again(payout_id)
    assert sellers.standing(payout_id) == ("failed", "returned")
    assert sellers.owed() == (500, 500)
    sellers.look_again(payout_id)
    assert sellers.owed() == (500, 500)
    sellers.assert_invariants()

    sellers.turn(f"transfers/{transfer.id}/reverse")
    sellers.look_again(payout_id)
    assert sellers.owed() == (SELLERS_PART, SELLERS_PART)
    assert sellers.read(payout_id).amount_paid == 0
    sellers.retry(payout_id)
    sellers.pay()
    assert sellers.read(payout_id).amount_paid == SELLERS_PART
    assert [each.amount for each in transfers_to(sellers, account)] == [SELLERS_PART] * 2
    sellers.assert_invariants()


def told(sellers: Sellers, payout_id: str, **changed: object) -> PayoutReported:
    """What Stripe's event about the payout's first transfer says."""
    fields: dict[str, object] = {
        "provider": "stripe",
        "payout_ref": f"tr_of_{payout_id}",
        "payout_id": payout_id,
        "attempt": 1,
        "amount": SELLERS_PART,
        "currency": "EUR",
        "status": PayoutStatus.PAID,
        "occurred_at": sellers.now,
    }
    return PayoutReported(**{**fields, **changed})  # type: ignore[arg-type] # each is of its type


def record(sellers: Sellers, fact: PayoutReported) -> tuple[bool, str | None]:
    with transaction(sellers.engine) as session:
        recorded = record_payout(session, fact, now=sellers.now)
    return recorded.is_news, recorded.refusal


def begun(sellers: Sellers) -> str:
    sellers.connected_account()
    payout_id = sellers.release(sellers.paid_by_card())
    with transaction(sellers.engine) as session:
        begin_attempt(session, payout_id, cipher=CIPHER, now=sellers.now)
    return payout_id


def test_the_event_may_come_before_the_answer_and_again(sellers: Sellers) -> None:
    payout_id = begun(sellers)
    assert record(sellers, told(sellers, payout_id)) == (True, None)
    assert sellers.standing(payout_id) == ("paid", None)
    assert record(sellers, told(sellers, payout_id)) == (False, None)
    nameless = dataclasses.replace(told(sellers, payout_id), payout_id=None, attempt=None)
    assert record(sellers, nameless) == (False, None)
    assert sellers.count_entries("payout", payout_id) == 1


def test_what_cannot_be_right_is_refused_by_name(sellers: Sellers) -> None:
    payout_id = begun(sellers)
    for changed, reason in (
        ({"amount": SELLERS_PART + 1}, "amount_differs"),
        ({"currency": "USD"}, "amount_differs"),
        ({"attempt": 2}, "unknown_payout"),
        ({"provider": "truelayer"}, "unknown_payout"),
        ({"returns": (MoneyReturned("trr_1", SELLERS_PART + 1, sellers.now),)}, "amount_differs"),
    ):
        assert record(sellers, told(sellers, payout_id, **changed)) == (False, reason)
    assert record(sellers, told(sellers, "pyo_none")) == (False, "unknown_payout")
    assert record(sellers, told(sellers, payout_id)) == (True, None)
    other = told(sellers, payout_id, payout_ref="tr_other")
    assert record(sellers, other) == (False, "reference_differs")
    assert sellers.count_entries("payout", payout_id) == 1
    sellers.assert_invariants()


def test_money_that_left_after_it_was_given_up_is_booked_all_the_same(
    sellers: Sellers, line: Line
) -> None:
    sellers.connected_account()
    payout_id = sellers.release(sellers.paid_by_card())
    line.fault = "no_line"
    sellers.pay()
    sellers.wait(hours=24)
    sellers.pay()
    assert sellers.standing(payout_id) == ("failed", "never_arrived")
    assert record(sellers, told(sellers, payout_id)) == (True, None)
    assert sellers.standing(payout_id) == ("paid", None)
    sellers.assert_invariants()


def test_money_that_left_for_an_older_attempt_is_left_to_a_person(
    sellers: Sellers, line: Line
) -> None:
    sellers.connected_account()
    payout_id = sellers.release(sellers.paid_by_card())
    line.fault = "no_line"
    sellers.pay()
    sellers.wait(hours=24)
    sellers.pay()
    sellers.retry(payout_id)
    line.fault = None
    sellers.pay()
    assert record(sellers, told(sellers, payout_id)) == (False, "attempt_given_up")
    assert sellers.count_entries("payout", payout_id) == 1


@pytest.mark.parametrize("retried", [True, False])
def test_money_that_left_before_it_was_sent_once_more_is_not_sent_once_more(
    sellers: Sellers, *, retried: bool
) -> None:
    """An operator asked for it again, or we did ourselves: then its provider says it was paid."""
    account = sellers.connected_account()
    payout_id = sellers.release(sellers.paid_by_card())
    with transaction(sellers.engine) as session:
        begin_attempt(session, payout_id, cipher=CIPHER, now=sellers.now)
    code = "provider_refused" if retried else "funds_not_available"
    record(sellers, told(sellers, payout_id, status=PayoutStatus.FAILED, failure_code=code))
    if retried:
        sellers.retry(payout_id)
    assert sellers.standing(payout_id) == ("queued", None)
    assert record(sellers, told(sellers, payout_id)) == (True, None)
    assert sellers.standing(payout_id) == ("paid", None)
    assert sellers.owed() == (0, 0)
    sellers.wait(hours=1)
    sellers.pay()
    assert transfers_to(sellers, account) == []  # the one that was told of is not at Stripe
    sellers.assert_invariants()


def test_what_never_arrived_is_not_sent_again_while_it_is_frozen(
    sellers: Sellers, line: Line
) -> None:
    account = sellers.connected_account()
    payment = sellers.paid_by_card()
    payout_id = sellers.release(payment)
    line.fault = "no_line"
    sellers.pay()
    line.fault = None
    freeze_id = sellers.freeze(payment.order_id)
    sellers.wait(minutes=2)
    assert sellers.pay()["frozen"] == 1
    assert transfers_to(sellers, account) == []
    sellers.lift(freeze_id)
    sellers.wait(minutes=10)
    assert sellers.pay()["sent"] == 1
    assert sellers.standing(payout_id) == ("paid", None)
    assert len(transfers_to(sellers, account)) == 1
    sellers.assert_invariants()


def test_a_key_that_was_used_for_something_else_refuses_nothing(sellers: Sellers) -> None:
    """Then something was made under it, and it must be found rather than made once more."""
    sellers.connected_account()
    payout_id = sellers.release(sellers.paid_by_card())
    with transaction(sellers.engine) as session:
        begun = begin_attempt(session, payout_id, cipher=CIPHER, now=sellers.now)
    assert begun is not None
    transfers = StripeTransfers(sellers.providers.stripe)
    transfers.create_payout(begun.request)
    with pytest.raises(OutcomeUnknownError):
        transfers.create_payout(dataclasses.replace(begun.request, amount=1))
    made = transfers.find_payout(begun.request)
    assert made is not None
    assert record(sellers, made) == (True, None)


def test_without_a_charge_it_waits_until_the_money_is_available(sellers: Sellers) -> None:
    """Stripe says it has not enough: the money is still on its way, so it is tried again."""
    account = sellers.connected_account()
    payout_id = sellers.release(sellers.paid_by_card())
    with transaction(sellers.engine) as session:
        begin_attempt(session, payout_id, cipher=CIPHER, now=sellers.now)
    refused = told(
        sellers, payout_id, status=PayoutStatus.FAILED, failure_code="funds_not_available"
    )
    record(sellers, refused)
    assert sellers.standing(payout_id) == ("queued", None)
    assert sellers.owed() == (SELLERS_PART, 0)
    assert sellers.pay()["due"] == 0
    sellers.wait(minutes=5)
    assert sellers.pay()["sent"] == 1
    assert len(transfers_to(sellers, account)) == 1
    sellers.assert_invariants()


def test_a_provider_that_is_not_set_up_keeps_no_other_waiting(sellers: Sellers) -> None:
    sellers.connected_account()
    sellers.bank_account()
    by_bank, by_card = (
        sellers.release(sellers.paid_by_bank()),
        sellers.release(sellers.paid_by_card()),
    )
    sellers.pay()
    assert sellers.standing(by_card) == ("paid", None)
    assert sellers.standing(by_bank)[0] == "unknown"


def test_gocardless_cannot_pay_out_and_says_so(sellers: Sellers) -> None:
    sellers.bank_account()
    payout_id = sellers.release(sellers.paid_by_bank("gocardless"))
    assert sellers.standing(payout_id) == ("failed", "provider_cannot_pay_out")
    assert sellers.owed() == (SELLERS_PART, SELLERS_PART)
    with pytest.raises(ConflictError) as refused:
        sellers.retry(payout_id)
    assert refused.value.code == "provider_cannot_pay_out"
    assert sellers.pay()["due"] == 0
    sellers.assert_invariants()


def test_a_part_and_then_the_rest_are_two_payouts(sellers: Sellers) -> None:
    account = sellers.connected_account()
    payment = sellers.paid_by_card()
    first = sellers.release(payment, 4_000)
    second = sellers.release(payment, 3_000)
    sellers.pay()
    assert sorted(each.amount for each in transfers_to(sellers, account)) == [3_000, 4_000]
    assert sellers.lines(f"{first}:paid")["assets:stripe:pending"] == -4_000
    assert sellers.lines(f"{second}:paid")["assets:stripe:pending"] == -3_000


def test_nothing_leaves_while_the_order_is_frozen(sellers: Sellers) -> None:
    account = sellers.connected_account()
    payment = sellers.paid_by_card()
    payout_id = sellers.release(payment)
    freeze_id = sellers.freeze(payment.order_id)
    sellers.pay()
    assert (sellers.standing(payout_id), transfers_to(sellers, account)) == (("queued", None), [])
    sellers.lift(freeze_id)
    sellers.now += dt.timedelta(minutes=1)
    sellers.pay()
    assert sellers.standing(payout_id) == ("paid", None)
