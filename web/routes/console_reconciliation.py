"""The reconciliation desk: what nothing explains beside what it may be, runs, and findings.

Nobody's name is on the page: it is revealed line by line, with a reason.
"""

from flask import render_template

from payments.database import in_transaction
from payments.reconciliation.accounts import PLACES
from payments.reconciliation.candidates import candidates_for
from payments.reconciliation.request_run import DATE_WINDOW_DAYS, list_runs
from payments.reconciliation.settle_finding import list_findings
from payments.reconciliation.unmatched import KINDS, Wanted, list_unmatched
from web.console_pages import ConsolePages
from web.console_queries import asked, page_after, read_filters
from web.parts import current_parts
from web.schemas.reconciliation_desk import UnmatchedQuery

blueprint = ConsolePages("console_reconciliation")

_FILTERS = ("kind", "reference", "amount", "booked_from", "booked_to")
_PAGE = 20
_RUNS = 5
_FINDINGS = 30


@blueprint.page("/reconciliation", action="reconciliation.read")
def show() -> str:
    """Show the queue with its candidates, the newest runs, and what does not agree."""
    parts, now = current_parts(), current_parts().now()
    query = read_filters(UnmatchedQuery, (*_FILTERS, "after"))
    after = query.pop("after", None)
    query.pop("limit", None)
    queue = in_transaction(
        parts.engine,
        lambda session: list_unmatched(
            session, Wanted(**query), limit=_PAGE, after=after, cipher=None, now=now
        ),
    )
    candidates = in_transaction(
        parts.engine, lambda session: candidates_for(session, queue.data, now=now)
    )
    runs = in_transaction(parts.engine, lambda session: list_runs(session, limit=_RUNS))
    findings = in_transaction(
        parts.engine, lambda session: list_findings(session, limit=_FINDINGS, state="open")
    )
    return render_template(
        "console/reconciliation.html",
        queue=queue.data,
        candidates=candidates,
        runs=runs.data,
        findings=findings,
        kinds=KINDS,
        places=PLACES,
        window_days=DATE_WINDOW_DAYS,
        given=asked(*_FILTERS),
        older=page_after(queue.next, asked(*_FILTERS)),
    )
