"""Job: render whatever waits to be rendered."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from jobs.come_back import come_back
from jobs.context import JobContext
from jobs.press import press_of
from payments.database import in_transaction
from payments.invoices.issue_invoice import RENDER_ALL
from payments.invoices.render_invoice import render_invoice, waiting_documents

AT_ONCE = 2
"""How many documents are rendered at a time: each takes a processor for a third of a second."""

LONGEST_S = 20
"""How long one run goes on: then it stands in line again, behind the jobs that move money."""


def render_invoices(context: JobContext, _args: Mapping[str, Any]) -> dict[str, int]:
    """Render what waits for some seconds, a few at once, and return how many were rendered."""
    started, press, rendered = context.clock(), press_of(context), 0
    with ThreadPoolExecutor(AT_ONCE) as pool:
        while True:
            due = in_transaction(
                context.engine,
                lambda session: waiting_documents(session, limit=4 * AT_ONCE, now=context.clock()),
            )
            rendered += sum(
                pool.map(lambda one: render_invoice(context.engine, press, invoice_id=one), due)
            )
            if not due:
                break
            if (context.clock() - started).total_seconds() > LONGEST_S:
                come_back(context, RENDER_ALL)
                break
    return {"rendered": rendered}
