"""What GoCardless shows of a payment, at each step of its life, as facts; and giving it up."""

import datetime as dt

import pytest

from payments.errors import ConflictError
from payments.providers.facts import (
    ActionRequired,
    Canceled,
    DisputeReported,
    DisputeStatus,
    Fact,
    MoneyReceived,
    PaymentFailed,
    Processing,
)
from payments.providers.gocardless.adapter import GoCardless
from payments.providers.outcome import OutcomeUnknownError, UnexpectedStateError
from payments.providers.ports import Link
from tests.payments.providers.gocardless.conftest import REQUEST, SEEN_AT, Paid
from tests.payments.providers.gocardless.gocardless_server import GoCardlessServer, Resource


def look(adapter: GoCardless, provider_ref: str) -> list[Fact]:
    facts = list(adapter.get_status(provider_ref, seen_at=SEEN_AT))
    for fact in facts:
        assert (fact.provider, fact.provider_ref) == ("gocardless", provider_ref)
        assert fact.payment_id == REQUEST.payment_id
    return facts


def moment(resource: Resource) -> dt.datetime:
    return dt.datetime.fromisoformat(resource["created_at"])


def test_a_page_that_is_open_waits_for_the_payer(adapter: GoCardless, link: Link) -> None:
    [fact] = look(adapter, link.provider_ref)
    assert isinstance(fact, ActionRequired)
    assert (fact.provider_status, fact.occurred_at) == ("pending", SEEN_AT)


@pytest.mark.parametrize("status", ["ready_to_fulfil", "fulfilling", "fulfilled"])
def test_authorised_with_no_payment_yet_is_under_way(
    gocardless: GoCardlessServer, adapter: GoCardless, link: Link, status: str
) -> None:
    gocardless.books["billing_requests"][link.provider_ref]["status"] = status
    [fact] = look(adapter, link.provider_ref)
    assert isinstance(fact, Processing)
    assert (fact.provider_status, fact.occurred_at) == (status, SEEN_AT)


@pytest.mark.parametrize("status", ["pending_customer_approval", "pending_submission", "submitted"])
def test_a_payment_at_the_banks_is_under_way_now(
    adapter: GoCardless, paid: Paid, status: str
) -> None:
    paid.payment["status"] = status
    [fact] = look(adapter, paid.provider_ref)
    assert isinstance(fact, Processing)
    assert (fact.provider_status, fact.occurred_at) == (status, SEEN_AT)


def test_confirmed_is_money_since_it_was_confirmed(
    gocardless: GoCardlessServer, adapter: GoCardless, paid: Paid
) -> None:
    [_, confirmed] = gocardless.settle(paid.payment, "submitted", "confirmed")
    fact = look(adapter, paid.provider_ref)[-1]
    assert isinstance(fact, MoneyReceived)
    assert (fact.source, fact.receipt_ref) == ("gocardless", paid.payment["id"])
    assert (fact.amount, fact.currency) == (11_900, "GBP")
    assert fact.occurred_at == moment(confirmed)


def test_paid_out_is_the_same_money(
    gocardless: GoCardlessServer, adapter: GoCardless, paid: Paid
) -> None:
    gocardless.settle(paid.payment, "submitted", "confirmed", "paid_out")
    money = [fact for fact in look(adapter, paid.provider_ref) if isinstance(fact, MoneyReceived)]
    assert [fact.provider_status for fact in money] == ["confirmed", "paid_out"]
    assert len({(fact.receipt_ref, fact.amount, fact.currency) for fact in money}) == 1


def test_money_is_seen_before_its_event_was_made(adapter: GoCardless, paid: Paid) -> None:
    paid.payment["status"] = "confirmed"
    fact = look(adapter, paid.provider_ref)[-1]
    assert isinstance(fact, MoneyReceived)
    assert fact.occurred_at == SEEN_AT


def test_a_failure_says_why_and_takes_money_back(
    gocardless: GoCardlessServer, adapter: GoCardless, paid: Paid
) -> None:
    gocardless.settle(paid.payment, "submitted", "confirmed")
    [failed] = gocardless.settle(paid.payment, "failed", cause="insufficient_funds")
    *_, money, fact = look(adapter, paid.provider_ref)
    assert isinstance(money, MoneyReceived)
    assert isinstance(fact, PaymentFailed)
    assert fact.takes_back
    assert fact.failure.message == "The account has insufficient funds."
    assert fact.occurred_at == moment(failed)


def test_an_approval_that_was_denied_fails_and_takes_nothing_back(
    gocardless: GoCardlessServer, adapter: GoCardless, paid: Paid
) -> None:
    gocardless.settle(paid.payment, "customer_approval_denied")
    fact = look(adapter, paid.provider_ref)[-1]
    assert isinstance(fact, PaymentFailed)
    assert not fact.takes_back


def test_a_payment_cancelled_at_gocardless_is_given_up(
    gocardless: GoCardlessServer, adapter: GoCardless, paid: Paid
) -> None:
    gocardless.settle(paid.payment, "cancelled")
    assert isinstance(look(adapter, paid.provider_ref)[-1], Canceled)


