"""A report as CSV (RFC 4180, UTF-8): amounts in whole units with all their decimals.

Formatted column by column over many rows at once, which is several times faster than cell by cell.
"""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from ledger import Asset
from payments.reports.formats.formula_safety import FORMULA_SIGNS, defuse
from payments.reports.formats.tally import Tally, asset_column
from payments.reports.report import Column, Report

_PIECE_CHARACTERS = 256 * 1024
_SPECIAL = (",", '"', ";", "\n", "\r", "\t")  # anywhere in a text: look at it more closely
_SPECIAL_FIRST = frozenset(FORMULA_SIGNS + "'")  # or any space there is
_UTC = "+00:00"


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
    if '"' in safe or "," in safe or "\n" in safe or "\r" in safe:
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
        return _amounts(report.assets, codes, values)
    return _WRITERS[column.kind](values)


def _amounts(
    assets: Mapping[str, Asset], codes: tuple[Any, ...], amounts: tuple[int | None, ...]
) -> list[str]:
    """Return what `Asset.display` does, with the usual case written out: it is half as dear."""
    exponents = {code: assets[code].exponent for code in set(codes)}
    zeros = {code: assets[code].display(0) for code in exponents}
    texts = []
    for code, amount in zip(codes, amounts, strict=True):
        if amount is None:
            texts.append("")
        elif not amount:
            texts.append(zeros[code])
        else:
            digits, exponent = str(amount), exponents[code]
            if exponent == 0:
                texts.append(digits)
            elif amount > 0 and len(digits) > exponent:
                texts.append(f"{digits[:-exponent]}.{digits[-exponent:]}")
            else:
                texts.append(assets[code].display(amount))
    return texts


def _texts(values: tuple[str | None, ...]) -> Sequence[str]:
    plain = ["" if value is None else value for value in values]
    together = "".join(plain)
    first = {text[:1] for text in plain}
    starts_plainly = first.isdisjoint(_SPECIAL_FIRST) and not any(map(str.isspace, first))
    if starts_plainly and not any(sign in together for sign in _SPECIAL):
        return plain
    return [quoted(text) for text in plain]


def _counts(values: tuple[int | None, ...]) -> list[str]:
    return ["" if value is None else str(value) for value in values]


def _dates(values: tuple[dt.date | None, ...]) -> list[str]:
    return ["" if value is None else value.isoformat() for value in values]


def _moments(values: tuple[dt.datetime | None, ...]) -> list[str]:
    texts = []
    before: dt.datetime | None = None
    text = ""
    for value in values:
        if value != before:  # the lines of an entry have the same moment
            before, text = value, "" if value is None else moment_text(value)
        texts.append(text)
    return texts


def moment_text(moment: dt.datetime) -> str:
    """Return a moment as RFC 3339 in UTC, to the microsecond that PostgreSQL keeps."""
    text = moment.isoformat(timespec="microseconds")
    if not text.endswith(_UTC):
        text = moment.astimezone(dt.UTC).isoformat(timespec="microseconds")
    return f"{text[:-6]}Z"


_WRITERS: dict[str, Callable[[tuple[Any, ...]], Sequence[str]]] = {
    "text": _texts,
    "count": _counts,
    "date": _dates,
    "moment": _moments,
}
