"""Statements as a table: comma-separated (RFC 4180), one row a line, with a running balance."""

import csv
import io
from collections.abc import Sequence

from sandbox.bank.statements.statement import Statement, decimal

COLUMNS = (
    "Account",
    "Booking date",
    "Value date",
    "Amount",
    "Currency",
    "Name",
    "Their account",
    "Text",
    "End-to-end id",
    "Bank reference",
    "Kind",
    "Balance",
)


def write_table(statements: Sequence[Statement]) -> bytes:
    """Return all lines of the statements, in UTF-8."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\r\n")
    rows.writerow(COLUMNS)
    for statement in statements:
        currency, balance = statement.account.currency, statement.opening
        for line in statement.lines:
            balance += line.amount
            first, day = line.parts[0], line.booked_on.isoformat()
            single = not line.is_batch
            rows.writerow(
                (
                    statement.account.identifier,
                    day,
                    day,
                    _signed(line.amount, currency),
                    currency,
                    first.name if single else f"{len(line.parts)} payers",
                    first.account if single else "",
                    " ".join(part.text for part in line.parts),
                    first.end_to_end_id if single else "",
                    line.bank_ref,
                    line.kind,
                    _signed(balance, currency),
                )
            )
    return text.getvalue().encode()


def _signed(amount: int, currency: str) -> str:
    return f"{'-' if amount < 0 else ''}{decimal(amount, currency)}"
