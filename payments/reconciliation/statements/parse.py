"""Reads a file of statements in whatever format, and refuses what cannot be true."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

from payments.bank_settings import BankAccount
from payments.reconciliation.statements.camt import read_camt
from payments.reconciliation.statements.checks import check_statements
from payments.reconciliation.statements.csv_mapping import CsvMapping
from payments.reconciliation.statements.csv_rows import read_csv
from payments.reconciliation.statements.detect import detect_format
from payments.reconciliation.statements.errors import refuse_file
from payments.reconciliation.statements.model import Statement
from payments.reconciliation.statements.ofx import read_ofx
from payments.reconciliation.statements.swift_mt940 import read_mt940
from payments.reconciliation.statements.values import Scales

MAX_BYTES = 32_000_000
MAX_LINES = 200_000


_READERS: dict[str, Callable[..., list[Statement]]] = {
    "camt.052": read_camt,
    "camt.053": read_camt,
    "mt940": read_mt940,
    "ofx": read_ofx,
}
_UNMAPPED = (
    "The file looks like CSV, or is of no known format: give a mapping for CSV, such as a preset,"
    " or export camt.053, MT940 or OFX."
)


@dataclass(frozen=True)
class Parsed:
    """What a file says, checked; `format` is one of `detect.FORMATS`."""

    format: str
    statements: tuple[Statement, ...]


def parse_statements(
    content: bytes,
    *,
    account: BankAccount,
    scales: Scales,
    today: dt.date,
    format: str = "auto",  # noqa: A002 - the word of the API
    mapping: CsvMapping | None = None,
) -> Parsed:
    """Return what the file says about `account`, all of it true in itself.

    Raises:
        StatementError: names what is wrong, where it stands and what to do about it.
    """
    if len(content) > MAX_BYTES:
        raise refuse_file(f"The file is over {MAX_BYTES // 1_000_000} MB: export a shorter period.")
    kind = detect_format(content)
    if format not in ("auto", kind):
        raise refuse_file(f"The file is {kind}, not {format}.")
    if kind == "csv":
        if mapping is None:
            raise refuse_file(_UNMAPPED)
        statements = read_csv(content, mapping=mapping, currency=account.currency, scales=scales)
    else:
        statements = _READERS[kind](content, scales=scales)
    if sum(len(statement.lines) for statement in statements) > MAX_LINES:
        raise refuse_file(f"The file has over {MAX_LINES} lines: export a shorter period.")
    check_statements(statements, account=account, scales=scales, today=today)
    return Parsed(kind, tuple(statements))
