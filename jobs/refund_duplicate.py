"""Job: give back a payment for an order that another payment had paid."""

from collections.abc import Mapping
from typing import Any

from jobs.context import JobContext
from payments.refunds.refund_duplicate import refund_duplicate as give_back


def refund_duplicate(context: JobContext, args: Mapping[str, Any]) -> dict[str, int]:
    """Refund the payment `payment_id` in whole, and return whether it was done."""
    refunded = give_back(
        context.engine,
        payment_id=str(args["payment_id"]),
        now=context.clock(),
        providers=context.providers,
    )
    return {"refunded": int(refunded)}
