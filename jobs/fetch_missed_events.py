"""Job: fetch from Stripe's own list the events whose webhooks did not reach us.

Stripe delivers again by itself, but hours later; so an outage of ours heals within minutes.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from jobs.context import JobContext
from payments.database import in_transaction
from payments.errors import UnavailableError
from payments.log_lines import get_logger
from payments.providers.stripe import event_list
from payments.providers.stripe.event_list import ListedEvent
from payments.webhooks.store_listed import store_listed

LOOK_BACK = dt.timedelta(hours=24)

_log = get_logger(__name__)


def fetch_missed_events(context: JobContext, _args: Mapping[str, Any]) -> dict[str, int]:
    """Take in what is missing and return how many events that were."""
    found, since = 0, context.clock() - LOOK_BACK
    try:
        for page in event_list.failed_deliveries(context.providers.stripe, from_at=since):
            found += _take_in(context, page)
    except UnavailableError as error:
        _log.warning("missed_events_not_fetched", error=str(error))  # the next run asks again
    if found:
        _log.warning("missed_events_fetched", events=found)
    return {"events": found}


def _take_in(context: JobContext, page: Sequence[ListedEvent]) -> int:
    return in_transaction(
        context.engine,
        lambda session: store_listed(
            session, page, provider="stripe", cipher=context.cipher, now=context.clock()
        ),
    )
