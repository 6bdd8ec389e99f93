"""A report as people see it on a page: text in cells, amounts in whole units, sums below."""

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from ledger import Asset
from payments.charts.scale import grouped
from payments.reports.report import Cell, Column, Report

_ENTRY = "entry_id"
_ONE_OF_TWO = frozenset({"debit", "credit"})  # a zero is left empty: the other one has the amount


class ShownCell(NamedTuple):
    """A cell's text; `is_figure`: it stands right, in its column of figures."""

    text: str
    is_figure: bool


class ShownRow(NamedTuple):
    """A row, and the address of what it is made of; None: it is made of nothing smaller."""

    cells: tuple[ShownCell, ...]
    drill_down: str | None


@dataclass(frozen=True)
class ShownTable:
    """The first rows of a report; `has_more`: there are others, and the sums leave them out."""

    columns: tuple[Column, ...]
    rows: list[ShownRow]
    sums: list[ShownRow]
    has_more: bool

    def without(self, *names: str) -> "ShownTable":
        """Return it with some columns left out."""
        kept = [n for n, column in enumerate(self.columns) if column.name not in names]

        def of(row: ShownRow) -> ShownRow:
            return ShownRow(tuple(row.cells[n] for n in kept), row.drill_down)

        return ShownTable(
            tuple(self.columns[n] for n in kept),
            [of(row) for row in self.rows],
            [of(row) for row in self.sums],
            self.has_more,
        )


def shown_table(report: Report, *, most: int) -> ShownTable:
    """Read at most `most` rows of a report, and show them."""
    rows: list[ShownRow] = []
    sums: dict[str, list[int]] = defaultdict(lambda: [0] * len(report.columns))
    has_more = False
    for row in report.rows:
        if len(rows) == most:
            has_more = True
            break
        asset = _asset_of(report, row)
        for number, (column, cell) in enumerate(zip(report.columns, row, strict=True)):
            if column.kind == "amount" and column.adds_up and isinstance(cell, int) and asset:
                sums[asset.code][number] += cell
        link = None if report.drill_down is None else report.drill_down(row)
        rows.append(ShownRow(_cells(report.columns, row, asset), link))
    return ShownTable(report.columns, rows, _sums(report, sums), has_more)


def _asset_of(report: Report, row: tuple[Cell, ...]) -> Asset | None:
    for column, cell in zip(report.columns, row, strict=True):
        if column.name == "asset":
            return report.assets.get(str(cell))
    return None


def _cells(
    columns: tuple[Column, ...], row: tuple[Cell, ...], asset: Asset | None
) -> tuple[ShownCell, ...]:
    return tuple(
        ShownCell(_text(column, cell, asset), column.kind in ("amount", "count"))
        for column, cell in zip(columns, row, strict=True)
    )


def _text(column: Column, cell: Cell, asset: Asset | None) -> str:
    if cell is None or (cell == 0 and column.name in _ONE_OF_TWO):
        return ""
    if isinstance(cell, dt.datetime):
        return f"{cell.astimezone(dt.UTC):%Y-%m-%d %H:%M:%S}"
    if isinstance(cell, dt.date):
        return cell.isoformat()
    if column.kind == "amount" and isinstance(cell, int) and asset is not None:
        return grouped(cell, asset)
    return f"{cell:,}" if column.kind == "count" and column.name != _ENTRY else str(cell)


def _sums(report: Report, sums: Mapping[str, list[int]]) -> list[ShownRow]:
    """Return a row of sums for each asset, if any column adds up."""
    adding = [column.kind == "amount" and column.adds_up for column in report.columns]
    if not any(adding):
        return []
    return [_sum(report, adding, report.assets[code], sums[code]) for code in sorted(sums)]


def _sum(report: Report, adding: list[bool], asset: Asset, amounts: list[int]) -> ShownRow:
    cells = [
        ShownCell(grouped(amount, asset), is_figure=True)
        if adds
        else ShownCell(asset.code if column.name == "asset" else "", column.kind == "amount")
        for column, adds, amount in zip(report.columns, adding, amounts, strict=True)
    ]
    cells[0] = ShownCell("Sum", is_figure=False)
    return ShownRow(tuple(cells), None)
