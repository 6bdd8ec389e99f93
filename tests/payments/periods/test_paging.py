"""Tables on pages: no row is lost or cut through, and headings never stand alone."""

import random

from payments.periods.paging import LINES, Section, pages_of
from payments.reports.report import Column
from payments.reports.shown_table import ShownCell, ShownRow

COLUMNS = (Column("account", "Account"), Column("amount", "Amount", "amount"))


def row(text: str) -> ShownRow:
    return ShownRow((ShownCell(text, is_figure=False), ShownCell("1.00", is_figure=True)), None)


def section(title: str, count: int, *, width: int = 10) -> Section:
    rows = tuple(row(f"{title}-{number}".ljust(width, "x")) for number in range(count))
    return Section(title, COLUMNS, rows, (row("Sum"),), note=f"{title} noted")


def test_every_row_stands_on_one_page_in_order_and_sums_come_last() -> None:
    draw = random.Random(3)
    for _ in range(100):
        sections = [
            section(f"t{number}", draw.randrange(130), width=draw.choice((10, 90)))
            for number in range(draw.randrange(1, 5))
        ]
        parts = [part for page in pages_of(sections) for part in page]
        for whole in sections:
            own = [part for part in parts if part.title.split(",")[0] == whole.title]
            assert tuple(row for part in own for row in part.rows) == whole.rows
            assert [part.sums for part in own] == [()] * (len(own) - 1) + [whole.sums]
            assert [bool(part.note) for part in own] == [False] * (len(own) - 1) + [True]
            assert {part.title for part in own[1:]} <= {f"{whole.title}, continued"}


def test_a_page_holds_what_fits_and_a_heading_comes_with_rows() -> None:
    pages = pages_of([section("long", 3 * LINES), section("short", 3)])
    assert max(sum(len(part.rows) for part in page) for page in pages) < LINES
    near_the_end = pages_of([section("first", LINES - 9), section("second", 10)])
    assert [len(page) for page in near_the_end] == [1, 1]


def test_an_empty_table_is_still_shown() -> None:
    [[part]] = pages_of([section("empty", 0)])
    assert (part.title, part.rows) == ("empty", ())
