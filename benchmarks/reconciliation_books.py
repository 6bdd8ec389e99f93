"""The books of a world: its orders, payments by bank, receipts, refunds and ledger entries.

All is written as the product leaves it, but in bulk: taking 100,000 payments in is not measured.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from rich.progress import track
from sqlalchemy import Engine, insert
from sqlalchemy.orm import Session

import ledger
from benchmarks.reconciliation_world import CURRENCY, Paid, World
from benchmarks.seeds import seed_parties
from ledger import Entry, Posting
from payments.accounting.chart_of_accounts import bank_clearing, order_escrow
from payments.database import transaction
from payments.identifiers import new_id
from payments.lifecycle.tables import BankReceipt, Payment, PaymentEvent, Refund
from payments.orders.tables import Order
from payments.settings import Settings

_CHUNK = 5_000
_DAY = dt.timedelta(days=1)


class Booked(NamedTuple):
    """A charge of the world, and what it is called in the books."""

    paid: Paid
    order_id: str
    payment_id: str
    receipt_id: str
    refunded: int


def write_books(engine: Engine, world: World, settings: Settings, *, now: dt.datetime) -> None:
    """Write everything that our books have of a world."""
    parties = seed_parties(engine, settings, "buyer", "seller")
    refunds = {paid.reference: paid for paid in world.paid if paid.kind == "refund"}
    charges = [paid for paid in world.paid if paid.kind == "charge"]
    description = f"writing {len(charges):,} payments"
    for start in track(range(0, len(charges), _CHUNK), description=description):
        booked = [
            Booked(
                paid,
                new_id("ord", now=now),
                new_id("pay", now=now),
                new_id("rcp", now=now),
                -refunds[paid.reference].amount if paid.reference in refunds else 0,
            )
            for paid in charges[start : start + _CHUNK]
        ]
        with transaction(engine) as session:
            _write_rows(session, booked, refunds, parties, now=now)
            _write_entries(session, booked, refunds)
        ledger.roll_accounts(engine)  # as a job does every few seconds
    ledger.roll_accounts(engine)


def _write_rows(
    session: Session,
    booked: Sequence[Booked],
    refunds: Mapping[str, Paid],
    parties: Sequence[str],
    *,
    now: dt.datetime,
) -> None:
    session.execute(insert(Order), [_order(one, parties) for one in booked])
    session.execute(insert(Payment), [_payment(one) for one in booked])
    session.execute(insert(PaymentEvent), [_event(one) for one in booked])
    session.execute(insert(BankReceipt), [_receipt(one) for one in booked])
    given_back = [
        _refund(one, refunds[one.paid.reference], now=now) for one in booked if one.refunded
    ]
    if given_back:
        session.execute(insert(Refund), given_back)


def _write_entries(session: Session, booked: Sequence[Booked], refunds: Mapping[str, Paid]) -> None:
    clearing = bank_clearing(CURRENCY)
    escrows = [order_escrow(one.order_id, CURRENCY) for one in booked]
    ids = ledger.open_accounts(session.connection(), [clearing, *escrows])
    clearing_id = ids[clearing.path, CURRENCY]
    entries = []
    for one, escrow in zip(booked, escrows, strict=True):
        escrow_id = ids[escrow.path, CURRENCY]
        entries.append(_entry(one, one.paid, clearing_id, escrow_id))
        if one.refunded:
            entries.append(_entry(one, refunds[one.paid.reference], clearing_id, escrow_id))
    for result in ledger.post_batch(session.connection(), entries):
        if not isinstance(result, ledger.Posted):
            raise TypeError(result)


def _entry(one: Booked, paid: Paid, clearing_id: int, escrow_id: int) -> Entry:
    is_charge = paid.kind == "charge"
    named = {
        "order_id": one.order_id,
        "payment_id": one.payment_id,
        "provider_ref": paid.provider_ref,
        "bank_reference": paid.reference,
        "batch_ref": paid.batch_ref,
    }
    return Entry(
        effect_key=f"{one.payment_id}:charged" if is_charge else f"{_refund_id(one)}:refunded",
        kind=paid.kind,
        occurred_at=_moment(paid.occurred_on),
        postings=(Posting(clearing_id, paid.amount), Posting(escrow_id, -paid.amount)),
        description="Bank payment held for the order" if is_charge else "Given back",
        metadata={
            **{name: value for name, value in named.items() if value is not None},
            **({"receipt_id": one.receipt_id} if is_charge else {}),
        },
    )


def _order(one: Booked, parties: Sequence[str]) -> dict[str, Any]:
    return {
        "id": one.order_id,
        "buyer_id": parties[0],
        "seller_id": parties[1],
        "currency": CURRENCY,
        "amount": one.paid.amount,
        "tax_amount": 0,
        "platform_fee": 0,
        "status": "paid",
        **_times(one),
    }


def _payment(one: Booked) -> dict[str, Any]:
    paid = one.paid
    return {
        "id": one.payment_id,
        "order_id": one.order_id,
        "rail": "bank",
        "provider": _provider(paid),
        "provider_ref": paid.provider_ref,
        "capture": "automatic",
        "status": _status(one),
        "amount": paid.amount,
        "currency": CURRENCY,
        "amount_captured": paid.amount,
        "amount_refunded": one.refunded,
        "amount_received": paid.amount,
        "provider_status": "settled",
        "bank_reference": paid.reference,
        "expires_at": _moment(paid.occurred_on) + 3 * _DAY,
        **_times(one),
    }


def _event(one: Booked) -> dict[str, Any]:
    at = _moment(one.paid.occurred_on)
    return {
        "payment_id": one.payment_id,
        "seq": 1,
        "to_status": _status(one),
        "cause": f"webhook:{_provider(one.paid)}",
        "occurred_at": at,
        "recorded_at": at,
    }


def _receipt(one: Booked) -> dict[str, Any]:
    return {
        "id": one.receipt_id,
        "payment_id": one.payment_id,
        "source": _provider(one.paid),
        "receipt_ref": one.paid.provider_ref,
        "amount": one.paid.amount,
        "currency": CURRENCY,
        "occurred_at": _moment(one.paid.occurred_on),
        "amount_applied": one.paid.amount,
        **_times(one),
    }


def _refund(one: Booked, paid: Paid, *, now: dt.datetime) -> dict[str, Any]:
    return {
        "id": _refund_id(one),
        "payment_id": one.payment_id,
        "provider": _provider(one.paid),
        "provider_ref": paid.provider_ref,
        "origin": "api",
        "amount": -paid.amount,
        "currency": CURRENCY,
        "status": "succeeded",
        "booked": "refunded",
        "occurred_at": _moment(paid.occurred_on),
        "created_at": _moment(paid.occurred_on),
        "updated_at": now,
    }


def _refund_id(one: Booked) -> str:
    return one.payment_id.replace("pay_", "rfd_")


def _status(one: Booked) -> str:
    if not one.refunded:
        return "succeeded"
    return "refunded" if one.refunded == one.paid.amount else "partially_refunded"


def _provider(paid: Paid) -> str:
    """One of the two: the one pays out in batches."""
    return "gocardless" if paid.batch_ref else "truelayer"


def _moment(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(12), dt.UTC)


def _times(one: Booked) -> dict[str, dt.datetime]:
    at = _moment(one.paid.occurred_on)
    return {"created_at": at, "updated_at": at}
