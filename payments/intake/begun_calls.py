"""A call as begun, and what its provider shows of it: as use cases pass them on and record them."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from payments.calls.tables import ProviderCall
from payments.intake.outcome_of_call import Verdict
from payments.lifecycle.tables import Payment, PaymentEvent
from payments.providers.facts import Fact


@dataclass(frozen=True)
class Begun:
    """A call as committed before it is made.

    `heard_at` dates the newest that was known of earlier attempts: what the call brings is newer.
    """

    call_id: str
    idempotency_key: str
    payment_id: str
    provider: str
    provider_ref: str | None
    session_ref: str | None
    request: Mapping[str, Any]
    created_at: dt.datetime
    is_resumed: bool
    heard_at: dt.datetime | None


@dataclass(frozen=True)
class Seen:
    """What the provider shows, as facts, and what it says about the call."""

    facts: Sequence[Fact]
    verdict: Verdict


def begun_of(session: Session, call: ProviderCall, row: Payment, *, is_resumed: bool) -> Begun:
    """Return what to make a call with."""
    heard = select(func.max(PaymentEvent.occurred_at)).where(
        PaymentEvent.payment_id == row.id, PaymentEvent.from_status.is_not(None)
    )
    return Begun(
        call_id=call.id,
        idempotency_key=call.idempotency_key,
        payment_id=row.id,
        provider=row.provider,
        provider_ref=row.provider_ref,
        session_ref=row.checkout_session_ref,
        request=call.request,
        created_at=call.created_at,
        is_resumed=is_resumed,
        heard_at=session.scalar(heard),
    )
