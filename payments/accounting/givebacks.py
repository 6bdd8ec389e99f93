"""Money that goes back to a buyer: by refund, or by dispute.

It comes out of what is held for the order. What was released already cannot: that part is a debt
of the seller.
"""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import Connection

import ledger
from ledger import Entry
from payments.accounting.chart_of_accounts import (
    disputed,
    incoming,
    order_escrow,
    seller_debt,
)
from payments.accounting.debts import lock_debt
from payments.accounting.entries import Line, book, build_entry


@dataclass(frozen=True, kw_only=True)
class Giveback:
    """One refund or dispute: `id` is ours, `amount` in minor units of `currency`.

    `provider` is who took the money for us; `owed` is what of it the escrow lacked and the seller
    owes.
    """

    id: str
    payment_id: str
    order_id: str
    seller_id: str
    provider: str
    amount: int
    currency: str
    hold_id: int | None
    owed: int

    @property
    def metadata(self) -> dict[str, str]:
        """What its entries say about themselves."""
        return {"payment_id": self.payment_id, "order_id": self.order_id, "subject_id": self.id}


def hold_in_escrow(
    connection: Connection, giveback: Giveback, *, amount: int, now: dt.datetime
) -> int:
    """Reserve `amount` of what is held for the order, and return the hold's id.

    Raises:
        InsufficientFundsError: less than that is held and free.
    """
    account_id = _escrow_id(connection, giveback)
    return ledger.place_hold(
        connection,
        effect_key=f"{giveback.id}:held",
        account_id=account_id,
        amount=amount,
        now=now,
    ).id


def hold_what_is_left(
    connection: Connection, giveback: Giveback, *, now: dt.datetime
) -> int | None:
    """Reserve as much of the giveback's amount as the escrow has; None when that is nothing."""
    free = _free_in_escrow(connection, giveback)
    if free == 0:
        return None
    amount = min(free, giveback.amount)
    return hold_in_escrow(connection, giveback, amount=amount, now=now)


def book_refund(
    connection: Connection, refund: Giveback, *, occurred_at: dt.datetime, now: dt.datetime
) -> int:
    """The money went back: out of the hold, or of what is left; returns what was lacking.

    Raises:
        LedgerError: the ledger refused it, and nothing was written.
    """
    hold_id = refund.hold_id
    if hold_id is None:
        hold_id = hold_what_is_left(connection, refund, now=now)
    return _pay_out_of_hold(
        connection,
        refund,
        hold_id,
        (incoming(refund.provider, refund.currency), -refund.amount),
        effect_key=f"{refund.id}:refunded",
        kind="refund",
        occurred_at=occurred_at,
        description="Refund to the buyer",
        now=now,
    )


def book_refund_returned(
    connection: Connection, refund: Giveback, *, occurred_at: dt.datetime
) -> None:
    """The buyer's bank sent a refund back: what was owed is not any more, the rest is held again.

    Raises:
        LedgerError: the ledger refused it, and nothing was written.
    """
    book(
        connection,
        [
            (incoming(refund.provider, refund.currency), refund.amount),
            (order_escrow(refund.order_id, refund.currency), refund.owed - refund.amount),
            (seller_debt(refund.seller_id, refund.currency), -refund.owed),
        ],
        effect_key=f"{refund.id}:returned",
        kind="refund.returned",
        occurred_at=occurred_at,
        description="The refund failed and came back",
        metadata=refund.metadata,
    )


def book_dispute_opened(
    connection: Connection, dispute: Giveback, *, occurred_at: dt.datetime
) -> None:
    """The provider took the money back for now.

    Raises:
        LedgerError: the ledger refused it, and nothing was written.
    """
    book(
        connection,
        [
            (disputed(dispute.payment_id, dispute.currency), dispute.amount),
            (incoming(dispute.provider, dispute.currency), -dispute.amount),
        ],
        effect_key=f"{dispute.id}:opened",
        kind="dispute.opened",
        occurred_at=occurred_at,
        description="Dispute opened: the money was taken back for now",
        metadata=dispute.metadata,
    )


