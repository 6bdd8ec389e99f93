"""CSV: what stands in the cells, that nothing in them is run, and that it never grows in memory."""

import csv
import datetime as dt
import io
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.reports.formats.csv_file import encode_csv
from payments.reports.formats.formula_safety import defuse
from payments.reports.formats.tally import Tally
from payments.reports.report import Cell
from tests.payments.reports.made_up import ASSETS, MOMENT, made_up

SIGNS = "=+-@＝＋－＠"  # noqa: RUF001 - full-width on purpose


def rows_of(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode(), newline="")))


def encoded(*rows: tuple[Cell, ...]) -> list[list[str]]:
    return rows_of(b"".join(encode_csv(made_up(rows), Tally())))


def test_each_kind_of_cell_reads_as_documented() -> None:
    header, first, second = encoded(
        (7, "Charge", dt.date(2026, 10, 1), MOMENT, "EUR", 12_345, None),
        (8, None, None, None, "ETH", None, -1),
    )
    assert header == ["entry_id", "text", "day", "at", "asset", "debit", "credit"]
    assert first == [
        "7",
        "Charge",
        "2026-10-01",
        "2026-10-31T23:59:59.000001Z",
        "EUR",
        "123.45",
        "",
    ]
    assert second == ["8", "", "", "", "ETH", "", "-0.000000000000000001"]


def test_lines_end_as_the_rfc_says_and_an_empty_report_has_a_header() -> None:
    assert b"".join(encode_csv(made_up([]), Tally())).count(b"\r\n") == 1
    whole = b"".join(encode_csv(made_up([(1, "a", None, None, "JPY", 5, 0)]), Tally()))
    assert whole.endswith(b"1,a,,,JPY,5,0\r\n")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("=1+1", "'=1+1"),
        ("  @SUM(A1)", "'  @SUM(A1)"),
        ("\"'=1", "'\"'=1"),
        ("\t1", "'\t1"),
        ("\r=1", "'\r'=1"),
        ("a;=1", "a;'=1"),
        ("a\n -1", "a\n' -1"),
        ("＝1", "'＝1"),  # noqa: RUF001 - full-width on purpose
        ("a-b = c, d; e", "a-b = c, d; e"),
        ("2026-10-31: 5 - 3", "2026-10-31: 5 - 3"),
    ],
)
def test_what_would_start_a_formula_is_text(text: str, shown: str) -> None:
    assert encoded((1, text, None, None, "EUR", 0, 0))[1][1] == shown


@given(st.text(alphabet=SIGNS + "ab1;,\"' \t\r\n"))
def test_no_reader_finds_a_formula_in_a_text(text: str) -> None:
    [_, row] = encoded((1, text, None, None, "EUR", -1, None))
    assert row[1].replace("'", "") == text.replace("'", "")  # nothing but apostrophes came
    for separator in (";", "\t", "\n", "\r"):
        for cell in row[1].split(separator):
            assert cell.strip(' "\t\r\n')[:1] not in set(SIGNS)
    assert row[5] == "-0.01"


def test_a_formula_behind_any_space_there_is_is_text() -> None:
    for space in filter(str.isspace, map(chr, range(sys.maxunicode + 1))):
        shown = encoded((1, f"{space}=1+1", None, None, "EUR", 0, 0))[1][1]
        assert shown.startswith("'"), space


@given(st.text())
def test_texts_arrive_whole(text: str) -> None:
    text = text.encode("utf-8", "ignore").decode().replace("\0", "")
    assert encoded((1, text, None, None, "EUR", 0, 0))[1][1] == defuse(text)


def test_what_went_through_is_counted() -> None:
    tally = Tally()
    rows = [(n, "x", None, None, ("EUR", "ETH")[n % 2], n, None) for n in range(2_500)]
    assert sum(map(len, encode_csv(made_up(rows), tally))) > 0
    assert tally.rows == 2_500
    assert tally.sums["EUR"]["debit"] == sum(range(0, 2_500, 2))
    assert tally.sums["ETH"]["debit"] == sum(range(1, 2_500, 2))
    assert "credit" not in tally.sums["EUR"]


def test_rows_are_taken_as_they_are_written() -> None:
    taken = 0

    def rows() -> Iterator[tuple[Any, ...]]:
        nonlocal taken
        for n in range(100_000):
            taken += 1
            yield (n, "x" * 50, None, None, "EUR", n, None)

    pieces = encode_csv(made_up(rows()), Tally())
    next(pieces)
    assert taken == 0
    assert len(next(pieces)) < 600_000
    assert taken < 20_000


def test_amounts_without_an_asset_are_refused() -> None:
    report = made_up([(1, "x", None, None, "EUR", 1, None)], asset_name="currency")
    with pytest.raises(ValueError, match="no column says of which asset"):
        list(encode_csv(report, Tally()))
    assert set(ASSETS) == {"EUR", "JPY", "ETH"}
