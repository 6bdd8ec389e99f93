"""The balance is the sum of its movements; payouts and transfers take from what is available."""

import pytest
import stripe
from stripe import StripeClient
from stripe.params import BalanceTransactionListParams

from sandbox.stripe.server import SimulatedStripe
from tests.sandbox.stripe.paying import booked, kinds_told, pay, turn, wait_for_event


def pending_and_available(client: StripeClient, currency: str = "usd") -> tuple[int, int]:
    balance = client.v1.balance.retrieve()
    (pending,) = [one.amount for one in balance.pending if one.currency == currency]
    (available,) = [one.amount for one in balance.available if one.currency == currency]
    return pending, available


def test_money_is_pending_and_then_available(
    client: StripeClient, simulated: SimulatedStripe
) -> None:
    assert pending_and_available(client) == (0, 0)
    intent = pay(client)
    client.v1.refunds.create({"payment_intent": intent.id, "amount": 1000})
    assert pending_and_available(client) == (8825, 0)
    (charged,) = client.v1.balance_transactions.list({"type": "charge"}).data
    assert charged.status == "pending"

    turn(simulated, "POST", "clock", advance_s=2 * 24 * 3600 + 1)
    assert pending_and_available(client) == (0, 8825)
    assert client.v1.balance_transactions.retrieve(charged.id).status == "available"


def test_money_can_be_had_at_once(client: StripeClient, simulated: SimulatedStripe) -> None:
    pay(client, "pm_card_bypassPending")
    assert pending_and_available(client) == (0, 9825)
    pay(client)
    assert turn(simulated, "POST", "settle") == {"made_available": 1}
    assert pending_and_available(client) == (0, 19650)


def test_movements_are_listed_filtered_and_paged(client: StripeClient) -> None:
    intents = [pay(client, amount=1000 + number) for number in range(3)]
    client.v1.refunds.create({"payment_intent": intents[0].id})

    listed = list(client.v1.balance_transactions.list({"limit": 1}).auto_paging_iter())
    assert [one.amount for one in listed] == [-1000, 1002, 1001, 1000]
    since: BalanceTransactionListParams = {
        "created": {"gte": listed[0].created - 60},
        "type": "charge",
    }
    assert len(client.v1.balance_transactions.list(since).data) == 3
    assert (
        client.v1.balance_transactions.list({"created": {"gt": listed[0].created + 60}}).data == []
    )
    newer = client.v1.balance_transactions.list({"ending_before": listed[2].id, "limit": 1})
    assert ([one.id for one in newer.data], newer.has_more) == ([listed[1].id], True)
    with_source = client.v1.balance_transactions.list(
        {"source": str(listed[0].source), "expand": ["data.source"]}
    )
    assert isinstance(with_source.data[0].source, stripe.Refund)


def test_a_payout_takes_what_is_available_and_arrives(
    client: StripeClient, simulated: SimulatedStripe
) -> None:
    turn(simulated, "PUT", "moments", moment_s=0)
    pay(client)
    with pytest.raises(stripe.InvalidRequestError) as too_early:
        client.v1.payouts.create({"amount": 1, "currency": "usd"})
    assert too_early.value.code == "balance_insufficient"
    turn(simulated, "POST", "settle")

    payout = client.v1.payouts.create({"amount": 9000, "currency": "usd"})
    assert (payout.status, payout.automatic) == ("pending", False)
    assert booked(client, payout.id) == [("payout", "payout", -9000, 0)]
    assert pending_and_available(client) == (0, 825)
    assert wait_for_event(client, "payout.paid").data.object["id"] == payout.id
    assert [one.status for one in client.v1.payouts.list().data] == ["paid"]


def test_a_payout_comes_back(client: StripeClient, simulated: SimulatedStripe) -> None:
    pay(client, "pm_card_bypassPending")
    payout = client.v1.payouts.create({"amount": 9825, "currency": "usd"})
    turn(simulated, "POST", f"payouts/{payout.id}/fail", failure_code="account_closed")

    assert client.v1.payouts.retrieve(payout.id).failure_code == "account_closed"
    assert booked(client, payout.id)[1] == ("payout_failure", "payout_reversal", 9825, 0)
    assert pending_and_available(client) == (0, 9825)
    assert kinds_told(client)[-2:] == ["payout.created", "payout.failed"]


