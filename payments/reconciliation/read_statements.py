"""What was imported: each file with its statements, and the list of statements for finance."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session, defer

from payments.errors import InvalidRequestError
from payments.pages import Page, page_of
from payments.reconciliation.tables import BankStatement, StatementFile


@dataclass(frozen=True, kw_only=True)
class ImportedStatement:
    """A statement; `lines` are in the file, and `new_lines` of them were in no file before.

    Balances are minor units of `currency`; a format without them has None for both.
    """

    id: str
    file_id: str
    account: str
    currency: str
    statement_ref: str | None
    from_date: dt.date | None
    to_date: dt.date | None
    opening_balance: int | None
    closing_balance: int | None
    lines: int
    new_lines: int
    imported_at: dt.datetime


@dataclass(frozen=True, kw_only=True)
class ImportedFile:
    """A file that was imported, as it was at the time."""

    file_id: str
    filename: str
    format: str
    statements: Sequence[ImportedStatement]

    @property
    def new_lines(self) -> int:
        """How many lines it brought that no other file had."""
        return sum(statement.new_lines for statement in self.statements)


def read_file(session: Session, file_id: str) -> ImportedFile:
    """Return a file that is there, with its statements in the file's order."""
    found = session.get_one(
        StatementFile, file_id, options=[defer(StatementFile.content_encrypted, raiseload=True)]
    )
    rows = session.scalars(
        select(BankStatement).where(BankStatement.file_id == file_id).order_by(BankStatement.id)
    )
    return ImportedFile(
        file_id=found.id,
        filename=found.name,
        format=found.format,
        statements=[_view(row) for row in rows],
    )


def list_statements(
    session: Session, *, limit: int, account: str | None = None, after: str | None = None
) -> Page[ImportedStatement]:
    """Return up to `limit` statements, newest import first.

    Raises:
        InvalidRequestError: `after` is no cursor of this list.
    """
    query = select(BankStatement)
    if account is not None:
        query = query.where(BankStatement.account == account)
    if after is not None:
        if not after.startswith("stm_"):
            raise InvalidRequestError(
                "The cursor is not valid.", errors={"after": ["Use `next` of the page before."]}
            )
        query = query.where(BankStatement.id < after)
    rows = session.scalars(query.order_by(BankStatement.id.desc()).limit(limit + 1)).all()
    return page_of([_view(row) for row in rows], limit=limit)


def _view(row: BankStatement) -> ImportedStatement:
    return ImportedStatement(
        id=row.id,
        file_id=row.file_id,
        account=row.account,
        currency=row.currency,
        statement_ref=row.statement_ref,
        from_date=row.from_date,
        to_date=row.to_date,
        opening_balance=row.opening_balance,
        closing_balance=row.closing_balance,
        lines=row.line_count,
        new_lines=row.new_line_count,
        imported_at=row.imported_at,
    )
