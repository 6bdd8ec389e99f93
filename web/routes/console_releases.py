"""The releases desk: approve or cancel what waits, freeze everything, and lift that by two."""

from flask import render_template

from payments.database import in_transaction
from payments.releases.read_desk import read_desk
from web.console_pages import ConsolePages
from web.console_queries import PAGE, asked, page_after
from web.parts import current_parts
from web.schemas.releases import STATUSES

blueprint = ConsolePages("console_releases")


@blueprint.page("/releases")
def show() -> str:
    """Show what is frozen, what waits for a second person, and all releases."""
    given = asked("status", "order_id")
    desk = in_transaction(
        current_parts().engine,
        lambda session: read_desk(session, limit=PAGE, **given, **asked("after")),
    )
    return render_template(
        "console/releases.html",
        desk=desk,
        given=given,
        statuses=STATUSES,
        older=page_after(desk.next, given),
    )
