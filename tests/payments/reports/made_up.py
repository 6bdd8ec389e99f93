"""A report of made-up rows, without a database."""

import datetime as dt
from collections.abc import Iterable

from ledger import Asset
from ledger.reporting import Scope
from payments.reports.report import Cell, Column, Report

MOMENT = dt.datetime(2026, 10, 31, 23, 59, 59, 1, tzinfo=dt.UTC)
ASSETS = {
    "EUR": Asset(1, "EUR", 2),
    "JPY": Asset(2, "JPY", 0),
    "ETH": Asset(3, "ETH", 18),
}


def made_up(rows: Iterable[tuple[Cell, ...]], *, asset_name: str = "asset") -> Report:
    """Columns: entry_id, text, day, at, asset, debit, credit."""
    return Report(
        name="made-up",
        title="Made up",
        scope=Scope(as_of=MOMENT),
        sequence=9,
        columns=(
            Column("entry_id", "Entry", "count"),
            Column("text", "Text"),
            Column("day", "Day", "date"),
            Column("at", "At", "moment"),
            Column(asset_name, "Asset"),
            Column("debit", "Debit", "amount"),
            Column("credit", "Credit", "amount"),
        ),
        rows=iter(rows),
        assets=ASSETS,
    )
