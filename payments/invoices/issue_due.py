"""Finds what should have been issued and was not: the net under the jobs that issue at once."""

import datetime as dt
from collections.abc import Callable, Iterable

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.invoices.read_invoice import AlteredError
from payments.log_lines import get_logger
from payments.privacy.encryption import DecryptionError

LOOKED_BACK = dt.timedelta(days=14)
"""How long ago an order may have been paid, or a refund made, for the sweep to see it."""

# The job of whoever paid or refunded just now is under way: only what is older was forgotten.
_LEFT_TO_JOBS = dt.timedelta(minutes=1)

_log = get_logger(__name__)

_PAID = text("""
    SELECT o.id FROM strongroom.orders o
     WHERE o.status = 'paid' AND o.updated_at BETWEEN :since AND :until
       AND NOT EXISTS (SELECT FROM strongroom.invoices i
                        WHERE i.order_id = o.id AND i.corrects IS NULL)
     ORDER BY o.updated_at, o.id LIMIT :limit
""")
_REFUNDED = text("""
    SELECT DISTINCT p.order_id
      FROM strongroom.refunds r JOIN strongroom.payments p ON p.id = r.payment_id
     WHERE r.booked IN ('refunded', 'returned') AND r.updated_at BETWEEN :since AND :until
       AND r.receipt_id IS NULL
       AND NOT EXISTS (SELECT FROM strongroom.invoices i
                        WHERE i.refund_id = r.id
                          AND i.kind = CASE r.booked WHEN 'refunded' THEN 'credit_note'
                                                     ELSE 'invoice' END)
     ORDER BY p.order_id DESC LIMIT :limit
""")


def orders_without_invoice(session: Session, *, limit: int, now: dt.datetime) -> list[str]:
    """Return orders that were paid lately, but not just now, and have no invoice."""
    return list(session.scalars(_PAID, _window(limit, now)))


def orders_without_credit_note(session: Session, *, limit: int, now: dt.datetime) -> list[str]:
    """Return orders with a refund of lately that no credit note tells of, newest first.

    Some need none, as the refund of what was paid twice: those come again and are found to be fine,
    and are not to keep what was forgotten just now waiting.
    """
    return list(session.scalars(_REFUNDED, _window(limit, now)))


def issue_each(order_ids: Iterable[str], issue: Callable[[str], int]) -> dict[str, int]:
    """Issue for each order; return how many documents were, and for how many orders it failed.

    One whose party or invoice cannot be read keeps none of the others waiting.
    """
    issued = failed = 0
    for order_id in order_ids:
        try:
            issued += issue(order_id)
        except (AlteredError, DecryptionError) as error:
            failed += 1
            _log.error("document_not_issued", order_id=order_id, error=str(error))
    return {"issued": issued, "failed": failed}


def _window(limit: int, now: dt.datetime) -> dict[str, object]:
    return {"since": now - LOOKED_BACK, "until": now - _LEFT_TO_JOBS, "limit": limit}
