"""Money that arrived at our bank for a payment: held for its order, or in suspense.

A receipt is one entry, whatever becomes of it: what its payment does not get waits in suspense,
and what waited there may complete the payment.
"""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import Connection

from payments.accounting.chart_of_accounts import incoming, order_escrow, suspense_unmatched
from payments.accounting.entries import Line, book


@dataclass(frozen=True, kw_only=True)
class Received:
    """One receipt: `amount` in minor units of `currency`; `receipt_ref` is its source's name."""

    id: str
    payment_id: str
    order_id: str
    provider: str
    provider_ref: str | None
    bank_reference: str
    receipt_ref: str
    amount: int
    currency: str

    @property
    def metadata(self) -> dict[str, str | None]:
        """What its entries say about themselves."""
        return {
            "order_id": self.order_id,
            "payment_id": self.payment_id,
            "provider_ref": self.provider_ref,
            "bank_reference": self.bank_reference,
            "receipt_id": self.id,
            "receipt_ref": self.receipt_ref,
        }

    @property
    def incoming_line(self) -> Line:
        """What came in."""
        return incoming(self.provider, self.currency), self.amount

    @property
    def suspense_line(self) -> Line:
        """All of it in suspense."""
        return suspense_unmatched(self.currency), -self.amount


def book_receipt(
    connection: Connection, received: Received, *, held: int, occurred_at: dt.datetime
) -> None:
    """Money arrived; `held` is what its payment gets by it: all it is due, or nothing yet.

    Raises:
        LedgerError: the ledger refused it, and nothing was written.
    """
    completes = held > 0
    suspense, change = received.suspense_line
    book(
        connection,
        [
            received.incoming_line,
            (order_escrow(received.order_id, received.currency), -held),
            (suspense, change + held),
        ],
        effect_key=f"{received.payment_id}:charged" if completes else f"{received.id}:received",
        kind="charge" if completes else "receipt",
        occurred_at=occurred_at,
        description="Bank payment held for the order" if completes else "Money to be explained",
        metadata=received.metadata,
    )


def book_out_of_suspense(
    connection: Connection, received: Received, *, occurred_at: dt.datetime
) -> None:
    """What waited in suspense pays for the order: `amount` is the payment's.

    Raises:
        LedgerError: the ledger refused it, and nothing was written.
    """
    book(
        connection,
        [
            (suspense_unmatched(received.currency), received.amount),
            (order_escrow(received.order_id, received.currency), -received.amount),
        ],
        effect_key=f"{received.payment_id}:charged",
        kind="charge",
        occurred_at=occurred_at,
        description="Money that waited in suspense, held for the order",
        metadata={**received.metadata, "receipt_id": None, "applied_receipt_id": received.id},
    )


def book_taken_back(
    connection: Connection, received: Received, *, occurred_at: dt.datetime
) -> None:
    """The provider took back what no order had got: `amount` of the receipt.

    Raises:
        LedgerError: the ledger refused it, and nothing was written.
    """
    _book_out(
        connection,
        received,
        effect_key=f"{received.id}:taken_back",
        kind="receipt.taken_back",
        occurred_at=occurred_at,
        description="The provider took the money back",
    )


def book_receipt_refund(
    connection: Connection, received: Received, *, refund_id: str, occurred_at: dt.datetime
) -> None:
    """`amount` of suspended money went back to the payer.

    Raises:
        LedgerError: the ledger refused it, and nothing was written.
    """
    _book_out(
        connection,
        received,
        effect_key=f"{refund_id}:refunded",
        kind="receipt.refund",
        occurred_at=occurred_at,
        description="Suspended money given back to the payer",
    )


def book_receipt_refund_returned(
    connection: Connection, received: Received, *, refund_id: str, occurred_at: dt.datetime
) -> None:
    """The payer's bank sent it back: `amount` is in suspense again.

    Raises:
        LedgerError: the ledger refused it, and nothing was written.
    """
    book(
        connection,
        [received.incoming_line, received.suspense_line],
        effect_key=f"{refund_id}:returned",
        kind="receipt.refund_returned",
        occurred_at=occurred_at,
        description="The refund failed; the money is in suspense again",
        metadata=received.metadata,
    )


def _book_out(
    connection: Connection,
    received: Received,
    *,
    effect_key: str,
    kind: str,
    occurred_at: dt.datetime,
    description: str,
) -> None:
    lines = [
        (account, -change) for account, change in (received.suspense_line, received.incoming_line)
    ]
    book(
        connection,
        lines,
        effect_key=effect_key,
        kind=kind,
        occurred_at=occurred_at,
        description=description,
        metadata=received.metadata,
    )