def test_a_chargeback_and_its_end_are_one_dispute_about_all_of_it(
    gocardless: GoCardlessServer, adapter: GoCardless, paid: Paid
) -> None:
    gocardless.settle(paid.payment, "confirmed", "charged_back", "chargeback_cancelled")
    *_, opened, closed = look(adapter, paid.provider_ref)
    assert isinstance(opened, DisputeReported)
    assert isinstance(closed, DisputeReported)
    assert (opened.status, closed.status) == (DisputeStatus.OPEN, DisputeStatus.WON)
    assert opened.dispute_ref == closed.dispute_ref == f"{paid.payment['id']}:chargeback"
    assert (opened.amount, opened.currency) == (11_900, "GBP")


def test_a_chargeback_whose_history_is_archived_still_follows_money(
    adapter: GoCardless, paid: Paid
) -> None:
    paid.payment["status"] = "charged_back"
    kinds = [type(fact) for fact in look(adapter, paid.provider_ref)]
    assert kinds.index(MoneyReceived) < kinds.index(DisputeReported)


def test_a_payment_without_our_ids_is_given_them_so_that_its_events_name_it(
    gocardless: GoCardlessServer, adapter: GoCardless, link: Link
) -> None:
    gocardless.copies_metadata = False
    payment = gocardless.authorise(link.provider_ref)
    look(adapter, link.provider_ref)
    assert payment["metadata"]["payment_id"] == REQUEST.payment_id
    assert payment["metadata"]["due"] == "11900 GBP"
    look(adapter, link.provider_ref)
    assert [method for method, *_ in gocardless.asked].count("PUT") == 1


def test_ids_that_could_not_be_given_do_not_hide_the_money(
    gocardless: GoCardlessServer, adapter: GoCardless, link: Link
) -> None:
    gocardless.copies_metadata = False
    payment = gocardless.authorise(link.provider_ref)
    gocardless.settle(payment, "confirmed")
    gocardless.faults[f"PUT /payments/{payment['id']}"] = "no_line"
    assert isinstance(look(adapter, link.provider_ref)[-1], MoneyReceived)


@pytest.mark.parametrize("part", ["billing_requests", "payments", "events"])
def test_no_answer_to_any_part_is_no_answer(
    gocardless: GoCardlessServer, adapter: GoCardless, paid: Paid, part: str
) -> None:
    gocardless.settle(paid.payment, "confirmed")
    paths = {
        "billing_requests": f"/billing_requests/{paid.provider_ref}",
        "payments": f"/payments/{paid.payment['id']}",
        "events": "/events",
    }
    gocardless.faults[f"GET {paths[part]}"] = "no_line"
    with pytest.raises(OutcomeUnknownError):
        adapter.get_status(paid.provider_ref, seen_at=SEEN_AT)


@pytest.mark.parametrize("amount", ["11900", 11_900.5, True, None, -11_900])
def test_an_amount_of_another_form_is_not_guessed_at(
    adapter: GoCardless, paid: Paid, amount: object
) -> None:
    paid.payment.update(status="confirmed", amount=amount)
    with pytest.raises(OutcomeUnknownError, match="not as documented"):
        adapter.get_status(paid.provider_ref, seen_at=SEEN_AT)


def test_a_status_we_do_not_know_tells_nothing(adapter: GoCardless, paid: Paid) -> None:
    paid.payment["status"] = "of_the_future"
    assert all(isinstance(fact, Processing) for fact in look(adapter, paid.provider_ref))


def test_a_billing_request_that_is_not_there(adapter: GoCardless, link: Link) -> None:
    with pytest.raises(ConflictError, match="resource_not_found"):
        adapter.get_status(f"{link.provider_ref}0", seen_at=SEEN_AT)


# ---- giving it up --------------------------------------------------------------------------------


def cancel(adapter: GoCardless, provider_ref: str) -> list[Fact]:
    return list(adapter.cancel(provider_ref, idempotency_key="call-9", seen_at=SEEN_AT))


def test_cancel_closes_the_page_and_again_is_the_same(
    gocardless: GoCardlessServer, adapter: GoCardless, link: Link
) -> None:
    for _ in range(2):
        [fact] = cancel(adapter, link.provider_ref)
        assert isinstance(fact, Canceled)
        assert (fact.provider_ref, fact.payment_id) == (link.provider_ref, REQUEST.payment_id)
    assert gocardless.books["billing_requests"][link.provider_ref]["status"] == "cancelled"


def test_cancel_after_a_lost_answer(
    gocardless: GoCardlessServer, adapter: GoCardless, link: Link
) -> None:
    path = f"POST /billing_requests/{link.provider_ref}/actions/cancel"
    gocardless.faults[path] = "lost_answer"
    with pytest.raises(OutcomeUnknownError):
        cancel(adapter, link.provider_ref)
    gocardless.faults.clear()
    assert [type(fact) for fact in cancel(adapter, link.provider_ref)] == [Canceled]


def test_what_the_payer_has_authorised_is_not_canceled(adapter: GoCardless, paid: Paid) -> None:
    with pytest.raises(UnexpectedStateError):
        cancel(adapter, paid.provider_ref)
    assert paid.payment["status"] == "pending_submission"
