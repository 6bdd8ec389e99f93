"""Money on chain in the ledger: deposits, refunds, gas, and the undoing of what left the chain.

The same effect may be booked, undone and booked again: each booking has a number, and from the
second on it stands at the end of its key.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

import ledger
from payments.accounting.chart_of_accounts import (
    chain_escrow,
    chain_gas,
    order_escrow,
    processing_fees,
)
from payments.accounting.entries import book, build_entry, open_moment


@dataclass(frozen=True, kw_only=True)
class ChainMoney:
    """Whose money it is, and in which contract it lies."""

    escrow_id: str
    payment_id: str
    order_id: str
    chain: str
    contract: str
    asset: str

    @property
    def metadata(self) -> dict[str, str]:
        """What its entries say about themselves."""
        return {
            "escrow_id": self.escrow_id,
            "payment_id": self.payment_id,
            "order_id": self.order_id,
            "provider_ref": f"{self.chain}:{self.contract}",
        }


def numbered(key: str, number: int) -> str:
    """Return the key of the booking `number`, counted from 1."""
    return key if number == 1 else f"{key}:{number}"


def free_in_escrow(connection: Connection, money: ChainMoney) -> int:
    """Return what is held for the order and not reserved, in minor units."""
    return ledger.available(connection, order_escrow_id(connection, money)) or 0


def order_escrow_id(connection: Connection, money: ChainMoney) -> int:
    """Return the account of what is held for the order; it is opened if need be."""
    account = order_escrow(money.order_id, money.asset)
    return ledger.open_accounts(connection, [account])[account.path, account.asset]


def book_deposit(
    connection: Connection,
    money: ChainMoney,
    *,
    amount: int,
    number: int,
    occurred_at: dt.datetime,
) -> int:
    """The deposit is final: it is held for the order; return the entry's id.

    Raises:
        LedgerError: the ledger refused it, and nothing was written.
    """
    return book(
        connection,
        [
            (chain_escrow(money.chain, money.contract, money.asset), amount),
            (order_escrow(money.order_id, money.asset), -amount),
        ],
        effect_key=numbered(f"{money.payment_id}:charged", number),
        kind="charge",
        occurred_at=occurred_at,
        description="Deposit on chain, held for the order",
        metadata=money.metadata,
    ).entry_id


def book_chain_refund(
    connection: Connection,
    money: ChainMoney,
    *,
    refund_id: str,
    amount: int,
    hold_id: int | None,
    number: int,
    occurred_at: dt.datetime,
    now: dt.datetime,
) -> int:
    """The contract paid the depositor back, out of the hold if there is one; return the entry's id.

    Raises:
        LedgerError: the ledger refused it, and nothing was written.
    """
    entry = build_entry(
        connection,
        [
            (order_escrow(money.order_id, money.asset), amount),
            (chain_escrow(money.chain, money.contract, money.asset), -amount),
        ],
        effect_key=numbered(f"{refund_id}:refunded", number),
        kind="refund",
        occurred_at=occurred_at,
        description="Paid back to the buyer on chain",
        metadata={**money.metadata, "subject_id": refund_id},
    )
    if hold_id is None:
        return ledger.post(connection, entry).entry_id
    return ledger.capture_hold(connection, hold_id, entry, amount=amount, now=now).entry_id


@dataclass(frozen=True, kw_only=True)
class Gas:
    """What a transaction of ours cost: `amount` in minor units of the chain's own coin."""

    intent_id: str
    signer: str
    amount: int
    number: int


def book_gas(
    connection: Connection,
    spent: Sequence[Gas],
    *,
    chain: str,
    asset: str,
    occurred_at: dt.datetime,
) -> list[int]:
    """Book what transactions cost us, as one batch; return the entries' ids in the same order.

    Raises:
        LedgerError: the ledger refused one of them.
    """
    entries = [
        build_entry(
            connection,
            [
                (processing_fees(chain, asset), gas.amount),
                (chain_gas(chain, gas.signer, asset), -gas.amount),
            ],
            effect_key=numbered(f"{gas.intent_id}:gas", gas.number),
            kind="chain.gas",
            occurred_at=occurred_at,
            description="Gas of our transaction",
            metadata={"subject_id": gas.intent_id, "chain": chain},
        )
        for gas in spent
    ]
    results = ledger.post_batch(connection, entries)
    refused = [result for result in results if isinstance(result, ledger.Refused)]
    if refused:
        raise refused[0].error
    return [result.entry_id for result in results if isinstance(result, ledger.Posted)]


def undo(connection: Connection, entry_id: int, *, now: dt.datetime) -> None:
    """Reverse an entry of something that is in no block any more.

    Raises:
        LedgerError: what it brought is used or reserved; undo that first.
    """
    ledger.reverse(
        connection,
        entry_id,
        occurred_at=open_moment(connection, now),
        description="The chain was reorganised: it did not happen",
    )


def next_hold_key(connection: Connection, subject_id: str) -> str:
    """Return the key of the next hold of a release or refund: it may have had some before."""
    first = f"{subject_id}:held"
    count = connection.exec_driver_sql(
        "SELECT count(*) FROM ledger.holds WHERE effect_key = %s OR starts_with(effect_key, %s)",
        (first, f"{first}:"),
    ).scalar_one()
    return numbered(first, int(count) + 1)
