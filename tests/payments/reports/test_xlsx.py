"""Workbooks, read back by openpyxl: numbers are numbers, dates are dates, nothing is rounded."""

import datetime as dt
import io
import os
from decimal import Decimal
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl.worksheet.worksheet import Worksheet

from payments.reports.formats import xlsx_file
from payments.reports.formats.tally import Tally
from payments.reports.formats.xlsx_file import encode_xlsx
from payments.reports.report import Cell
from tests.payments.reports.made_up import MOMENT, made_up


def encoded(*rows: tuple[Cell, ...]) -> bytes:
    return b"".join(encode_xlsx(made_up(rows), Tally()))


def sheets(content: bytes) -> list[Worksheet]:
    book = openpyxl.load_workbook(io.BytesIO(content))
    assert book.properties.title == "Made up"
    found: list[Worksheet] = book.worksheets
    return found


def values(sheet: Worksheet, row: int) -> list[Any]:
    return [cell.value for cell in sheet[row]]


def test_each_kind_of_cell_is_of_its_type() -> None:
    [sheet] = sheets(encoded((7, "Charge", dt.date(2026, 10, 1), MOMENT, "EUR", 123_456_789, None)))
    assert values(sheet, 1) == ["Entry", "Text", "Day", "At", "Asset", "Debit", "Credit"]
    entry, text, day, at, asset, debit, credit = sheet[2]
    assert (entry.value, entry.data_type) == (7, "n")
    assert (text.value, text.data_type) == ("Charge", "s")
    assert (day.value, day.number_format) == (dt.datetime(2026, 10, 1), "yyyy-mm-dd")  # noqa: DTZ001 - Excel's
    assert at.is_date
    assert at.value.replace(microsecond=0) == dt.datetime(2026, 10, 31, 23, 59, 59)  # noqa: DTZ001 - likewise
    assert (asset.value, credit.value) == ("EUR", None)
    assert (debit.value, debit.data_type, debit.number_format) == (1_234_567.89, "n", "#,##0.00")


@pytest.mark.parametrize(
    ("asset", "amount", "shown", "is_number"),
    [
        ("JPY", 999_999_999_999_999, "999999999999999", True),
        ("JPY", 1_000_000_000_000_000, "1000000000000000", False),
        ("EUR", -999_999_999_999_999, "-9999999999999.99", True),
        ("EUR", 0, "0.00", True),
        ("ETH", 1, "0.000000000000000001", True),
        ("ETH", -(10**15), "-0.001000000000000000", False),
        ("ETH", 10**18 + 1, "1.000000000000000001", False),
        ("ETH", 10**30, "1000000000000.000000000000000000", False),
    ],
)
def test_an_amount_is_a_number_where_excel_keeps_it_whole(
    asset: str, amount: int, shown: str, *, is_number: bool
) -> None:
    [sheet] = sheets(encoded((1, None, None, None, asset, amount, None)))
    cell = sheet[2][5]
    assert cell.data_type == ("n" if is_number else "s")
    if is_number:
        exponent = max(-Decimal(shown).as_tuple().exponent, 0)  # type: ignore[operator] # finite
        assert f"{cell.value:.{exponent}f}" == shown
        assert cell.number_format == "#,##0" + ("." + "0" * exponent if exponent else "")
    else:
        assert cell.value == shown


def test_texts_are_never_formulas_nor_links() -> None:
    for text in ("=1+1", "@SUM(A1)", "http://evil.test", "{=1}", "1234", "\x01a", " \tb\n"):
        [sheet] = sheets(encoded((1, text, None, None, "EUR", 0, None)))
        cell = sheet[2][1]
        assert (cell.data_type, cell.hyperlink) == ("s", None)
        assert text in {cell.value, "\x01a"}


def test_markup_of_a_workbook_is_text_too() -> None:
    evil = '<r><t>x</t></r></is></c><c r="Z9"><f>1+1</f><v>2</v></c><c><is><r><t>y</t></r>'
    [sheet] = sheets(encoded((1, evil, None, None, "EUR", 0, None)))
    assert sheet[2][1].value == f"'{evil}"
    assert sheet.max_column == 7
    [sheet] = sheets(encoded((1, "<b>&amp; <r>", None, None, "EUR", 0, None)))
    assert sheet[2][1].value == "<b>&amp; <r>"


