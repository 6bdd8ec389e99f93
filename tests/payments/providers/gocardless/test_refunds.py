"""Refunds are made once, know of each other, and are found by our id."""

import dataclasses

import pytest

from payments.errors import ConflictError, InvalidRequestError
from payments.providers.facts import RefundStatus
from payments.providers.gocardless.adapter import GoCardless
from payments.providers.outcome import OutcomeUnknownError, UnexpectedStateError
from payments.providers.ports import Link
from tests.payments.providers.gocardless.conftest import Paid
from tests.payments.providers.gocardless.gocardless_server import GoCardlessServer, Refused

REFUNDS = "POST /refunds"


@pytest.fixture(autouse=True)
def settled(gocardless: GoCardlessServer, paid: Paid) -> None:
    gocardless.settle(paid.payment, "confirmed")


def test_a_refund_is_of_the_payment_and_carries_our_ids(
    gocardless: GoCardlessServer, adapter: GoCardless, paid: Paid
) -> None:
    told = adapter.create_refund(paid.refund(1_900))
    [refund] = gocardless.books["refunds"].values()
    assert refund["links"] == {"payment": paid.payment["id"]}
    assert refund["metadata"] == {
        "refund_id": "rfd_01",
        "payment_id": "pay_01K9",
        "due": "1900 GBP",
    }
    assert (told.refund_ref, told.refund_id) == (refund["id"], "rfd_01")
    assert (told.provider_ref, told.payment_id) == (paid.provider_ref, "pay_01K9")
    assert (told.amount, told.currency, told.status) == (1_900, "GBP", RefundStatus.PENDING)


def test_a_second_refund_says_what_is_refunded_altogether(
    gocardless: GoCardlessServer, adapter: GoCardless, paid: Paid
) -> None:
    adapter.create_refund(paid.refund(1_900))
    adapter.create_refund(paid.refund(10_000, refund_id="rfd_02"))
    assert paid.payment["amount_refunded"] == 11_900
    assert [one["amount"] for one in gocardless.books["refunds"].values()] == [1_900, 10_000]


def test_after_a_lost_answer_the_same_again_makes_no_other(
    gocardless: GoCardlessServer, adapter: GoCardless, paid: Paid
) -> None:
    gocardless.faults[REFUNDS] = "lost_answer"
    with pytest.raises(OutcomeUnknownError):
        adapter.create_refund(paid.refund(1_900))
    gocardless.faults.clear()
    told = adapter.create_refund(paid.refund(1_900))
    assert [*gocardless.books["refunds"]] == [told.refund_ref]
    assert adapter.find_refund(paid.refund(1_900)) == told


def test_a_refund_is_not_made_again_under_a_key_that_was_forgotten(
    gocardless: GoCardlessServer, adapter: GoCardless, paid: Paid
) -> None:
    made = adapter.create_refund(paid.refund(1_900))
    gocardless.made.clear()
    assert adapter.create_refund(paid.refund(1_900)) == made
    assert [*gocardless.books["refunds"]] == [made.refund_ref]


def test_a_refund_made_under_the_key_but_not_listed_yet_is_fetched(
    gocardless: GoCardlessServer, adapter: GoCardless, paid: Paid
) -> None:
    first = adapter.create_refund(paid.refund(1_900))
    made = gocardless.books["refunds"][first.refund_ref]
    made["links"] = {"payment": "PM0"}  # so that looking for it finds nothing
    assert adapter.create_refund(paid.refund(1_900)).refund_ref == first.refund_ref
    assert len(gocardless.books["refunds"]) == 1


def test_a_refund_that_another_came_before_is_made_when_asked_again(
    gocardless: GoCardlessServer, adapter: GoCardless, paid: Paid
) -> None:
    gocardless.before[REFUNDS] = lambda: paid.payment.update(amount_refunded=500)
    with pytest.raises(OutcomeUnknownError, match="total_amount_confirmation_invalid"):
        adapter.create_refund(paid.refund(1_900))
    assert gocardless.books["refunds"] == {}
    adapter.create_refund(paid.refund(1_900))
    assert paid.payment["amount_refunded"] == 2_400


def test_more_than_was_paid_is_refused(
    gocardless: GoCardlessServer, adapter: GoCardless, paid: Paid
) -> None:
    with pytest.raises(InvalidRequestError):
        adapter.create_refund(paid.refund(11_901))
    assert gocardless.books["refunds"] == {}


def test_a_balance_that_does_not_suffice_is_a_refusal(
    gocardless: GoCardlessServer, adapter: GoCardless, paid: Paid
) -> None:
    reason = "available_refund_amount_insufficient"
    gocardless.faults[REFUNDS] = Refused(422, "invalid_state", reason=reason)
    with pytest.raises(ConflictError, match=reason):
        adapter.create_refund(paid.refund(1_900))


def test_a_refund_is_found_among_many_pages(
    gocardless: GoCardlessServer, adapter: GoCardless, paid: Paid
) -> None:
    told = [
        adapter.create_refund(paid.refund(100, refund_id=f"rfd_{number}")) for number in range(5)
    ]
    assert len(gocardless.books["refunds"]) == 5
    for number, one in enumerate(told):
        assert adapter.find_refund(paid.refund(100, refund_id=f"rfd_{number}")) == one


def test_a_refund_that_was_never_made_is_not_found(adapter: GoCardless, paid: Paid) -> None:
    assert adapter.find_refund(paid.refund(1_900)) is None


@pytest.mark.parametrize(
    ("status", "ours"),
    [
        ("created", RefundStatus.PENDING),
        ("pending_submission", RefundStatus.PENDING),
        ("submitted", RefundStatus.PENDING),
        ("paid", RefundStatus.SUCCEEDED),
        ("cancelled", RefundStatus.CANCELED),
        ("bounced", RefundStatus.FAILED),
        ("funds_returned", RefundStatus.FAILED),
    ],
)
def test_a_refunds_status(
    gocardless: GoCardlessServer, adapter: GoCardless, paid: Paid, status: str, ours: RefundStatus
) -> None:
    made = adapter.create_refund(paid.refund(1_900))
    gocardless.books["refunds"][made.refund_ref]["status"] = status
    found = adapter.find_refund(paid.refund(1_900))
    assert found is not None
    assert found.status is ours
    assert found.failure_code == (status if ours is RefundStatus.FAILED else None)


def test_a_status_that_is_not_known_is_not_guessed_at(
    gocardless: GoCardlessServer, adapter: GoCardless, paid: Paid
) -> None:
    made = adapter.create_refund(paid.refund(1_900))
    gocardless.books["refunds"][made.refund_ref]["status"] = "of_the_future"
    with pytest.raises(OutcomeUnknownError):
        adapter.find_refund(paid.refund(1_900))


def test_what_was_never_paid_is_not_refunded(
    gocardless: GoCardlessServer, adapter: GoCardless, link: Link, paid: Paid
) -> None:
    request = gocardless.books["billing_requests"][link.provider_ref]
    del request["links"]["payment_request_payment"]
    unpaid = dataclasses.replace(paid.refund(1), provider_ref=link.provider_ref)
    with pytest.raises(UnexpectedStateError):
        adapter.create_refund(unpaid)