def book_dispute_won(
    connection: Connection, dispute: Giveback, *, occurred_at: dt.datetime, now: dt.datetime
) -> None:
    """The provider gave the money to us again.

    Raises:
        LedgerError: the ledger refused it, and nothing was written.
    """
    book(
        connection,
        [
            (incoming(dispute.provider, dispute.currency), dispute.amount),
            (disputed(dispute.payment_id, dispute.currency), -dispute.amount),
        ],
        effect_key=f"{dispute.id}:won",
        kind="dispute.won",
        occurred_at=occurred_at,
        description="Dispute won: the money came back",
        metadata=dispute.metadata,
    )
    let_go(connection, dispute, now=now)


def book_dispute_lost(
    connection: Connection, dispute: Giveback, *, occurred_at: dt.datetime, now: dt.datetime
) -> int:
    """The buyer keeps the money: out of what was kept back for it; returns what was lacking.

    Raises:
        LedgerError: the ledger refused it, and nothing was written.
    """
    return _pay_out_of_hold(
        connection,
        dispute,
        dispute.hold_id,
        (disputed(dispute.payment_id, dispute.currency), -dispute.amount),
        effect_key=f"{dispute.id}:lost",
        kind="dispute.lost",
        occurred_at=occurred_at,
        description="Dispute lost: the buyer keeps the money",
        now=now,
    )


def cover_debt(connection: Connection, giveback: Giveback, *, occurred_at: dt.datetime) -> int:
    """Pay what is owed with money that is free in the order's escrow again; return how much.

    No more than the seller still owes: releases of other orders may have paid it already.

    Raises:
        LedgerError: the ledger refused it, and nothing was written.
    """
    covered = min(giveback.owed, _free_in_escrow(connection, giveback))
    if covered:
        covered = min(covered, lock_debt(connection, giveback.seller_id, giveback.currency))
    if covered > 0:
        book(
            connection,
            [
                (order_escrow(giveback.order_id, giveback.currency), covered),
                (seller_debt(giveback.seller_id, giveback.currency), -covered),
            ],
            effect_key=f"{giveback.id}:owed:{giveback.owed - covered}",
            kind="debt.covered",
            occurred_at=occurred_at,
            description="Money came back to the order and pays what was lacking",
            metadata=giveback.metadata,
        )
    return max(covered, 0)


def let_go(connection: Connection, giveback: Giveback, *, now: dt.datetime) -> None:
    """Give back what was reserved for it, if anything still is."""
    if giveback.hold_id is not None:
        ledger.void_hold(connection, giveback.hold_id, now=now)


def _pay_out_of_hold(
    connection: Connection,
    giveback: Giveback,
    hold_id: int | None,
    other_side: Line,
    *,
    now: dt.datetime,
    effect_key: str,
    kind: str,
    occurred_at: dt.datetime,
    description: str,
) -> int:
    held = 0 if hold_id is None else ledger.find_hold(connection, hold_id).amount
    entry: Entry = build_entry(
        connection,
        [
            (order_escrow(giveback.order_id, giveback.currency), held),
            (seller_debt(giveback.seller_id, giveback.currency), giveback.amount - held),
            other_side,
        ],
        effect_key=effect_key,
        kind=kind,
        occurred_at=occurred_at,
        description=description,
        metadata=giveback.metadata,
    )
    if hold_id is None:
        ledger.post(connection, entry)
    else:
        ledger.capture_hold(connection, hold_id, entry, amount=held, now=now)
    return giveback.amount - held


def _free_in_escrow(connection: Connection, giveback: Giveback) -> int:
    return ledger.available(connection, _escrow_id(connection, giveback)) or 0


def _escrow_id(connection: Connection, giveback: Giveback) -> int:
    account = order_escrow(giveback.order_id, giveback.currency)
    accounts = ledger.open_accounts(connection, [account])
    return accounts[account.path, account.asset]
