"""Refunds, disputes, payouts, transfers and the balance have every field Stripe publishes."""

from typing import Any

import pytest
import stripe
from stripe import StripeClient

from sandbox.stripe.server import SimulatedStripe
from tests.sandbox.stripe.paying import pay, turn, wait_for_event
from tests.sandbox.stripe.test_shapes import FIXTURES, differences

CLASSES: dict[str, Any] = {
    "account": stripe.Account,
    "balance": stripe.Balance,
    "balance_transaction": stripe.BalanceTransaction,
    "charge": stripe.Charge,
    "dispute": stripe.Dispute,
    "payment_intent": stripe.PaymentIntent,
    "payout": stripe.Payout,
    "refund": stripe.Refund,
    "transfer": stripe.Transfer,
}


def assert_shape(resource: dict[str, Any]) -> None:
    kind = resource["object"]
    assert differences(resource, FIXTURES[kind], CLASSES[kind], kind) == []


@pytest.fixture
def busy(client: StripeClient, simulated: SimulatedStripe) -> StripeClient:
    """An account on which everything has happened once."""
    turn(simulated, "PUT", "moments", moment_s=0, settlement_s=0)
    captured = client.v1.payment_intents.capture(
        pay(client, manual=True).id, {"amount_to_capture": 9000}
    )
    client.v1.refunds.create({"payment_intent": captured.id, "amount": 10})
    client.v1.refunds.create({"payment_intent": pay(client, "pm_card_refundFail").id})
    pay(client, "pm_card_createDisputeInquiry")
    pay(client, "pm_card_createDispute")
    seller = client.v1.accounts.create({"type": "express"})
    assert_shape(seller.to_dict())
    client.v1.transfers.create({"amount": 100, "currency": "usd", "destination": seller.id})
    wait_for_event(client, "charge.dispute.funds_withdrawn")
    wait_for_event(client, "refund.failed")
    turn(simulated, "POST", "payouts")
    wait_for_event(client, "payout.reconciliation_completed")
    return client


def test_everything_in_the_books_has_stripes_shape(busy: StripeClient) -> None:
    lists = (
        busy.v1.balance_transactions.list({"limit": 100}),
        busy.v1.charges.list(),
        busy.v1.disputes.list(),
        busy.v1.payouts.list(),
        busy.v1.refunds.list(),
        busy.v1.transfers.list(),
    )
    for listed in lists:
        for resource in listed.data:
            assert_shape(resource.to_dict())
    assert_shape(busy.v1.balance.retrieve().to_dict())
    (dispute,) = [one for one in busy.v1.disputes.list().data if one.balance_transactions]
    assert_shape(dispute.balance_transactions[0].to_dict())


def test_every_event_about_the_books_has_stripes_shape(busy: StripeClient) -> None:
    theirs = {**FIXTURES["event"], "data": {"object": {}}}
    events = [event.to_dict() for event in busy.v1.events.list({"limit": 100}).data]

    assert {event["data"]["object"]["object"] for event in events} >= {
        "dispute",
        "payout",
        "refund",
        "transfer",
    }
    for event in events:
        assert differences(event, theirs, stripe.Event, "") == []
        assert_shape(event["data"]["object"])
