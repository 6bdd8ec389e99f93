"""Job: issue what refunds call for, of all orders that had one; with an order, of that one."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from jobs.context import JobContext
from payments.database import in_transaction
from payments.invoices.issue_credit_note import issue_credit_notes
from payments.invoices.issue_due import issue_due
from payments.invoices.issue_invoice import issue_invoice
from payments.lifecycle.write_changes import ISSUE_CREDIT_NOTE


def issue_credit_note(context: JobContext, args: Mapping[str, Any]) -> dict[str, int]:
    """Issue the credit notes of `order_id`, or all that are due; return how many were issued."""
    if "order_id" in args:
        return {"issued": _issue(context, str(args["order_id"]))}
    return issue_due(
        context.engine,
        lambda order_id: _issue(context, order_id),
        job=ISSUE_CREDIT_NOTE,
        clock=context.clock,
    )


def _issue(context: JobContext, order_id: str) -> int:
    now = context.clock()

    def invoice(session: Session) -> None:
        issue_invoice(session, order_id=order_id, now=now, cipher=context.cipher)

    def credit(session: Session) -> int:
        return len(issue_credit_notes(session, order_id=order_id, now=now, cipher=context.cipher))

    # The refund's job may come before the order's: what is corrected is issued first. Not in the
    # same transaction, since whoever has staged a rendering must not wait for a number.
    in_transaction(context.engine, invoice)
    return in_transaction(context.engine, credit)
