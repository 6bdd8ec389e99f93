"""A CSV file as rows of named cells, each with its line in the file."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from payments.reconciliation.statements.csv_mapping import Column, CsvMapping
from payments.reconciliation.statements.errors import quoted, refuse_at, refuse_file

_MOST_LISTED = 30


@dataclass(frozen=True)
class Row:
    """A row's cells by what they are, and its line in the file."""

    cells: Mapping[str, str]
    where: str


def rows_of(content: bytes, mapping: CsvMapping) -> list[Row]:
    """Return the rows below the header; empty ones are left out.

    Raises:
        StatementError: it is no CSV, lacks a column, or a row has more or fewer than the first.
    """
    return _read(_decode(content, mapping.encoding), mapping)


def _decode(content: bytes, encoding: str) -> str:
    try:
        text = content.decode("utf-8-sig" if encoding == "utf-8" else encoding)
    except UnicodeError as error:
        raise refuse_file(
            f"The file is not in {encoding}: give the encoding it is in, such as cp1252."
        ) from error
    if "\0" in text:
        raise refuse_file("The file is not text: it holds zero bytes.")
    return text


def _read(text: str, mapping: CsvMapping) -> list[Row]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=mapping.delimiter, strict=True)
    rows: list[Row] = []
    places: dict[str, tuple[int, ...]] | None = None
    width = 0
    line = 1
    try:
        for number, cells in enumerate(reader):
            begun, line = line, reader.line_num + 1
            if number < mapping.skip_rows or not any(cell.strip() for cell in cells):
                continue
            if places is None:
                header = [cell.strip().casefold() for cell in cells] if mapping.header else None
                width = len(cells)
                places = _places(mapping.columns, header, cells)
                if mapping.header:
                    continue
            if len(cells) != width:
                told = f"The row has {len(cells)} columns, the first one {width}: cut off?"
                raise refuse_at(f"line {begun}", "columns", told)
            rows.append(Row(_cells(cells, places), f"line {begun}"))
    except csv.Error as error:
        raise refuse_at(f"line {reader.line_num}", "row", f"It is no CSV: {error}.") from error
    return rows


def _cells(cells: Sequence[str], places: Mapping[str, tuple[int, ...]]) -> dict[str, str]:
    return {
        name: "\n".join(text for at in wanted if (text := cells[at].strip()))
        for name, wanted in places.items()
    }


def _places(
    columns: Mapping[str, tuple[Column, ...]], header: list[str] | None, first: Sequence[str]
) -> dict[str, tuple[int, ...]]:
    """Return at which positions each wanted column is."""
    return {
        name: tuple(_place(name, column, header, first) for column in wanted)
        for name, wanted in columns.items()
    }


def _place(name: str, column: Column, header: list[str] | None, first: Sequence[str]) -> int:
    if isinstance(column, int):
        if column > len(first):
            raise refuse_at("header", name, f"There is no column {column} of {len(first)}.")
        return column - 1
    found = [at for at, told in enumerate(header or ()) if told == column.strip().casefold()]
    if len(found) != 1:
        listed = ", ".join(quoted(cell) for cell in first[:_MOST_LISTED])
        told = "no column" if not found else "more than one column"
        raise refuse_at("header", name, f"There is {told} {quoted(column)} among {listed}.")
    return found[0]
