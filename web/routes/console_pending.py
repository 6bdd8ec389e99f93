"""The desk of what waits longer than usual: why, since when, and asking the provider about it."""

from flask import render_template

from payments.database import in_transaction
from payments.pending.list_pending import list_pending
from payments.pending.request_ask import list_asks
from web.console_pages import ConsolePages
from web.console_queries import asked, read_filters
from web.parts import current_parts
from web.schemas.pending import PendingQuery

blueprint = ConsolePages("console_pending")

_FILTERS = ("kind", "payment_id")
_MOST = 100
_ASKS = 6


@blueprint.page("/pending", action="pending.read")
def show() -> str:
    """Show what waits, the oldest first, and what providers were asked."""
    parts, now = current_parts(), current_parts().now()
    query = read_filters(PendingQuery, _FILTERS) | {"limit": _MOST}
    pending = in_transaction(parts.engine, lambda session: list_pending(session, now=now, **query))
    asks = in_transaction(parts.engine, lambda session: list_asks(session, limit=_ASKS))
    return render_template(
        "console/pending.html",
        pending=pending.data,
        counts=pending.counts,
        asks=asks,
        given=asked(*_FILTERS),
        banks=sorted(parts.providers.banks),
        most=_MOST,
    )
