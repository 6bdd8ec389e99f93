"""What Stripe did after the moment of a restore is known again, and done once."""

import pytest

from payments.access.caller import Caller
from payments.database import transaction
from payments.errors import ConflictError
from payments.idempotency import Answered
from payments.intake.read_payment import read_payment
from payments.lifecycle.tables import Payment
from payments.lifecycle.view import RefundView
from payments.providers.outcome import OutcomeUnknownError
from payments.refunds.create_refund import create_refund
from payments.restores.fail_over import fail_over
from payments.restores.read_restores import find_open
from payments.restores.tables import Restore
from tests.databases import Servers
from tests.payments.payouts.sellers import Sellers
from tests.payments.restores.forgetting import ONE, OTHER, Moment, Restored
from tests.payments.shop import CIPHER, SERVICE, new_reference

PART, AMOUNT, SELLERS_PART = 1_000, 11_900, 9_500


def refund(
    sellers: Sellers, payment: Payment, *, reference: str, amount: int | None = PART
) -> Answered[RefundView]:
    return create_refund(
        sellers.engine,
        caller=SERVICE,
        reference=reference,
        payment_id=payment.id,
        amount=amount,
        reason="requested_by_customer",
        now=sellers.now,
        providers=sellers.providers,
    )


def refunds_at_stripe(sellers: Sellers, payment: Payment) -> list[int]:
    page = sellers.providers.stripe.v1.refunds.list({"payment_intent": payment.provider_ref or ""})
    return sorted(one.amount for one in page.data)


def transfers_to(sellers: Sellers, account: str) -> list[str]:
    page = sellers.providers.stripe.v1.transfers.list({"destination": account})
    return [one.id for one in page.data]


def test_a_forgotten_refund_is_booked_and_not_made_again(
    sellers: Sellers, servers: Servers
) -> None:
    payment = sellers.paid_by_card()
    moment = Moment(servers, sellers, None)
    made = refund(sellers, payment, reference="refund-of-the-shop")
    with moment.restored() as restored:
        restored.begin()
        with pytest.raises(OutcomeUnknownError):  # nothing at all is sent
            restored.sellers.providers.stripe.v1.refunds.create(
                {"payment_intent": payment.provider_ref or "", "amount": 1}
            )
        restored.reconcile()
        [found] = [one for one in restored.findings() if one.our_id == made.resource.id]
        assert (found.kind, found.status, found.amount) == ("refund", "adopted", PART)
        restored.finish()
        with transaction(restored.engine) as session:
            view = read_payment(session, caller=SERVICE, payment_id=payment.id)
        assert view.amount_refunded == PART
        # The shop never learned that it was made, and asks again: it gets the one there is.
        again = refund(restored.sellers, payment, reference="refund-of-the-shop")
        assert again.resource.amount == PART
        assert refunds_at_stripe(sellers, payment) == [PART]
        assert refund(restored.sellers, payment, reference="refund-of-the-shop").replayed
        assert refunds_at_stripe(sellers, payment) == [PART]
        # Another one is another one.
        refund(restored.sellers, payment, reference="one-more")
        assert refunds_at_stripe(sellers, payment) == [PART, PART]
        restored.sellers.assert_invariants()


def test_a_forgotten_transfer_of_a_payout_that_is_known_is_booked(
    sellers: Sellers, servers: Servers
) -> None:
    account = sellers.connected_account()
    payment = sellers.paid_by_card()
    payout_id = sellers.release(payment)
    moment = Moment(servers, sellers, None)
    assert sellers.pay()["sent"] == 1
    with moment.restored() as restored:
        restored.begin()
        restored.pay_everything()
        assert restored.sellers.standing(payout_id) == ("queued", None)
        restored.reconcile()
        assert restored.sellers.standing(payout_id) == ("paid", None)
        restored.finish()
        restored.pay_everything()
        assert len(transfers_to(sellers, account)) == 1
        restored.sellers.assert_invariants()


def test_a_forgotten_second_attempt_is_booked_as_that(sellers: Sellers, servers: Servers) -> None:
    account = sellers.connected_account()
    payout_id = sellers.release(sellers.paid_by_card())
    moment = Moment(servers, sellers, None)
    with transaction(sellers.engine) as session:
        row = session.get_one(type(sellers.row(payout_id)), payout_id)
        row.attempts = 1  # the first attempt had failed
    assert sellers.pay()["sent"] == 1
    with moment.restored() as restored:
        restored.go_through()
        restored.pay_everything()
        assert restored.sellers.standing(payout_id) == ("paid", None)
        assert [one.number for one in restored.sellers.attempts(payout_id)] == [2]
        assert len(transfers_to(sellers, account)) == 1


def test_a_forgotten_release_takes_the_transfer_that_was_made_of_it(
    sellers: Sellers, servers: Servers
) -> None:
    account = sellers.connected_account()
    payment = sellers.paid_by_card()
    moment = Moment(servers, sellers, None)
    sellers.release(payment)
    assert sellers.pay()["sent"] == 1
    [transfer] = transfers_to(sellers, account)
    with moment.restored() as restored:
        restored.go_through()
        assert restored.finding(transfer).status == "awaiting"
        payout_id = restored.sellers.release(payment)  # asked for anew, with ids of its own
        restored.pay_everything()
        assert restored.sellers.standing(payout_id) == ("paid", None)
        assert transfers_to(sellers, account) == [transfer]
        assert restored.finding(transfer).claimed_by == payout_id
        restored.sellers.assert_invariants()


