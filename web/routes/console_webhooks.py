"""The webhooks desk: what providers sent and what became of it, replays, retry windows."""

import datetime as dt

from flask import render_template

from payments.database import in_transaction
from payments.webhooks.list_replays import list_replays
from payments.webhooks.read_inbox import STATES, list_inbox
from payments.webhooks.read_refusals import read_refusals
from payments.webhooks.retry_window import list_retry_windows
from web.console_pages import ConsolePages
from web.console_queries import PAGE, asked, page_after, read_filters
from web.parts import current_parts
from web.schemas.ops import InboxQuery

blueprint = ConsolePages("console_webhooks")

_FILTERS = ("state", "type")
_REPLAYS = 6
_REFUSED_WITHIN = dt.timedelta(days=1)


@blueprint.page("/webhooks", action="webhooks.read")
def show() -> str:
    """Show the inbox, newest first, with what may be done about it."""
    parts = current_parts()
    query = read_filters(InboxQuery, (*_FILTERS, "after"))
    inbox = in_transaction(
        parts.engine,
        lambda session: list_inbox(
            session,
            limit=PAGE,
            state=query.get("state"),
            event_type=query.get("type"),
            after=query.get("after"),
        ),
    )
    replays = in_transaction(parts.engine, lambda session: list_replays(session, limit=_REPLAYS))
    windows = in_transaction(
        parts.engine,
        lambda session: list_retry_windows(
            session, configured_h=parts.settings.webhook_retry_window_h
        ),
    )
    now = parts.now()
    refusals = in_transaction(
        parts.engine,
        lambda session: read_refusals(
            session,
            from_at=now - _REFUSED_WITHIN,
            to_at=now,
            max_age_d=parts.settings.secret_max_age_d,
            now=now,
        ),
    )
    return render_template(
        "console/webhooks.html",
        inbox=inbox,
        refusals=refusals,
        replays=replays,
        windows=windows,
        states=STATES,
        given=asked(*_FILTERS),
        older=page_after(inbox.next, asked(*_FILTERS)),
    )
