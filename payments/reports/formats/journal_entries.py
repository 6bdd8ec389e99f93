"""The journal's lines gathered to entries again, for the formats that write an entry as a whole."""

import datetime as dt
import re
from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from ledger.reporting.rows import JournalRow
from payments.reports.formats.csv_file import moment_text
from payments.reports.formats.tally import Tally
from payments.reports.report import Report

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


class Line(NamedTuple):
    """A line of an entry: debits positive, in minor units."""

    account: str
    asset: str
    amount: int


class Entry(NamedTuple):
    """An entry as text files show it; its texts stand on one line each."""

    day: dt.date
    number: int
    description: str
    facts: tuple[tuple[str, str], ...]
    lines: tuple[Line, ...]


def entries_of(report: Report, tally: Tally) -> Iterator[Entry]:
    """Give the entries of a journal in its order, on the day of the scope's axis."""
    places = [column.name for column in report.columns]
    pick = itemgetter(*(places.index(name) for name in JournalRow._fields))
    rows = (JournalRow(*pick(row)) for batch in tally.batches(report) for row in batch)
    for number, lines in groupby(rows, key=lambda row: row.entry_id):
        yield _entry(number, list(lines), axis=report.scope.axis)


def one_line(text: str) -> str:
    """Return a text without line ends and other control characters."""
    return _CONTROL.sub(" ", text).strip()


def _entry(number: int, rows: list[JournalRow], *, axis: str) -> Entry:
    first = rows[0]
    at = first.occurred_at if axis == "occurred" else first.recorded_at
    facts: list[tuple[str, Any]] = [
        ("effect-key", one_line(first.effect_key)),
        ("kind", one_line(first.kind)),
        ("occurred-at", moment_text(first.occurred_at)),
        ("recorded-at", moment_text(first.recorded_at)),
    ]
    if first.reverses is not None:
        facts.append(("reverses", str(first.reverses)))
    return Entry(
        day=at.astimezone(dt.UTC).date(),
        number=number,
        description=one_line(first.description or first.kind),
        facts=tuple(facts),
        lines=tuple(
            Line(row.account, row.asset, (row.debit or 0) - (row.credit or 0)) for row in rows
        ),
    )
