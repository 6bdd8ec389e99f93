"""Escrow positions: what is held for each order, for whom, and what came and went."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from sqlalchemy import Connection

from ledger import reporting
from ledger.reporting import TrialBalanceRow
from payments.reports.drill_down import to_account
from payments.reports.reading import Reading
from payments.reports.report import Cell, Column, Report

ACCOUNT = "liabilities:escrow"
COLUMNS = (
    Column("order_id", "Order"),
    Column("seller_id", "Seller"),
    Column("buyer_id", "Buyer"),
    Column("asset", "Asset"),
    Column("opening", "Held before", "amount"),
    Column("received", "Received", "amount"),
    Column("paid_out", "Released or given back", "amount"),
    Column("held", "Held", "amount"),
)
_AT_ONCE = 500
_PARTIES = "SELECT id, seller_id, buyer_id FROM strongroom.orders WHERE id = ANY(%s)"


def escrow_positions(reading: Reading) -> Report:
    """Return the orders for which something is held; with a first day, also those that moved.

    Amounts are positive when held; together they are the control account liabilities:escrow.
    """
    return reading.report(
        "Escrow positions",
        COLUMNS,
        _rows(reading),
        drill_down=lambda row: to_account(reading, f"{ACCOUNT}:{row[0]}", str(row[3])),
    )


def _rows(reading: Reading) -> Iterator[tuple[Cell, ...]]:
    found = reporting.trial_balance(
        reading.connection, reading.scope, detail="account", account=ACCOUNT
    )
    keep_all = reading.scope.first_day is not None
    positions = (row for row in found if row.closing or keep_all)
    seller_id = reading.wanted.seller_id
    while batch := list(islice(positions, _AT_ONCE)):
        parties = _parties(reading.connection, batch)
        for row in batch:
            order_id = _order_of(row)
            seller, buyer = parties.get(order_id, (None, None))
            if seller_id is None or seller == seller_id:
                yield (
                    order_id,
                    seller,
                    buyer,
                    row.asset,
                    -row.opening,
                    row.credit,
                    row.debit,
                    -row.closing,
                )


def _parties(
    connection: Connection, rows: Sequence[TrialBalanceRow]
) -> Mapping[str, tuple[str, str]]:
    found = connection.exec_driver_sql(_PARTIES, ([_order_of(row) for row in rows],))
    return {row.id: (row.seller_id, row.buyer_id) for row in found}


def _order_of(row: TrialBalanceRow) -> str:
    return row.account.removeprefix(f"{ACCOUNT}:")
