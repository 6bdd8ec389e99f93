"""The releases desk: approve or cancel what waits, freeze everything, and lift that by two."""

from flask import render_template

from payments.database import in_transaction
from payments.releases.read_desk import read_desk
from web.console_pages import ConsolePages
from web.console_queries import PAGE, asked, page_after, read_filters
from web.parts import current_parts
from web.schemas.releases import STATUSES, ReleasesDeskQuery

blueprint = ConsolePages("console_releases")

_FILTERS = ("status", "order_id")


@blueprint.page("/releases")
def show() -> str:
    """Show what is frozen, what waits for a second person, and all releases."""
    given = asked(*_FILTERS)
    query = read_filters(ReleasesDeskQuery, (*_FILTERS, "after")) | {"limit": PAGE}
    desk = in_transaction(current_parts().engine, lambda session: read_desk(session, **query))
    return render_template(
        "console/releases.html",
        desk=desk,
        given=given,
        statuses=STATUSES,
        older=page_after(desk.next, given),
    )
