"""Job: read what moved at Stripe, book it, and follow payouts until they have arrived."""

from collections.abc import Mapping
from typing import Any

from jobs.context import JobContext
from payments.database import in_transaction
from payments.errors import ConflictError, UnavailableError
from payments.log_lines import get_logger
from payments.settlement import wake_up
from payments.settlement.store_payouts import follow_payouts
from payments.settlement.sync_balance import sync_balance

_log = get_logger(__name__)


def sync_stripe_balance(context: JobContext, _args: Mapping[str, Any]) -> dict[str, int]:
    """Sync and return what was done; when Stripe does not answer, the next run goes on."""
    try:
        synced = sync_balance(context.engine, stripe=context.providers.stripe, now=context.clock())
        payouts = follow_payouts(
            context.engine, stripe=context.providers.stripe, now=context.clock()
        )
    except (UnavailableError, ConflictError) as error:
        _log.warning("stripe_balance_not_read", error=error.detail)
        return {}
    if not synced.is_complete:
        in_transaction(
            context.engine, lambda session: wake_up.wake_up(session, now=context.clock())
        )
    return {
        "stored": synced.stored,
        "booked": synced.booked,
        "settled": synced.settled,
        "matched": synced.matched,
        "asked_for": synced.asked_for,
        "payouts": payouts,
    }
