"""Job: compare Stripe's balance with our books, and say loudly what nothing explains."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from jobs.context import JobContext
from payments.errors import ConflictError, UnavailableError
from payments.log_lines import get_logger
from payments.settlement.compare_balance import compare_balance

IN_FLIGHT_FOR = dt.timedelta(hours=1)
"""What is in flight for longer is told as well: it should have arrived."""

_log = get_logger(__name__)


def compare_stripe_balance(context: JobContext, _args: Mapping[str, Any]) -> dict[str, int]:
    """Compare every currency and return how many differ without an explanation, or for long."""
    now = context.clock()
    try:
        found = compare_balance(context.engine, stripe=context.providers.stripe, now=now)
    except (UnavailableError, ConflictError) as error:
        _log.warning("stripe_balance_not_compared", error=error.detail)
        return {}
    stale = [
        known
        for comparison in found
        for known in comparison.in_flight
        if known.since <= now - IN_FLIGHT_FOR
    ]
    differing = [comparison for comparison in found if not comparison.agrees]
    for comparison in differing:
        _log.error(
            "stripe_balance_differs",
            currency=comparison.currency,
            stripe=str(comparison.stripe),
            ledger=str(comparison.ledger),
            unexplained=str(comparison.unexplained),
        )
    for known in stale:
        _log.warning(
            "stripe_balance_in_flight_for_long",
            currency=known.currency,
            reason=known.reason,
            transactions=known.transactions,
            pending=known.pending,
            available=known.available,
            since=known.since.isoformat(),
        )
    return {"differing": len(differing), "stale": len(stale)}
