"""Job: issue the invoice of an order that was paid; without an order, of all forgotten ones."""

from collections.abc import Mapping
from typing import Any

from jobs.context import JobContext
from payments.database import in_transaction
from payments.invoices.issue_due import issue_each, orders_without_invoice
from payments.invoices.issue_invoice import issue_invoice as issue

BATCH = 500


def issue_invoice(context: JobContext, args: Mapping[str, Any]) -> dict[str, int]:
    """Issue the invoice of `order_id`, or sweep, and return how many were issued."""
    if "order_id" in args:
        return {"issued": _issue(context, str(args["order_id"]))}
    due = in_transaction(
        context.engine,
        lambda session: orders_without_invoice(session, limit=BATCH, now=context.clock()),
    )
    return issue_each(due, lambda order_id: _issue(context, order_id))


def _issue(context: JobContext, order_id: str) -> int:
    issued = in_transaction(
        context.engine,
        lambda session: issue(
            session, order_id=order_id, now=context.clock(), cipher=context.cipher
        ),
    )
    return int(issued is not None)
