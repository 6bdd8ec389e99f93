"""Statements as they are asked for: which accounts, which days, which format."""

import datetime as dt
from typing import Any

from sandbox.bank.books import Books
from sandbox.bank.lines import first_day
from sandbox.bank.refusals import missing
from sandbox.bank.statements.camt053 import write_camt053
from sandbox.bank.statements.mt940 import write_mt940
from sandbox.bank.statements.statement import read_statement
from sandbox.bank.statements.table import write_table
from sandbox.simulated.delivery_faults import KnobError

_MIMETYPES = {"camt053": "application/xml", "mt940": "text/plain", "csv": "text/csv"}


def write(books: Books, form: str, query: Any) -> tuple[bytes, str]:
    """Return statements in a format, and its media type.

    The query may name an `account`, the days `from` and `to`, and a `version` of camt.053.

    Raises:
        Refusal: there is no such format or account.
        KnobError: a day is none.
    """
    if form not in _MIMETYPES:
        raise missing("format", form)
    accounts = [books.bank_account(query["account"])] if "account" in query else None
    since = _day(query, "from") or first_day(books.transaction) or books.account.today
    until = _day(query, "to") or books.account.today
    statements = [
        read_statement(books, account, since=since, until=until)
        for account in accounts or books.account.accounts
    ]
    if form == "camt053":
        content = write_camt053(statements, version=query.get("version", "08"))
    else:
        content = write_mt940(statements) if form == "mt940" else write_table(statements)
    return content, _MIMETYPES[form]


def _day(query: Any, name: str) -> dt.date | None:
    if name not in query:
        return None
    try:
        return dt.date.fromisoformat(query[name])
    except ValueError:
        raise KnobError(name, f"{name} has to be a day: 2026-11-22") from None
