"""The desk of what waits longer than usual: why, since when, and asking the provider about it."""

from flask import render_template

from payments.database import in_transaction
from payments.errors import InvalidRequestError
from payments.pending.list_pending import list_pending
from payments.pending.request_ask import list_asks
from payments.pending.usual import KINDS
from web.console_pages import ConsolePages
from web.console_queries import asked
from web.parts import current_parts

blueprint = ConsolePages("console_pending")

_MOST = 100
_ASKS = 6


@blueprint.page("/pending", action="pending.read")
def show() -> str:
    """Show what waits, the oldest first, and what providers were asked.

    Raises:
        InvalidRequestError: there is no such kind.
    """
    parts, now = current_parts(), current_parts().now()
    given = asked("kind", "payment_id")
    if given.get("kind", KINDS[0]) not in KINDS:
        fault = {"kind": [f"It is one of {', '.join(KINDS)}."]}
        raise InvalidRequestError("A filter cannot be read.", errors=fault)
    pending = in_transaction(
        parts.engine, lambda session: list_pending(session, now=now, limit=_MOST, **given)
    )
    asks = in_transaction(parts.engine, lambda session: list_asks(session, limit=_ASKS))
    return render_template(
        "console/pending.html",
        pending=pending.data,
        counts=pending.counts,
        asks=asks,
        given=given,
        banks=sorted(parts.providers.banks),
        most=_MOST,
    )
