"""A report as CSV (RFC 4180, UTF-8): amounts in whole units with all their decimals.

Formatted column by column over many rows at once, which is several times faster than cell by cell.
"""

import datetime as dt
import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any

from payments.reports.formats.formula_safety import FORMULA_SIGNS, defuse
from payments.reports.formats.tally import Tally, asset_column
from payments.reports.report import Column, Report

_PIECE_CHARACTERS = 256 * 1024
_NEEDS_QUOTES = re.compile('[",\r\n]')
_BETWEEN = "\x1f"  # stands between the cells of a column while all are looked at in one go
_ODD = re.compile(f"[\",;\\t\\r\\n]|(?:^|{_BETWEEN})[\\s']*[{FORMULA_SIGNS}]")


def encode_csv(report: Report, tally: Tally) -> Iterator[bytes]:
    """Give the file piece by piece: a line of column names, then a line a row."""
    yield (",".join(quoted(column.name) for column in report.columns) + "\r\n").encode()
    lines: list[str] = []
    size = 0
    for batch in tally.batches(report):
        text = _lines(report, batch)
        lines.append(text)
        size += len(text)
        if size >= _PIECE_CHARACTERS:
            yield "".join(lines).encode()
            lines, size = [], 0
    if lines:
        yield "".join(lines).encode()


@lru_cache(maxsize=4096)
def quoted(text: str) -> str:
    """Return a text cell as CSV has it, made safe against formulas."""
    safe = defuse(text)
    if _NEEDS_QUOTES.search(safe):
        return '"' + safe.replace('"', '""') + '"'
    return safe


def _lines(report: Report, batch: Sequence[tuple[Any, ...]]) -> str:
    cells = list(zip(*batch, strict=True))
    amounts = any(column.kind == "amount" for column in report.columns)
    codes = cells[asset_column(report)] if amounts else ()
    texts = [
        _column_texts(report, column, values, codes)
        for column, values in zip(report.columns, cells, strict=True)
    ]
    return "\r\n".join(map(",".join, zip(*texts, strict=True))) + "\r\n"


def _column_texts(
    report: Report, column: Column, values: tuple[Any, ...], codes: tuple[Any, ...]
) -> Sequence[str]:
    if column.kind == "amount":
        assets = report.assets
        return [
            "" if amount is None else assets[code].display(amount)
            for code, amount in zip(codes, values, strict=True)
        ]
    return _WRITERS[column.kind](values)


def _texts(values: tuple[str | None, ...]) -> Sequence[str]:
    plain = ["" if value is None else value for value in values]
    if _ODD.search(_BETWEEN.join(plain)) is None:
        return plain
    return [quoted(value) for value in plain]


def _counts(values: tuple[int | None, ...]) -> list[str]:
    return ["" if value is None else str(value) for value in values]


def _dates(values: tuple[dt.date | None, ...]) -> list[str]:
    return ["" if value is None else value.isoformat() for value in values]


def _moments(values: tuple[dt.datetime | None, ...]) -> list[str]:
    return ["" if value is None else moment_text(value) for value in values]


@lru_cache(maxsize=1024)
def moment_text(moment: dt.datetime) -> str:
    """Return a moment as RFC 3339 in UTC, to the microsecond that PostgreSQL keeps."""
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


_WRITERS: dict[str, Callable[[tuple[Any, ...]], Sequence[str]]] = {
    "text": _texts,
    "count": _counts,
    "date": _dates,
    "moment": _moments,
}
