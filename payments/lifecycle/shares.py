"""What becomes of each receipt of a payment: a pure function of all of them.

Whatever order they are told in, the oldest money pays first, and the rest waits in suspense with
its reason: `short` (more must come), `over` (more than was due), `twice` (a whole further
payment, or nothing was due any more) or `late` (the payment had ended before it came).
"""

import datetime as dt
from collections.abc import Sequence

from payments.lifecycle.tables import BankReceipt


def is_late(receipt: BankReceipt, *, closed_at: dt.datetime | None) -> bool:
    """Whether it came when the payment had expired or been canceled."""
    return closed_at is not None and receipt.occurred_at >= closed_at


def usable(receipt: BankReceipt) -> int:
    """Return how much of it did not go back and is not about to."""
    return receipt.amount - receipt.amount_returned


def suspended(receipt: BankReceipt) -> int:
    """Return how much of it waits."""
    return usable(receipt) - receipt.amount_applied


def completed_at(
    receipts: Sequence[BankReceipt], *, due: int, closed_at: dt.datetime | None
) -> dt.datetime | None:
    """Return when what came before the payment ended was enough for it; None: it is not."""
    come = 0
    for row in _oldest_first(receipts):
        come += 0 if is_late(row, closed_at=closed_at) else usable(row)
        if come >= due:
            return row.occurred_at
    return None


def share_out(
    receipts: Sequence[BankReceipt],
    *,
    due: int,
    captured: int,
    closed_at: dt.datetime | None,
    now: dt.datetime,
) -> None:
    """Note on each receipt what of it the payment has, and why not all.

    `due` is the payment's amount, `captured` what it has: both in minor units.
    """
    left = captured
    for row in _oldest_first(receipts):
        applied = min(left, usable(row))
        left -= applied
        share = applied, _reason(row, applied, due=due, captured=captured, closed_at=closed_at)
        if share != (row.amount_applied, row.reason):
            row.amount_applied, row.reason = share
            row.updated_at = now


def _oldest_first(receipts: Sequence[BankReceipt]) -> list[BankReceipt]:
    return sorted(receipts, key=lambda row: (row.occurred_at, row.source, row.receipt_ref))


def _reason(
    row: BankReceipt, applied: int, *, due: int, captured: int, closed_at: dt.datetime | None
) -> str | None:
    if applied == row.amount:
        return None
    if captured:
        return "twice" if applied == 0 or row.amount - applied >= due else "over"
    return "late" if is_late(row, closed_at=closed_at) else "short"
