"""What tests of parsers share: an account of ours, and reading a file as its statements."""

import datetime as dt
from pathlib import Path

import pytest

from payments.bank_settings import BankAccount
from payments.reconciliation.statements.csv_mapping import parse_mapping
from payments.reconciliation.statements.errors import StatementError
from payments.reconciliation.statements.model import Line, Statement
from payments.reconciliation.statements.parse import parse_statements
from tests.payments.reconciliation.statements.camt_files import IBAN

SAMPLES = Path(__file__).parents[3] / "data" / "statements"
SCALES = {"EUR": 2, "USD": 2, "GBP": 2, "JPY": 0, "KWD": 3, "SEK": 2, "CHF": 2}
TODAY = dt.date(2026, 11, 22)


def read(
    content: bytes, *, identifier: str = IBAN, currency: str = "EUR", mapping: str | None = None
) -> tuple[Statement, ...]:
    """Return the statements of a file that is of one account of ours."""
    parsed = parse_statements(
        content,
        account=BankAccount(name="main", identifier=identifier, currency=currency),
        scales=SCALES,
        today=TODAY,
        mapping=None if mapping is None else parse_mapping(mapping),
    )
    return parsed.statements


def read_line(content: bytes, **options: str) -> Line:
    """Return the one line of a file of one statement."""
    [statement] = read(content, **options)
    [line] = statement.lines
    return line


def refusal(content: bytes, **options: str) -> tuple[str, str, str]:
    """Return the code, the place and the reason of a refused file."""
    with pytest.raises(StatementError) as caught:
        read(content, **options)
    [(place, [reason])] = caught.value.errors.items()
    return caught.value.code, place, reason