@settings(deadline=None, max_examples=50)
@given(st.lists(st.text().filter(lambda text: "\0" not in text), min_size=1, max_size=20))
def test_whatever_the_text_the_workbook_can_be_read(texts: list[str]) -> None:
    texts = [text.encode("utf-8", "ignore").decode() for text in texts]
    [sheet] = sheets(encoded(*((1, text, None, None, "EUR", 0, None) for text in texts)))
    assert sheet.max_row == len(texts) + 2
    for cell, text in zip(sheet["B"][1:], texts, strict=False):
        assert cell.data_type in ("s", "n")  # n: an empty text is an empty cell
        if text.isprintable() and text.isascii() and "_x" not in text:
            assert (cell.value or "") == text


@pytest.mark.parametrize("text", ["\ufffe", "a\uffffb", "\x7f\x85", "_x0041_"])
def test_characters_that_xml_does_not_know_break_nothing(text: str) -> None:
    [sheet] = sheets(encoded((1, text, None, None, "EUR", 5, None)))
    assert sheet["F2"].value == 0.05


def test_a_text_longer_than_a_cell_is_cut_and_not_lost() -> None:
    [sheet] = sheets(encoded((1, "x" * 40_000, None, None, "EUR", 0, None)))
    assert sheet[2][1].value == "x" * 32_767


def test_the_header_stays_and_columns_are_as_wide_as_what_is_in_them() -> None:
    [sheet] = sheets(
        encoded(
            (1, "liabilities:escrow:ord_01K", None, MOMENT, "EUR", 1, None),
            (2, "x" * 500, None, None, "EUR", 1, None),
        )
    )
    assert sheet.freeze_panes == "A2"
    assert sheet.print_title_rows == "$1:$1"
    widths = {letter: sheet.column_dimensions[letter].width for letter in "ABDF"}
    assert 60 <= widths["B"] < 62
    assert widths["D"] >= 20
    assert widths["F"] >= 18
    assert widths["A"] >= 10


def test_the_last_lines_are_totals_of_each_asset() -> None:
    [sheet] = sheets(
        encoded(
            (1, "a", None, None, "EUR", 150, None),
            (1, "b", None, None, "EUR", None, 50),
            (2, "c", None, None, "ETH", 10**18, None),
            (2, "d", None, None, "EUR", 1, None),
        )
    )
    assert sheet.max_row == 7
    assert values(sheet, 6) == ["Total", None, None, None, "ETH", "1.000000000000000000", 0]
    assert values(sheet, 7) == ["Total", None, None, None, "EUR", 1.51, 0.5]
    assert all(cell.font.b for cell in sheet[7] if cell.value is not None)


def test_an_empty_report_has_its_header() -> None:
    [sheet] = sheets(encoded())
    assert (sheet.max_row, sheet["B1"].value) == (1, "Text")


def test_a_full_sheet_goes_on_in_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xlsx_file, "SHEET_ROWS", 100)
    rows = [(n, "x", None, None, "EUR", 1, None) for n in range(250)]
    found = sheets(encoded(*rows))
    assert [sheet.title for sheet in found] == ["made-up", "made-up 2", "made-up 3"]
    assert all(sheet.max_row <= 100 for sheet in found)
    numbers = [row[0] for sheet in found for row in sheet.iter_rows(min_row=2, values_only=True)]
    assert numbers == [*range(250), "Total"]
    assert found[-1][found[-1].max_row][5].value == 2.5


def test_the_bytes_do_not_tell_when_or_by_whom_they_were_made() -> None:
    rows = [(n, f"text {n}", None, MOMENT, "EUR", n, None) for n in range(50)]
    first = encoded(*rows)
    mask = os.umask(0o077)
    try:
        assert encoded(*rows) == first
    finally:
        os.umask(mask)


def test_while_rows_are_read_the_pieces_are_empty() -> None:
    rows = [(n, "x", None, None, "EUR", n, None) for n in range(3_000)]
    tally = Tally()
    pieces = encode_xlsx(made_up(rows), tally)
    assert next(pieces) == b""
    assert tally.rows == 1_000
    assert b"".join(pieces).startswith(b"PK")
