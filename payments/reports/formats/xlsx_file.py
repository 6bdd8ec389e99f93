"""A report as an Excel workbook: numbers as numbers, dates as dates, a frozen header, totals.

Excel keeps 15 significant digits: an amount with more is written as text, never rounded. A sheet
holds 1,048,576 rows; what is more goes on in a further one.
"""

import datetime as dt
import tempfile
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from payments.reports.formats.csv_file import moment_text
from payments.reports.formats.tally import Tally, asset_column
from payments.reports.report import Column, Report

SHEET_ROWS = 1_048_576
EXACT_DIGITS = 15
_PIECE = 256 * 1024
_OPTIONS = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}
_WIDTHS = {"amount": 18, "count": 10, "date": 12, "moment": 20, "text": 12}
_WIDEST = 60
_OLDEST = dt.datetime(1900, 3, 1)  # noqa: DTZ001 - Excel's days have no zone; before, they are off by one


def encode_xlsx(report: Report, tally: Tally) -> Iterator[bytes]:
    """Give the file piece by piece; while rows are read the pieces are empty.

    A workbook is written as a whole: it is put together in a temporary folder first.
    """
    with tempfile.TemporaryDirectory(prefix="xlsx-") as folder:
        path = Path(folder) / "report.xlsx"
        with xlsxwriter.Workbook(str(path), _OPTIONS | {"tmpdir": folder}) as workbook:
            workbook.set_properties(
                {"title": report.title, "created": report.scope.as_of.replace(tzinfo=None)}
            )
            book = _Book(workbook, report)
            for batch in tally.batches(report):
                book.write(batch)
                yield b""
            book.finish(tally)
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                yield piece


class _Book:
    """Sheets of one report, written from top to bottom."""

    def __init__(self, workbook: xlsxwriter.Workbook, report: Report) -> None:
        self.workbook = workbook
        self.report = report
        self.formats: dict[str, Format] = {}
        self.bold = workbook.add_format({"bold": True, "bottom": 1})
        self.sheet: Worksheet  # begun with the first rows, whose texts say how wide columns are
        self.sheets = 0
        self.row = 0
        amounts = any(column.kind == "amount" for column in report.columns)
        self.of_asset = asset_column(report) if amounts else None

    def write(self, batch: list[tuple[Any, ...]]) -> None:
        """Write rows, on a further sheet where this one is full but for the totals."""
        for row in batch:
            if not self.sheets or self.row >= SHEET_ROWS - 1:
                self._begin_sheet(batch)
            self._write_row(row)

    def finish(self, tally: Tally) -> None:
        """Write a line of totals for each asset; the header alone when there was no row."""
        if not self.sheets:
            self._begin_sheet([])
        if self.of_asset is None or not any(_adds_up(c) for c in self.report.columns):
            return
        for code in sorted(tally.sums):
            if self.row >= SHEET_ROWS:
                self._begin_sheet([])
            self._write_totals(code, tally.sums[code])

    def _begin_sheet(self, batch: list[tuple[Any, ...]]) -> None:
        self.sheets += 1
        name = self.report.name[:25] + (f" {self.sheets}" if self.sheets > 1 else "")
        sheet = self.workbook.add_worksheet(name)
        sheet.freeze_panes(1, 0)
        sheet.repeat_rows(0)
        sheet.set_landscape()
        sheet.fit_to_pages(1, 0)
        for n, column in enumerate(self.report.columns):
            sheet.set_column(n, n, _width(column, [row[n] for row in batch]))
        for n, column in enumerate(self.report.columns):
            sheet.write_string(0, n, column.title, self.bold)
        self.sheet, self.row = sheet, 1

    def _write_row(self, row: tuple[Any, ...]) -> None:
        code = None if self.of_asset is None else row[self.of_asset]
        for n, column in enumerate(self.report.columns):
            if row[n] is not None:
                self._write_cell(n, column, row[n], code)
        self.row += 1

    def _write_cell(self, n: int, column: Column, value: Any, code: str | None) -> None:
        match column.kind:
            case "amount":
                self._write_amount(n, value, code or "")
            case "count":
                self.sheet.write_number(self.row, n, value)
            case "date":
                moment = dt.datetime.combine(value, dt.time())
                self._write_moment(n, moment, "yyyy-mm-dd", value.isoformat())
            case "moment":
                moment = value.astimezone(dt.UTC).replace(tzinfo=None)
                self._write_moment(n, moment, "yyyy-mm-dd hh:mm:ss", moment_text(value))
            case _:
                self.sheet.write_string(self.row, n, _plain(value))

    def _write_amount(self, n: int, value: int, code: str, *, bold: bool = False) -> None:
        asset = self.report.assets[code]
        if len(str(abs(value))) > EXACT_DIGITS:
            text = asset.display(value)
            cell_format = self._format("@", bold=bold, right=True)
            self.sheet.write_string(self.row, n, text, cell_format)
            return
        decimals = "." + "0" * asset.exponent if asset.exponent else ""
        cell_format = self._format(f"#,##0{decimals}", bold=bold)
        number = Decimal(value).scaleb(-asset.exponent)
        self.sheet.write_number(self.row, n, number, cell_format)

    def _write_moment(self, n: int, moment: dt.datetime, pattern: str, text: str) -> None:
        if moment < _OLDEST:
            self.sheet.write_string(self.row, n, text)
        else:
            self.sheet.write_datetime(self.row, n, moment, self._format(pattern))

    def _write_totals(self, code: str, sums: dict[str, int]) -> None:
        for n, column in enumerate(self.report.columns):
            if _adds_up(column):
                self._write_amount(n, sums.get(column.name, 0), code, bold=True)
            elif n == self.of_asset:
                self.sheet.write_string(self.row, n, code, self._format("@", bold=True))
            elif n == 0:
                self.sheet.write_string(self.row, n, "Total", self._format("@", bold=True))
        self.row += 1

    def _format(self, pattern: str, *, bold: bool = False, right: bool = False) -> Format:
        name = f"{pattern}{bold}{right}"
        if name not in self.formats:
            wanted: dict[str, Any] = {"num_format": pattern, "bold": bold}
            if bold:
                wanted["top"] = 1
            if right:
                wanted["align"] = "right"
            self.formats[name] = self.workbook.add_format(wanted)
        return self.formats[name]


def _plain(text: str) -> str:
    """Return a text that stays one: xlsxwriter takes <r>…</r> for markup and writes it as it is.

    Whoever chose such a text could put cells and formulas of their own into the sheet. Longer
    texts than a cell holds (32,767 characters) are cut by xlsxwriter.
    """
    return f"'{text}" if text.startswith("<r>") and text.endswith("</r>") else text


def _adds_up(column: Column) -> bool:
    return column.kind == "amount" and column.adds_up


def _width(column: Column, values: list[Any]) -> int:
    """Return a width for what the first rows show: not all of them are ever in memory."""
    shown = [len(column.title) + 2]
    if column.kind == "text":
        shown += [len(value) + 1 for value in values if value is not None]
    return min(max(_WIDTHS[column.kind], *shown), _WIDEST)
