"""Lays tables out on pages: renderers of PDF cut rows through and do not repeat headings."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from payments.reports.report import Column
from payments.reports.shown_table import ShownRow

LINES = 50  # of an A4 page, as the style sheet sets them
_HEADING_LINES = 4
_LEAST_ROWS = 4  # under a heading, or it moves to the next page
_LINE_CHARACTERS = 40


@dataclass(frozen=True)
class Section:
    """A table under its title, or as much of it as fits on a page."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[ShownRow, ...]
    sums: tuple[ShownRow, ...]
    note: str = ""


def pages_of(sections: Iterable[Section], *, lines: int = LINES) -> list[list[Section]]:
    """Return what stands on each page; a table that goes on does so under its title again."""
    pages: list[list[Section]] = [[]]
    left = lines
    for section in sections:
        if left < _HEADING_LINES + _LEAST_ROWS and pages[-1]:
            pages.append([])
            left = lines
        for number, part in enumerate(_parts(section, first=left, then=lines)):
            if number:
                pages.append([])
                left = lines
            pages[-1].append(part)
            left -= _HEADING_LINES + _lines(part.rows) + len(part.sums)
    return [page for page in pages if page]


def _parts(section: Section, *, first: int, then: int) -> Iterator[Section]:
    """Cut a table where a page ends; the sums are under the last part."""
    rows: list[ShownRow] = []
    room = first - _HEADING_LINES - len(section.sums)
    title = section.title
    for row in section.rows:
        needed = _lines([row])
        if needed > room and rows:
            yield replace(section, title=title, rows=tuple(rows), sums=(), note="")
            title = f"{section.title}, continued"
            rows, room = [], then - _HEADING_LINES - len(section.sums)
        rows.append(row)
        room -= needed
    yield replace(section, title=title, rows=tuple(rows))


def _lines(rows: Sequence[ShownRow]) -> int:
    """Return how many lines rows take: long names are broken."""
    return sum(
        max((-(-len(cell.text) // _LINE_CHARACTERS) for cell in row.cells), default=1) or 1
        for row in rows
    )
