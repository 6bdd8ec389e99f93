"""Seller statement: what was released to a seller, paid out to them, and what they owe us."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from sqlalchemy import Connection

from ledger import reporting
from ledger.reporting import LedgerRow
from payments.reports.books import ledger_link
from payments.reports.reading import Reading
from payments.reports.report import Cell, Column, Report

COLUMNS = (
    Column("account", "Account"),
    Column("asset", "Asset"),
    Column("seq", "Number", "count"),
    Column("entry_id", "Entry", "count"),
    Column("occurred_at", "Effective", "moment"),
    Column("recorded_at", "Recorded", "moment"),
    Column("kind", "Kind"),
    Column("description", "Description"),
    Column("order_id", "Order"),
    Column("gross", "Released", "amount"),
    Column("fee", "Platform fee", "amount"),
    Column("tax", "Tax", "amount"),
    Column("debit", "Debit", "amount"),
    Column("credit", "Credit", "amount"),
    Column("balance", "Balance", "amount", adds_up=False),
)
_AT_ONCE = 500
_DETAILS = """
    SELECT e.id, s.code, e.metadata ->> 'order_id',
           coalesce(sum(p.amount) FILTER (WHERE a.control = 'liabilities:escrow'), 0)::text,
           coalesce(-sum(p.amount) FILTER (WHERE a.path = 'income:platform-fees'), 0)::text,
           coalesce(-sum(p.amount) FILTER (WHERE a.path = 'liabilities:tax'), 0)::text,
           min(a.path) FILTER (WHERE a.path = ANY(%s))
      FROM ledger.entries e
      JOIN ledger.postings p ON p.entry_id = e.id
      JOIN ledger.accounts a ON a.id = p.account_id
      JOIN ledger.assets s ON s.id = a.asset_id
     WHERE e.id = ANY(%s) AND p.entry_id = ANY(%s)
     GROUP BY e.id, s.code, e.metadata ->> 'order_id'
"""


@dataclass(frozen=True)
class _Details:
    """What an entry says beside its lines of the seller; told once, beside its `account`."""

    order_id: str | None
    amounts: tuple[int, int, int]
    account: str


def seller_statement(reading: Reading) -> Report:
    """Return the seller's two accounts: what we owe them, and what they owe us.

    Beside a release stand what was released, the fee and the tax of it; balances are debit
    positive, so what we owe them is below zero.
    """
    return reading.report(
        "Seller statement",
        COLUMNS,
        _rows(reading),
        drill_down=lambda row: ledger_link(reading, row),
    )


def _rows(reading: Reading) -> Iterator[tuple[Cell, ...]]:
    seller_id = reading.wanted.seller_id
    accounts = [f"assets:debts:{seller_id}", f"liabilities:seller:{seller_id}"]
    for account in accounts:
        rows = reporting.general_ledger(reading.connection, reading.scope, account=account)
        while batch := list(islice(rows, _AT_ONCE)):
            details = _read_details(reading.connection, batch, accounts)
            for row in batch:
                yield _row(row, details.get((row.entry_id, row.asset)))


def _row(row: LedgerRow, details: _Details | None) -> tuple[Cell, ...]:
    order_id = None if details is None else details.order_id
    shown: tuple[int | None, ...] = (None, None, None)
    if details is not None and details.account == row.account:
        shown = details.amounts
    return (*row[:8], order_id, *shown, *row[8:])


def _read_details(
    connection: Connection, rows: list[LedgerRow], accounts: list[str]
) -> Mapping[tuple[int | None, str], _Details]:
    ids = [row.entry_id for row in rows if row.entry_id is not None]
    found = connection.exec_driver_sql(_DETAILS, (accounts, ids, ids))
    return {
        (entry_id, asset): _Details(order_id, (int(gross), int(fee), int(tax)), account)
        for entry_id, asset, order_id, gross, fee, tax, account in found
    }
