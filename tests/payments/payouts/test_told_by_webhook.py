"""What providers' signed events say of payouts goes through the inbox: once, and never lost."""

import datetime as dt
import json
import secrets
from typing import Any

import pytest
from sqlalchemy import Engine, select

from payments.database import transaction
from payments.payouts.make_payout import begin_attempt
from payments.webhooks.drain_inbox import Drained, drain_inbox
from payments.webhooks.sealed_payload import seal
from payments.webhooks.tables import InboxEvent
from tests.payments.payouts.sellers import Sellers
from tests.payments.shop import CIPHER

SELLERS_PART = 9_500


@pytest.fixture
def payout_id(sellers: Sellers) -> str:
    """A payout that is perhaps sent."""
    sellers.connected_account()
    payout_id = sellers.release(sellers.paid_by_card())
    with transaction(sellers.engine) as session:
        begin_attempt(session, payout_id, cipher=CIPHER, now=sellers.now)
    return payout_id


def transfer(sellers: Sellers, payout_id: str, *reversed_: int, **changed: Any) -> dict[str, Any]:
    """A transfer as Stripe's events show it, with what of it was reversed."""
    created = int(sellers.now.timestamp())
    reversals = [
        {"id": f"trr_{number}_{payout_id}", "amount": amount, "created": created}
        for number, amount in enumerate(reversed_)
    ]
    return {
        "id": f"tr_{payout_id}",
        "object": "transfer",
        "amount": SELLERS_PART,
        "created": created,
        "currency": "eur",
        "metadata": {"payout_id": payout_id, "attempt": "1"},
        "reversals": {"data": reversals, "has_more": False},
        "source_transaction": "ch_1",
        **changed,
    }


def put_in(sellers: Sellers, *events: tuple[str, dict[str, Any]]) -> list[int]:
    """Put events of Stripe's into the inbox, as received."""
    rows = []
    for kind, thing in events:
        event_id = f"evt_{secrets.token_hex(16)}"
        told = {"id": event_id, "type": kind, "created": 1, "data": {"object": thing}}
        payload = json.dumps(told).encode()
        rows.append(
            InboxEvent(
                provider="stripe",
                event_id=event_id,
                event_type=kind,
                payload_encrypted=seal(CIPHER, payload, provider="stripe", event_id=event_id),
                state="new",
                attempts=0,
                occurred_at=sellers.now,
                received_at=sellers.now,
                due_at=sellers.now,
            )
        )
    with transaction(sellers.engine) as session:
        session.add_all(rows)
        session.flush()
        return [row.id for row in rows]


def drain(sellers: Sellers) -> Drained:
    return drain_inbox(sellers.engine, cipher=CIPHER, limit=100, now=sellers.now)


def states(engine: Engine, ids: list[int]) -> list[str]:
    found = select(InboxEvent.state).where(InboxEvent.id.in_(ids)).order_by(InboxEvent.id)
    with transaction(engine) as session:
        return list(session.scalars(found))


def test_a_transfer_that_is_told_is_booked_once(sellers: Sellers, payout_id: str) -> None:
    made = ("transfer.created", transfer(sellers, payout_id))
    ids = put_in(sellers, made, made, ("transfer.updated", transfer(sellers, payout_id)))
    assert drain(sellers).done == 3
    assert states(sellers.engine, ids) == ["done"] * 3
    assert sellers.standing(payout_id) == ("paid", None)
    assert sellers.count_entries("payout", payout_id) == 1
    sellers.assert_invariants()


def test_reversals_are_booked_once_whatever_the_order(sellers: Sellers, payout_id: str) -> None:
    put_in(
        sellers,
        ("transfer.reversed", transfer(sellers, payout_id, 500, 1_000)),
        ("transfer.reversed", transfer(sellers, payout_id, 500)),
        ("transfer.created", transfer(sellers, payout_id)),
    )
    assert drain(sellers).done == 3
    assert sellers.standing(payout_id) == ("failed", "returned")
    assert sellers.read(payout_id).amount_paid == SELLERS_PART - 1_500
    assert sellers.count_entries("payout.returned", payout_id) == 2
    assert sellers.owed() == (1_500, 1_500)
    sellers.assert_invariants()


def test_what_is_no_payout_of_ours_is_ignored_or_set_aside(
    sellers: Sellers, payout_id: str
) -> None:
    [ignored, unknown, other] = put_in(
        sellers,
        ("transfer.created", transfer(sellers, payout_id, metadata={})),
        ("transfer.created", transfer(sellers, "pyo_unknown")),
        ("transfer.created", transfer(sellers, payout_id, amount=1)),
    )
    drained = drain(sellers)
    assert (drained.ignored, drained.set_aside) == (1, 2)
    assert states(sellers.engine, [ignored, unknown, other]) == ["ignored", "new", "new"]
    assert sellers.count_entries("payout", payout_id) == 0
    sellers.wait(days=8)  # so that no other test meets them
    drain(sellers)


def test_payments_and_payouts_come_in_one_batch(sellers: Sellers, payout_id: str) -> None:
    now = dt.datetime.now(dt.UTC)  # noqa: TID251 - a moment for an event that means nothing
    put_in(
        sellers,
        ("payment_intent.created", {"id": "pi_1", "created": int(now.timestamp())}),
        ("transfer.created", transfer(sellers, payout_id)),
    )
    drained = drain(sellers)
    assert (drained.done, drained.ignored) == (1, 1)
    assert sellers.standing(payout_id) == ("paid", None)
