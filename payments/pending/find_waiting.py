"""One query for each kind of thing that waits longer than usual; all say the same of a thing."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    DateTime,
    Numeric,
    Select,
    Text,
    and_,
    case,
    cast,
    false,
    func,
    literal,
    null,
    or_,
    select,
)
from sqlalchemy.orm import InstrumentedAttribute

from payments.calls.tables import ProviderCall
from payments.chain.tables import ChainIntent
from payments.delivery.tables import OutboxRow
from payments.escrow.tables import Escrow
from payments.freezes.tables import Freeze
from payments.lifecycle.tables import Payment, Refund
from payments.payouts.tables import SellerPayout
from payments.pending import usual
from payments.pending.usual import Wait
from payments.releases.tables import Release
from payments.webhooks.tables import IS_NEW, InboxEvent

_TEXT = cast(null(), Text)
_MOMENT = cast(null(), DateTime(timezone=True))

_State = InstrumentedAttribute[str]
_Moment = InstrumentedAttribute[dt.datetime]


def waiting_of(kind: str, *, now: dt.datetime) -> Select[Any]:
    """Return the query for what of a kind waits longer than usual at `now`.

    Its columns: kind, id, payment_id, order_id, provider, state, amount, currency, reason, error,
    since, due_at.

    Raises:
        KeyError: there is no such kind.
    """
    return _QUERIES[kind](now)


def _payments(now: dt.datetime) -> Select[Any]:
    is_reserved = Payment.authorized_at.is_not(None) & (Payment.status == "processing")
    late = [
        ((Payment.rail == rail) & (Payment.status == status) & ~is_reserved, wait)
        for (rail, status), wait in usual.PAYMENTS.items()
    ]
    conditions = [(is_reserved, usual.AUTHORIZED), *late]
    return _rows(
        "payment",
        id=Payment.id,
        payment_id=Payment.id,
        order_id=Payment.order_id,
        provider=Payment.provider,
        state=Payment.status,
        amount=Payment.amount,
        currency=Payment.currency,
        reason=_reason(conditions),
        since=Payment.updated_at,
        due_at=Payment.poll_at,
    ).where(_is_late(conditions, Payment.updated_at, now=now))


def _refunds(now: dt.datetime) -> Select[Any]:
    conditions = [(Payment.rail == rail, wait) for rail, wait in usual.REFUNDS.items()]
    return (
        _rows(
            "refund",
            id=Refund.id,
            payment_id=Refund.payment_id,
            order_id=Payment.order_id,
            provider=Refund.provider,
            state=Refund.status,
            amount=Refund.amount,
            currency=Refund.currency,
            reason=_reason(conditions),
            since=Refund.updated_at,
            due_at=Refund.poll_at,
        )
        .join(Payment, Payment.id == Refund.payment_id)
        .where(Refund.status == "pending", _is_late(conditions, Refund.updated_at, now=now))
    )


def _payouts(now: dt.datetime) -> Select[Any]:
    conditions = _by_state(SellerPayout.status, usual.PAYOUTS)
    return _rows(
        "payout",
        id=SellerPayout.id,
        payment_id=SellerPayout.payment_id,
        order_id=SellerPayout.order_id,
        provider=SellerPayout.provider,
        state=SellerPayout.status,
        amount=SellerPayout.amount,
        currency=SellerPayout.currency,
        reason=_reason_unless_frozen(
            conditions, SellerPayout.order_id, SellerPayout.status.in_(["waiting", "queued"])
        ),
        error=SellerPayout.failure_code,
        since=SellerPayout.updated_at,
        due_at=SellerPayout.due_at,
    ).where(_is_late(conditions, SellerPayout.updated_at, now=now))


def _releases(now: dt.datetime) -> Select[Any]:
    conditions = _by_state(Release.status, usual.RELEASES)
    return (
        _rows(
            "release",
            id=Release.id,
            payment_id=Release.payment_id,
            order_id=Release.order_id,
            provider=Payment.provider,
            state=Release.status,
            amount=Release.amount,
            currency=Release.currency,
            reason=_reason_unless_frozen(
                conditions, Release.order_id, Release.status.in_(["requested", "approved"])
            ),
            error=Release.failure_message,
            since=Release.updated_at,
        )
        .join(Payment, Payment.id == Release.payment_id)
        .where(_is_late(conditions, Release.updated_at, now=now))
    )


def _escrows(now: dt.datetime) -> Select[Any]:
    conditions = _by_state(Escrow.status, usual.ESCROWS)
    return _rows(
        "escrow",
        id=Escrow.id,
        payment_id=Escrow.payment_id,
        order_id=Escrow.order_id,
        provider=Escrow.chain,
        state=Escrow.status,
        amount=Escrow.amount,
        currency=Escrow.asset,
        reason=_reason(conditions),
        since=Escrow.updated_at,
    ).where(_is_late(conditions, Escrow.updated_at, now=now))


def _transactions(now: dt.datetime) -> Select[Any]:
    conditions = _by_state(ChainIntent.state, usual.TRANSACTIONS)
    return _rows(
        "transaction",
        id=ChainIntent.id,
        provider=ChainIntent.chain,
        state=ChainIntent.state,
        reason=_reason(conditions),
        error=ChainIntent.error,
        since=ChainIntent.updated_at,
        due_at=ChainIntent.due_at,
    ).where(_is_late(conditions, ChainIntent.updated_at, now=now))


def _calls(now: dt.datetime) -> Select[Any]:
    return (
        _rows(
            "call",
            id=ProviderCall.id,
            payment_id=ProviderCall.payment_id,
            order_id=Payment.order_id,
            provider=Payment.provider,
            state=ProviderCall.state,
            reason=literal(usual.CALL.reason, Text),
            error=ProviderCall.error,
            since=ProviderCall.created_at,
            due_at=ProviderCall.due_at,
        )
        .join(Payment, Payment.id == ProviderCall.payment_id)
        .where(
            ProviderCall.state.in_(["intent", "unknown"]),
            ProviderCall.created_at <= now - usual.CALL.usual,
        )
    )


def _events(now: dt.datetime) -> Select[Any]:
    conditions = [
        (InboxEvent.attempts > 0, usual.REFUSED_EVENT),
        (InboxEvent.attempts == 0, usual.NEW_EVENT),
    ]
    since = func.coalesce(InboxEvent.replayed_at, InboxEvent.received_at)
    return _rows(
        "event",
        id=InboxEvent.event_id,
        provider=InboxEvent.provider,
        state=InboxEvent.event_type,
        reason=_reason(conditions),
        error=InboxEvent.error,
        since=since,
        due_at=InboxEvent.due_at,
    ).where(IS_NEW, _is_late(conditions, since, now=now))


def _jobs(now: dt.datetime) -> Select[Any]:
    conditions = [
        (OutboxRow.error.is_not(None), usual.FAILED_JOB),
        (OutboxRow.error.is_(None), usual.NEW_JOB),
    ]
    # One that is to run later does not wait yet, unless it has failed before.
    since = case((OutboxRow.error.is_not(None), OutboxRow.created_at), else_=OutboxRow.due_at)
    return _rows(
        "job",
        id=func.concat("obx_", OutboxRow.id),
        state=OutboxRow.job,
        reason=_reason(conditions),
        error=OutboxRow.error,
        since=since,
        due_at=OutboxRow.due_at,
    ).where(OutboxRow.state == "waiting", _is_late(conditions, since, now=now))


_QUERIES = {
    "payment": _payments,
    "refund": _refunds,
    "payout": _payouts,
    "release": _releases,
    "escrow": _escrows,
    "transaction": _transactions,
    "call": _calls,
    "event": _events,
    "job": _jobs,
}


def _rows(kind: str, **known: Any) -> Select[Any]:
    columns = {
        "id": _TEXT,
        "payment_id": _TEXT,
        "order_id": _TEXT,
        "provider": _TEXT,
        "state": _TEXT,
        "amount": cast(null(), Numeric),
        "currency": _TEXT,
        "reason": _TEXT,
        "error": _TEXT,
        "since": _MOMENT,
        "due_at": _MOMENT,
    } | known
    return select(
        literal(kind, Text).label("kind"),
        *(column.label(name) for name, column in columns.items()),
    )


def _by_state(state: _State, waits: Mapping[str, Wait]) -> list[tuple[ColumnElement[bool], Wait]]:
    return [(state == name, wait) for name, wait in waits.items()]


def _is_late(
    conditions: Sequence[tuple[ColumnElement[bool], Wait]],
    since: _Moment | ColumnElement[Any],
    *,
    now: dt.datetime,
) -> ColumnElement[bool]:
    late = (and_(condition, since <= now - wait.usual) for condition, wait in conditions)
    return or_(false(), *late)


def _reason(conditions: Sequence[tuple[ColumnElement[bool], Wait]]) -> ColumnElement[str]:
    return case(
        *((condition, literal(wait.reason, Text)) for condition, wait in conditions), else_=_TEXT
    )


def _reason_unless_frozen(
    conditions: Sequence[tuple[ColumnElement[bool], Wait]],
    order_id: InstrumentedAttribute[str],
    may_be_held_up: ColumnElement[bool],
) -> ColumnElement[str]:
    """Return the reason; where a freeze holds it up, that is the reason."""
    freeze = select(Freeze.id).where(
        Freeze.lifted_at.is_(None), or_(Freeze.order_id.is_(None), Freeze.order_id == order_id)
    )
    return case(
        (may_be_held_up & freeze.exists(), literal("frozen", Text)), else_=_reason(conditions)
    )
