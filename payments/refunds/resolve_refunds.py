"""Finds out what became of refunds: of those whose call got no answer, and of those under way.

The provider is asked whether it has the refund. If not, it is asked for once more under the same
key, as long as keys are remembered; after that it counts as not made. By bank a refund takes its
time, and whoever should tell its end may be silent: so it is asked about until it has one.
"""

import datetime as dt
from collections import Counter

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from payments.calls import open_calls
from payments.calls.tables import ProviderCall
from payments.database import in_transaction, transaction
from payments.errors import ConflictError, StrongroomError
from payments.lifecycle.record_seen import record_seen
from payments.lifecycle.tables import Payment, Refund
from payments.log_lines import get_logger
from payments.providers.connect import Providers
from payments.providers.facts import RefundReported
from payments.providers.outcome import OutcomeUnknownError, UnexpectedStateError
from payments.providers.ports import RefundRequest
from payments.refunds.make_refund import (
    OPERATION,
    Begun,
    begun_of,
    make_refund,
    note_made,
    note_refused,
    request_of,
)
from payments.refunds.refund_port import refund_port

KEYS_REMEMBERED = dt.timedelta(hours=23)
"""Providers remember idempotency keys for 24 hours at least."""

_SOONEST = dt.timedelta(minutes=5)
_LATEST = dt.timedelta(hours=6)
_DOWN_AFTER = 3  # so many in a row without an answer

_log = get_logger(__name__)


def resolve_refunds(
    engine: Engine, *, providers: Providers, now: dt.datetime, limit: int
) -> dict[str, int]:
    """Look up to `limit` refunds of each kind that are due; return how many are known now.

    One that its provider does not answer for does not keep the others waiting.
    """
    with transaction(engine) as session:
        calls = open_calls.list_due(session, operations=[OPERATION], now=now, limit=limit)
        due = [(call.created_at, _begun(session, call)) for call in calls]
    known = sum(
        _resolve(engine, begun, asked_at=asked_at, providers=providers, now=now)
        for asked_at, begun in due
    )
    asked = _ask_about_all(engine, providers=providers, now=now, limit=limit)
    return {
        "resolved": known,
        "still_unknown": len(due) - known,
        "ended": sum(asked),
        "still_pending": len(asked) - sum(asked),
    }


# ---- calls without an answer -------------------------------------------------------------------


def _begun(session: Session, call: ProviderCall) -> Begun:
    refund = session.get_one(Refund, call.request["refund_id"])
    return begun_of(session.get_one(Payment, refund.payment_id), refund, call)


def _resolve(
    engine: Engine,
    begun: Begun,
    *,
    asked_at: dt.datetime,
    providers: Providers,
    now: dt.datetime,
) -> bool:
    try:
        found = refund_port(providers, begun.provider).find_refund(begun.request)
        if found is not None:
            in_transaction(engine, lambda session: note_made(session, begun, found, now=now))
        elif now - asked_at < KEYS_REMEMBERED:
            return _make(engine, begun, providers=providers, now=now)
        else:
            lost = ConflictError("The provider never heard of it.", code="provider_refused")
            note_refused(engine, begun, error=lost, now=now)
    except UnexpectedStateError as error:  # nothing was paid there, so nothing went back
        note_refused(engine, begun, error=error, now=now)
        _log.warning("refund_refused", refund_id=begun.refund_id, error=error.detail)
    except StrongroomError as error:  # no answer, or we may not look: neither says what happened
        _log.warning("refund_not_seen", refund_id=begun.refund_id, error=error.detail)
        return _postpone(engine, begun, now=now)
    return True


def _make(engine: Engine, begun: Begun, *, providers: Providers, now: dt.datetime) -> bool:
    try:
        make_refund(engine, begun, now=now, providers=providers)
    except OutcomeUnknownError:
        return _postpone(engine, begun, now=now)
    except StrongroomError as error:
        _log.warning("refund_refused", refund_id=begun.refund_id, error=error.detail)
    return True


def _postpone(engine: Engine, begun: Begun, *, now: dt.datetime) -> bool:
    in_transaction(engine, lambda session: open_calls.postpone(session, begun.call_id, now=now))
    return False


# ---- refunds under way -------------------------------------------------------------------------


def _ask_about_all(
    engine: Engine, *, providers: Providers, now: dt.datetime, limit: int
) -> list[bool]:
    """Return of each refund that was asked about whether it has an end.

    A provider that stays silent is left alone until the next run.
    """
    with transaction(engine) as session:
        under_way = _under_way(session, now=now, limit=limit)
    silent: Counter[str] = Counter()
    ended: list[bool] = []
    for provider, request in under_way:
        if silent[provider] == _DOWN_AFTER:
            continue
        found = None
        try:
            found = refund_port(providers, provider).find_refund(request)
            silent[provider] = 0
        except StrongroomError as error:
            silent[provider] += isinstance(error, OutcomeUnknownError)
            _log.warning("refund_not_seen", refund_id=request.refund_id, error=error.detail)
        ended.append(_note_seen(engine, request.refund_id, found, now=now))
    return ended


def _under_way(
    session: Session, *, now: dt.datetime, limit: int
) -> list[tuple[str, RefundRequest]]:
    """Return refunds that nobody told the end of, the longest due first."""
    found = (
        select(Refund, Payment)
        .join(Payment, Payment.id == Refund.payment_id)
        .where(Refund.poll_at <= now)
        .order_by(Refund.poll_at)
        .limit(limit)
    )
    return [
        (payment.provider, request_of(payment, refund, idempotency_key=refund.id))
        for refund, payment in session.execute(found)
    ]


def _note_seen(
    engine: Engine, refund_id: str, found: RefundReported | None, *, now: dt.datetime
) -> bool:
    """Record what the provider shows; if that is no end, say when to ask again."""

    def note(session: Session) -> bool:
        if found is not None:
            record_seen(session, [found], cause="poll", now=now)
        refund = session.get_one(Refund, refund_id, populate_existing=True)
        if refund.status != "pending":
            return True
        waited = now - refund.created_at
        refund.poll_at = now + min(max(waited, _SOONEST), _LATEST)
        return False

    return in_transaction(engine, note)
