"""Takes in what Stripe's list of events tells since the moment, and applies all that is due.

Each event has its effect once, so it does no harm to take in those that were known before.
"""

from payments.database import in_transaction
from payments.providers.stripe import event_list
from payments.providers.stripe.giveback_facts import PROVIDER
from payments.restores.look import Look
from payments.webhooks.drain_inbox import drain_inbox
from payments.webhooks.store_listed import store_listed

_BATCH = 300


def adopt_events(look: Look) -> None:
    """Fill the inbox from Stripe's list, and drain it.

    Raises:
        UnavailableError: Stripe does not answer.
    """
    now = look.clock()
    since = max(look.since, now - event_list.KEPT)
    after: str | None = None
    while True:
        page = event_list.next_page(look.providers.stripe, from_at=since, to_at=now, after=after)
        if not page:
            break
        stored = in_transaction(
            look.engine,
            lambda session, page=page: store_listed(  # type: ignore[misc] # page is bound here
                session, page, provider=PROVIDER, cipher=look.cipher, now=now
            ),
        )
        look.figures["events_listed"] += len(page)
        look.figures["events_new"] += stored
        after = page[-1].event_id
    drain(look)


def drain(look: Look) -> None:
    """Apply what of the inbox is due."""
    while True:
        drained = drain_inbox(
            look.engine,
            cipher=look.cipher,
            limit=_BATCH,
            now=look.clock(),
            banks=look.providers.banks,
        )
        look.figures["events_applied"] += drained.done
        look.figures["events_set_aside"] += drained.set_aside
        if drained.total < _BATCH:
            return