def test_an_automatic_payout_knows_what_it_pays_out(
    client: StripeClient, simulated: SimulatedStripe
) -> None:
    turn(simulated, "PUT", "moments", moment_s=0, settlement_s=0)
    paid = [pay(client), pay(client)]
    payout = turn(simulated, "POST", "payouts", currency="usd")
    wait_for_event(client, "payout.reconciliation_completed")
    later = pay(client)

    assert (payout["amount"], payout["automatic"]) == (19650, True)
    movements = client.v1.balance_transactions.list({"payout": payout["id"]}).data
    sources = {one.source for one in movements}
    assert sources == {payout["id"], paid[0].latest_charge, paid[1].latest_charge}
    assert later.latest_charge not in sources
    assert client.v1.payouts.retrieve(payout["id"]).reconciliation_status == "completed"
    assert sum(one.net for one in movements) == 0


def test_a_transfer_goes_to_a_connected_account(client: StripeClient) -> None:
    seller = client.v1.accounts.create({"type": "express", "country": "US"})
    intent = pay(client)
    with pytest.raises(stripe.InvalidRequestError) as too_early:
        client.v1.transfers.create({"amount": 5, "currency": "usd", "destination": seller.id})
    assert too_early.value.code == "balance_insufficient"

    transfer = client.v1.transfers.create(
        {
            "amount": 8000,
            "currency": "usd",
            "destination": seller.id,
            "source_transaction": str(intent.latest_charge),
            "transfer_group": "ord_1",
        }
    )
    assert pending_and_available(client) == (1825, 0)
    assert booked(client, transfer.id) == [("transfer", "transfer", -8000, 0)]
    assert [one.id for one in client.v1.transfers.list({"transfer_group": "ord_1"}).data] == [
        transfer.id
    ]
    assert client.v1.accounts.retrieve(seller.id).payouts_enabled is True
    with pytest.raises(stripe.InvalidRequestError) as unknown:
        client.v1.transfers.create({"amount": 5, "currency": "usd", "destination": "acct_none"})
    assert unknown.value.param == "destination"


def test_transferred_money_is_taken_back_in_parts(client: StripeClient) -> None:
    intent = pay(client)
    transfer = client.v1.transfers.create(
        {
            "amount": 8000,
            "currency": "usd",
            "destination": "acct_sandboxworkshop",
            "source_transaction": str(intent.latest_charge),
        }
    )
    first = client.v1.transfers.reversals.create(transfer.id, {"amount": 3000})
    assert booked(client, first.id) == [("transfer_refund", "transfer_reversal", 3000, 0)]
    client.v1.transfers.reversals.create(transfer.id)
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.transfers.reversals.create(transfer.id, {"amount": 1})
    shown = client.v1.transfers.retrieve(transfer.id)
    assert (shown.amount_reversed, shown.reversed) == (8000, True)
    assert [one.amount for one in shown.reversals.data] == [5000, 3000]
    listed = client.v1.transfers.reversals.list(transfer.id)
    assert [one.id for one in listed.data] == [one.id for one in shown.reversals.data]
    assert pending_and_available(client) == (9825, 0)
    # What came back may be transferred again.
    client.v1.transfers.create(
        {
            "amount": 8000,
            "currency": "usd",
            "destination": "acct_sandboxworkshop",
            "source_transaction": str(intent.latest_charge),
        }
    )


def test_an_account_that_takes_no_transfers_is_refused_by_name(
    client: StripeClient, simulated: SimulatedStripe
) -> None:
    intent = pay(client)
    seller = client.v1.accounts.create({"type": "express"})
    turn(simulated, "POST", f"accounts/{seller.id}", transfers="inactive")
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.transfers.create(
            {
                "amount": 5,
                "currency": "usd",
                "destination": seller.id,
                "source_transaction": str(intent.latest_charge),
            }
        )
    assert refused.value.code == "insufficient_capabilities_for_transfer"