def test_another_payout_of_the_order_waits_until_a_person_has_seen_to_it(
    sellers: Sellers, servers: Servers
) -> None:
    account = sellers.connected_account()
    payment = sellers.paid_by_card()
    moment = Moment(servers, sellers, None)
    sellers.release(payment, 3_000)
    assert sellers.pay()["sent"] == 1
    [transfer] = transfers_to(sellers, account)
    with moment.restored() as restored:
        restored.go_through()
        payout_id = restored.sellers.release(payment, 5_000)
        restored.pay_everything()
        assert restored.sellers.standing(payout_id) == ("queued", None)
        assert transfers_to(sellers, account) == [transfer]
        restored.settle(restored.finding(transfer))
        restored.pay_everything()
        assert len(transfers_to(sellers, account)) == 2


def test_a_forgotten_payment_of_a_known_order_is_booked(sellers: Sellers, servers: Servers) -> None:
    order = sellers.shop.order()
    moment = Moment(servers, sellers, None)
    payment = sellers.paid_by_card(order)
    with moment.restored() as restored:
        restored.go_through()
        assert restored.finding(payment.provider_ref or "").status == "adopted"
        with transaction(restored.engine) as session:
            view = read_payment(session, caller=SERVICE, payment_id=payment.id)
        assert (view.status, view.amount_captured) == ("succeeded", AMOUNT)
        with pytest.raises(ConflictError):  # nobody can pay it again
            restored.sellers.paid_by_card(order)
        restored.sellers.assert_invariants()


def test_money_for_a_forgotten_order_keeps_the_restore_open(
    sellers: Sellers, servers: Servers
) -> None:
    moment = Moment(servers, sellers, None)
    payment = sellers.paid_by_card()
    with moment.restored() as restored:
        restored.begin()
        restored.reconcile()
        found = restored.finding(payment.provider_ref or "")
        assert (found.status, found.amount, found.currency) == ("open", AMOUNT, "EUR")
        with pytest.raises(ConflictError, match="open"):
            restored.finish_by(ONE)


def test_a_forgotten_dispute_is_booked(sellers: Sellers, servers: Servers) -> None:
    payment = sellers.paid_by_card()
    moment = Moment(servers, sellers, None)
    intent = sellers.providers.stripe.v1.payment_intents.retrieve(payment.provider_ref or "")
    sellers.turn("disputes", charge=intent.latest_charge)
    with moment.restored() as restored:
        restored.go_through()
        with transaction(restored.engine) as session:
            view = read_payment(session, caller=SERVICE, payment_id=payment.id)
        assert view.status == "disputed"
        restored.sellers.assert_invariants()


def test_a_second_restore_does_not_have_forgotten_money_twice(
    sellers: Sellers, servers: Servers
) -> None:
    account = sellers.connected_account()
    payment = sellers.paid_by_card()
    moment = Moment(servers, sellers, None)
    refund(sellers, payment, reference="refund-of-the-shop")
    sellers.release(payment, 3_000)
    assert sellers.pay()["sent"] == 1
    with moment.restored() as restored:
        restored.go_through()
        restored.go_through()  # a standby took over, an hour later
        again = refund(restored.sellers, payment, reference="refund-of-the-shop")
        assert (again.replayed, refunds_at_stripe(sellers, payment)) == (True, [PART])
        assert not refund(restored.sellers, payment, reference="one-more").replayed
        first, second = (restored.sellers.release(payment, 3_000) for _ in range(2))
        restored.pay_everything()
        assert restored.sellers.standing(first) == ("paid", None)
        assert restored.sellers.standing(second) == ("paid", None)
        assert len(transfers_to(sellers, account)) == 2
        restored.sellers.assert_invariants()


def fail_over_by(caller: Caller, restored: Restored) -> Restore:
    return fail_over(
        restored.engine,
        caller=caller,
        reference=new_reference(),
        reason="the standby was synchronous",
        providers=restored.sellers.providers,
        cipher=CIPHER,
        chains={},
        clock=lambda: restored.sellers.now,
    )


def test_a_standby_that_lost_nothing_goes_on_by_one_command_of_each_of_two(
    sellers: Sellers, servers: Servers
) -> None:
    sellers.connected_account()
    payment = sellers.paid_by_card()
    refund(sellers, payment, reference="before")
    payout_id = sellers.release(payment, 3_000)
    assert sellers.pay()["sent"] == 1
    moment = Moment(servers, sellers, None)
    with moment.restored() as restored:
        assert fail_over_by(ONE, restored).status == "finish_requested"
        assert fail_over_by(ONE, restored).status == "finish_requested"  # it may be run again
        assert restored.finish_by(OTHER).status == "finished"
        assert restored.sellers.standing(payout_id) == ("paid", None)


@pytest.mark.parametrize("what", ["refund", "payment", "transfer"])
def test_a_standby_that_lost_something_is_no_short_way(
    sellers: Sellers, servers: Servers, what: str
) -> None:
    sellers.connected_account()
    payment, order = sellers.paid_by_card(), sellers.shop.order()
    sellers.release(payment, 3_000)
    moment = Moment(servers, sellers, None)
    if what == "refund":
        refund(sellers, payment, reference="lost")
    elif what == "payment":
        sellers.paid_by_card(order)
    else:
        assert sellers.pay()["sent"]
    with moment.restored() as restored:
        for _ in range(2):  # what was adopted by then still was forgotten
            with pytest.raises(ConflictError, match="forgotten"):
                fail_over_by(ONE, restored)
        with transaction(restored.engine) as session:
            going_on = find_open(session)
        assert going_on is not None
        assert going_on.status == "begun"
