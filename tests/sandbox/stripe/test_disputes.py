"""Disputes: opened by test cards or a knob, won, lost, accepted, escalated from an inquiry."""

import pytest
import stripe
from stripe import StripeClient

from sandbox.stripe.server import SimulatedStripe
from tests.conditions import wait_until
from tests.sandbox.stripe.paying import booked, kinds_told, pay, turn, wait_for_event


@pytest.fixture
def _soon(simulated: SimulatedStripe) -> None:
    turn(simulated, "PUT", "moments", moment_s=0)


def disputed(client: StripeClient, card: str = "pm_card_createDispute") -> stripe.Dispute:
    intent = pay(client, card)
    wait_until(lambda: bool(client.v1.disputes.list({"payment_intent": intent.id}).data))
    return client.v1.disputes.list({"payment_intent": intent.id}).data[0]


def answer(client: StripeClient, dispute: stripe.Dispute, text: str) -> stripe.Dispute:
    return client.v1.disputes.update(dispute.id, {"evidence": {"uncategorized_text": text}})


@pytest.mark.usefixtures("_soon")
def test_a_dispute_takes_the_money_and_a_fee(client: StripeClient) -> None:
    dispute = disputed(client)

    assert (dispute.status, dispute.reason, dispute.amount) == (
        "needs_response",
        "fraudulent",
        10000,
    )
    assert booked(client, dispute.id) == [("adjustment", "dispute", -10000, 1500)]
    assert [one.net for one in dispute.balance_transactions] == [-11500]
    charge = client.v1.charges.retrieve(str(dispute.charge))
    assert charge.disputed is True
    assert kinds_told(client)[-3:] == [
        "charge.dispute.created",
        "charge.dispute.funds_withdrawn",
        "charge.updated",
    ]
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.refunds.create({"charge": charge.id})
    assert refused.value.code == "charge_disputed"


@pytest.mark.usefixtures("_soon")
def test_winning_evidence_brings_the_money_back(client: StripeClient) -> None:
    dispute = disputed(client)
    assert answer(client, dispute, "winning_evidence").status == "under_review"

    closed = wait_for_event(client, "charge.dispute.closed")
    assert closed.data.object["status"] == "won"
    assert "charge.dispute.funds_reinstated" in kinds_told(client)
    assert booked(client, dispute.id) == [
        ("adjustment", "dispute", -10000, 1500),
        ("adjustment", "dispute_reversal", 10000, 0),
    ]


@pytest.mark.usefixtures("_soon")
def test_losing_evidence_and_acceptance_lose(client: StripeClient) -> None:
    dispute = disputed(client, "pm_card_createDisputeProductNotReceived")
    assert dispute.reason == "product_not_received"
    staged = client.v1.disputes.update(
        dispute.id, {"evidence": {"uncategorized_text": "losing_evidence"}, "submit": False}
    )
    assert (staged.status, staged.evidence_details.has_evidence) == ("needs_response", True)
    answer(client, dispute, "losing_evidence")
    wait_for_event(client, "charge.dispute.closed")
    assert client.v1.disputes.retrieve(dispute.id).status == "lost"
    with pytest.raises(stripe.InvalidRequestError):
        answer(client, dispute, "winning_evidence")

    other = disputed(client)
    assert client.v1.disputes.close(other.id).status == "lost"
    assert len(client.v1.disputes.list().data) == 2


@pytest.mark.usefixtures("_soon")
def test_an_inquiry_moves_no_money_until_it_is_escalated(client: StripeClient) -> None:
    dispute = disputed(client, "pm_card_createDisputeInquiry")
    assert (dispute.status, dispute.is_charge_refundable) == ("warning_needs_response", True)
    assert booked(client, dispute.id) == []

    answer(client, dispute, "escalate_inquiry_evidence")
    wait_for_event(client, "charge.dispute.funds_withdrawn")
    assert client.v1.disputes.retrieve(dispute.id).status == "needs_response"


def test_any_charge_can_be_disputed_in_part_and_decided_by_a_knob(
    client: StripeClient, simulated: SimulatedStripe
) -> None:
    intent = pay(client)
    opened = turn(simulated, "POST", "disputes", charge=intent.latest_charge, amount=400)
    assert booked(client, opened["id"]) == [("adjustment", "dispute", -400, 1500)]

    turn(simulated, "POST", f"disputes/{opened['id']}", status="won")
    (dispute,) = client.v1.disputes.list({"payment_intent": intent.id}).data
    assert dispute.status == "won"
