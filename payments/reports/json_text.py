"""A report as JSON: rows as objects, amounts as strings of minor units, and where to look further.

Written as it is read, so that a report of any length needs no memory.
"""

import dataclasses
import datetime as dt
import json
from collections.abc import Callable, Iterator
from typing import Any

from payments.reports.formats.tally import Tally
from payments.reports.reading import Page
from payments.reports.report import Cell, Report
from payments.reports.wanted import AXES, moment_text

_Row = tuple[Cell, ...]
Cursor = Callable[[_Row], str]
_BY = {axis: name for name, axis in AXES.items()}


def json_pieces(
    report: Report, tally: Tally, *, page: Page | None = None, cursor: Cursor | None = None
) -> Iterator[bytes]:
    """Give the report as one JSON object, piece by piece.

    Of a page, one row more than its limit is read: if there is one, `next` is its `cursor`.
    """
    cut = _Cut(report.rows, None if page is None else page.limit)
    render = _renderer(report)
    between = json.dumps(_head(report))[:-1] + ', "rows": ['
    for batch in tally.batches(dataclasses.replace(report, rows=iter(cut))):
        yield (between + ",\n".join(json.dumps(render(row)) for row in batch)).encode()
        between = ",\n"
    after = cursor(cut.last) if cut.has_more and cursor and cut.last else None
    tail = {"totals": totals(report, tally), "next": after}
    if not tally.rows:
        yield between.encode()
    yield ("], " + json.dumps(tail)[1:] + "\n").encode()


def totals(report: Report, tally: Tally) -> list[dict[str, str]]:
    """Return the sums of the columns that add up, for each asset, as JSON has them."""
    return [
        {"asset": asset, **{name: str(amount) for name, amount in sums.items()}}
        for asset, sums in column_sums(report, tally).items()
    ]


def column_sums(report: Report, tally: Tally) -> dict[str, dict[str, int]]:
    """Return the sums by asset and column, of the columns whose sums mean something."""
    names = [c.name for c in report.columns if c.kind == "amount" and c.adds_up]
    found = {
        asset: {name: tally.sums[asset].get(name, 0) for name in names}
        for asset in sorted(tally.sums)
    }
    return found if names else {}


def _head(report: Report) -> dict[str, Any]:
    scope = report.scope
    return {
        "report": report.name,
        "title": report.title,
        "as_of": moment_text(scope.as_of),
        "sequence": report.sequence,
        "by": _BY[scope.axis],
        "from": None if scope.first_day is None else scope.first_day.isoformat(),
        "to": None if scope.last_day is None else scope.last_day.isoformat(),
        "asset": scope.asset,
        "filters": dict(report.parameters),
        "columns": [
            {"name": column.name, "title": column.title, "kind": column.kind}
            for column in report.columns
        ],
    }


def _renderer(report: Report) -> Callable[[_Row], dict[str, Any]]:
    names = [column.name for column in report.columns]
    kinds = [column.kind for column in report.columns]
    drill_down = report.drill_down or (lambda _row: None)

    def render(row: _Row) -> dict[str, Any]:
        cells = zip(names, kinds, row, strict=True)
        shown = {name: _shown(kind, cell) for name, kind, cell in cells}
        return {**shown, "drill_down": drill_down(row)}

    return render


def _shown(kind: str, cell: Cell) -> str | int | None:
    if isinstance(cell, dt.datetime):
        return moment_text(cell)
    if isinstance(cell, dt.date):
        return cell.isoformat()
    return str(cell) if kind == "amount" and cell is not None else cell


class _Cut:
    """The first rows of many; knows the last one given, and whether there are more."""

    def __init__(self, rows: Iterator[_Row], limit: int | None) -> None:
        self._rows = rows
        self._limit = limit
        self.last: _Row | None = None
        self.has_more = False

    def __iter__(self) -> Iterator[_Row]:
        for number, row in enumerate(self._rows):
            if number == self._limit:
                self.has_more = True
                return
            self.last = row
            yield row
