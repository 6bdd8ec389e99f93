"""Refunds: never more than is left, booked to the balance, some finished or failed later."""

import pytest
import stripe
from stripe import StripeClient

from sandbox.stripe.server import SimulatedStripe
from tests.sandbox.stripe.paying import booked, kinds_told, pay, turn, wait_for_event


def charge_of(client: StripeClient, intent: stripe.PaymentIntent) -> stripe.Charge:
    return client.v1.charges.retrieve(str(intent.latest_charge))


def test_a_refund_in_part_and_then_the_rest(client: StripeClient) -> None:
    intent = pay(client)
    part = client.v1.refunds.create(
        {
            "payment_intent": intent.id,
            "amount": 2500,
            "reason": "requested_by_customer",
            "metadata": {"refund_id": "rfd_1"},
        }
    )

    assert (part.status, part.amount, part.reason) == ("succeeded", 2500, "requested_by_customer")
    assert booked(client, part.id) == [("refund", "refund", -2500, 0)]
    assert (charge_of(client, intent).amount_refunded, charge_of(client, intent).refunded) == (
        2500,
        False,
    )
    assert kinds_told(client)[-2:] == ["refund.created", "charge.refunded"]
    rest = client.v1.refunds.create({"charge": str(intent.latest_charge)})
    assert rest.amount == 7500
    assert charge_of(client, intent).refunded is True
    listed = client.v1.refunds.list({"payment_intent": intent.id}).data
    assert [refund.id for refund in listed] == [rest.id, part.id]
    assert client.v1.refunds.retrieve(part.id).to_dict()["metadata"] == {"refund_id": "rfd_1"}


def test_more_than_is_left_is_refused(client: StripeClient) -> None:
    intent = pay(client)
    client.v1.refunds.create({"payment_intent": intent.id, "amount": 4000})

    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded") as too_much:
        client.v1.refunds.create({"payment_intent": intent.id, "amount": 6001})
    assert (too_much.value.code, too_much.value.param) == ("amount_too_large", "amount")
    client.v1.refunds.create({"payment_intent": intent.id})
    with pytest.raises(stripe.InvalidRequestError) as twice:
        client.v1.refunds.create({"payment_intent": intent.id, "amount": 1})
    assert twice.value.code == "charge_already_refunded"


def test_what_was_not_paid_cannot_be_refunded(client: StripeClient) -> None:
    unpaid = client.v1.payment_intents.create({"amount": 700, "currency": "usd"})
    with pytest.raises(stripe.InvalidRequestError, match="does not have a successful charge"):
        client.v1.refunds.create({"payment_intent": unpaid.id})
    with pytest.raises(stripe.InvalidRequestError) as nothing:
        client.v1.refunds.create({"amount": 5})
    assert nothing.value.code == "parameter_missing"
    with pytest.raises(stripe.InvalidRequestError) as unknown:
        client.v1.refunds.create({"payment_intent": "pi_none"})
    assert unknown.value.http_status == 404


def test_a_refund_that_takes_time(client: StripeClient, simulated: SimulatedStripe) -> None:
    turn(simulated, "PUT", "moments", moment_s=0)
    intent = pay(client, "pm_card_pendingRefund")
    refund = client.v1.refunds.create({"payment_intent": intent.id, "amount": 100})
    assert (refund.status, refund.pending_reason) == ("pending", "processing")

    event = wait_for_event(client, "refund.updated")
    assert event.data.object["status"] == "succeeded"
    assert client.v1.refunds.retrieve(refund.id).status == "succeeded"
    assert "charge.refund.updated" in kinds_told(client)


def test_a_refund_that_comes_back(client: StripeClient, simulated: SimulatedStripe) -> None:
    turn(simulated, "PUT", "moments", moment_s=0)
    intent = pay(client, "pm_card_refundFail")
    refund = client.v1.refunds.create({"payment_intent": intent.id})
    assert refund.status == "succeeded"

    event = wait_for_event(client, "refund.failed")
    assert event.data.object["failure_reason"] == "expired_or_canceled_card"
    assert charge_of(client, intent).amount_refunded == 0
    assert booked(client, refund.id) == [
        ("refund", "refund", -10000, 0),
        ("refund_failure", "refund_failure", 10000, 0),
    ]
    failed = client.v1.refunds.retrieve(refund.id, {"expand": ["failure_balance_transaction"]})
    assert isinstance(failed.failure_balance_transaction, stripe.BalanceTransaction)


def test_the_same_key_refunds_once(client: StripeClient) -> None:
    intent = pay(client)
    ids = {
        client.v1.refunds.create(
            {"payment_intent": intent.id, "amount": 300}, {"idempotency_key": "r1"}
        ).id
        for _ in range(3)
    }
    assert len(ids) == 1
    assert charge_of(client, intent).amount_refunded == 300


def test_metadata_can_be_changed(client: StripeClient) -> None:
    refund = client.v1.refunds.create({"payment_intent": pay(client).id})

    changed = client.v1.refunds.update(refund.id, {"metadata": {"note": "late"}})
    assert changed.to_dict()["metadata"] == {"note": "late"}
