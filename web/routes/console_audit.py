"""The audit log as a page: who did what, filtered; looking at it is an entry, too."""

from flask import render_template

from payments.audit.read_entries import Wanted, read_entries
from payments.database import in_transaction
from web.console_pages import ConsolePages
from web.console_queries import PAGE, asked, page_after, read_filters
from web.parts import current_parts
from web.schemas.audit import OUTCOMES, AuditQuery

blueprint = ConsolePages("console_audit")

_FILTERS = ("actor", "action", "subject", "outcome", "from", "to")


@blueprint.page("/audit", action="audit.read")
def show() -> str:
    """Show what was done, refused, and seen of personal data, newest first."""
    parts = current_parts()
    query = read_filters(AuditQuery, (*_FILTERS, "after"))
    query.pop("limit", None)
    after = query.pop("after", None)
    page = in_transaction(
        parts.engine,
        lambda session: read_entries(
            session,
            Wanted(**query),
            limit=PAGE,
            after=None if after is None else int(after),
            cipher=parts.cipher,
        ),
    )
    return render_template(
        "console/audit.html",
        entries=page.data,
        outcomes=OUTCOMES,
        given=asked(*_FILTERS),
        older=page_after(page.next, asked(*_FILTERS)),
    )
