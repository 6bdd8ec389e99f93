"""Finds out what became of refunds whose call got no answer, or whose process died.

Stripe is asked whether it has the refund. If not, it is asked for once more under the same key,
as long as Stripe remembers keys; after that it counts as not made.
"""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from payments.calls import open_calls
from payments.calls.tables import ProviderCall
from payments.database import in_transaction, transaction
from payments.errors import ConflictError, StrongroomError
from payments.lifecycle.tables import Payment, Refund
from payments.log_lines import get_logger
from payments.providers.outcome import OutcomeUnknownError
from payments.providers.stripe import refunds
from payments.providers.stripe.client import StripeClient
from payments.refunds.make_refund import (
    OPERATION,
    Begun,
    begun_of,
    make_refund,
    note_made,
    note_refused,
)

KEYS_REMEMBERED = dt.timedelta(hours=23)
"""Stripe remembers idempotency keys for 24 hours at least."""

_log = get_logger(__name__)


@dataclass(frozen=True)
class _Open:
    call: ProviderCall
    begun: Begun


def resolve_refunds(
    engine: Engine, *, stripe: StripeClient, now: dt.datetime, limit: int
) -> dict[str, int]:
    """Look up to `limit` refunds that are due, and return how many are now known and how many not.

    One that Stripe does not answer for does not keep the others waiting.
    """
    with transaction(engine) as session:
        due = [_opened(session, call) for call in _due(session, now=now, limit=limit)]
    known = sum(_resolve(engine, found, stripe=stripe, now=now) for found in due)
    return {"resolved": known, "still_unknown": len(due) - known}


def _due(session: Session, *, now: dt.datetime, limit: int) -> list[ProviderCall]:
    return list(open_calls.list_due(session, operations=[OPERATION], now=now, limit=limit))


def _opened(session: Session, call: ProviderCall) -> _Open:
    refund = session.get_one(Refund, call.request["refund_id"])
    return _Open(call, begun_of(session.get_one(Payment, refund.payment_id), refund, call))


def _resolve(engine: Engine, found: _Open, *, stripe: StripeClient, now: dt.datetime) -> bool:
    begun, call_id = found.begun, found.call.id
    try:
        shown = refunds.find(stripe, provider_ref=begun.provider_ref, refund_id=begun.refund_id)
        if shown is not None:
            in_transaction(
                engine,
                lambda session: note_made(session, begun.refund_id, call_id, shown, now=now),
            )
        elif now - found.call.created_at < KEYS_REMEMBERED:
            make_refund(engine, begun, now=now, stripe=stripe)
        else:
            lost = ConflictError("Stripe never heard of it.", code="provider_refused")
            note_refused(engine, begun.refund_id, call_id, error=lost, now=now)
    except OutcomeUnknownError:
        in_transaction(engine, lambda session: open_calls.postpone(session, call_id, now=now))
        return False
    except StrongroomError as error:
        _log.warning("refund_refused", refund_id=begun.refund_id, error=error.detail)
    return True
