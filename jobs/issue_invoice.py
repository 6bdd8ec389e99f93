"""Job: issue the invoices of all orders that were paid; with an order, of that one."""

from collections.abc import Mapping
from typing import Any

from jobs.context import JobContext
from payments.database import in_transaction
from payments.invoices.issue_due import issue_due
from payments.invoices.issue_invoice import issue_invoice as issue
from payments.lifecycle.write_changes import ISSUE_INVOICE


def issue_invoice(context: JobContext, args: Mapping[str, Any]) -> dict[str, int]:
    """Issue the invoice of `order_id`, or all that are due, and return how many were issued."""
    if "order_id" in args:
        return {"issued": _issue(context, str(args["order_id"]))}
    return issue_due(
        context.engine,
        lambda order_id: _issue(context, order_id),
        job=ISSUE_INVOICE,
        clock=context.clock,
    )


def _issue(context: JobContext, order_id: str) -> int:
    issued = in_transaction(
        context.engine,
        lambda session: issue(
            session, order_id=order_id, now=context.clock(), cipher=context.cipher
        ),
    )
    return int(issued is not None)
