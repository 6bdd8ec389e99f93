"""Job: issue what an order's refunds call for; without an order, for all that were forgotten."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from jobs.context import JobContext
from payments.database import in_transaction
from payments.invoices.issue_credit_note import issue_credit_notes
from payments.invoices.issue_due import orders_without_credit_note
from payments.invoices.issue_invoice import issue_invoice

BATCH = 500


def issue_credit_note(context: JobContext, args: Mapping[str, Any]) -> dict[str, int]:
    """Issue the credit notes of `order_id`, or sweep, and return how many were issued."""
    if "order_id" in args:
        return {"issued": _issue(context, str(args["order_id"]))}
    due = in_transaction(
        context.engine,
        lambda session: orders_without_credit_note(session, limit=BATCH, now=context.clock()),
    )
    return {"issued": sum(_issue(context, order_id) for order_id in due)}


def _issue(context: JobContext, order_id: str) -> int:
    now = context.clock()

    def issue(session: Session) -> int:
        # The refund's job may come before the order's: what is corrected is issued first.
        issue_invoice(session, order_id=order_id, now=now, cipher=context.cipher)
        return len(issue_credit_notes(session, order_id=order_id, now=now, cipher=context.cipher))

    return in_transaction(context.engine, issue)
