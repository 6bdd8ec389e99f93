"""Records what a provider's answer or our own asking shows: nobody sets aside what is refused."""

import datetime as dt
from collections.abc import Sequence

from sqlalchemy.orm import Session

from payments.lifecycle.record_facts import Result, SourcedFact, record_facts
from payments.log_lines import get_logger
from payments.providers.facts import Fact

_log = get_logger(__name__)


def record_seen(session: Session, facts: Sequence[Fact], *, cause: str, now: dt.datetime) -> None:
    """Record what Stripe says; what cannot be right is logged and changes nothing."""
    outcomes = record_facts(session, [SourcedFact(fact, cause) for fact in facts], now=now)
    for outcome in outcomes:
        if outcome.result is Result.REFUSED:
            _log.error(
                "fact_refused",
                payment_id=outcome.payment_id,
                cause=cause,
                reason=outcome.reason,
                detail=outcome.detail,
            )
