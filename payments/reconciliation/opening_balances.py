"""Books what an account of ours held before its first statement.

That is the first statement's opening balance, less the lines that are older still (of files
without balances). When an older statement or line comes in later, entries of their own put right
what was booked before.
"""

import datetime as dt
from collections.abc import Mapping

from sqlalchemy import func, select
from sqlalchemy.orm import Session

import ledger
from ledger import JournalEntry
from payments.reconciliation.accounts import bank_account, opening_balances
from payments.reconciliation.line_entries import Draft, post_drafts, start_of
from payments.reconciliation.tables import BankStatement, StatementLine

KIND = "statement.opening"


def book_openings(session: Session) -> Mapping[str, int]:
    """Book the opening balance of every account, where it is not booked or not right."""
    drafts: list[Draft] = []
    for account in session.scalars(select(BankStatement.account).distinct()).all():
        drafts += _drafts(session, account)
    results = post_drafts(session.connection(), drafts)
    return {"opening_balances": sum(isinstance(result, ledger.Posted) for result in results)}


def _drafts(session: Session, account: str) -> list[Draft]:
    statements = _with_balances(session, account)
    if not statements:
        return []
    connection = session.connection()
    booked: dict[str, list[JournalEntry]] = {statement.id: [] for statement in statements}
    for entry in ledger.entries_of_subjects(connection, list(booked)):
        booked[entry.effect_key.partition(":")[0]].append(entry)
    first, *others = statements
    day = _starts_on(session, first)
    older = _sum_before(session, first, day)
    drafts = [_draft(first, booked[first.id], (first.opening_balance or 0) - older, start_of(day))]
    drafts += [
        _draft(statement, entries, 0, entries[0].occurred_at)
        for statement in others
        if (entries := booked[statement.id])
    ]
    return [draft for draft in drafts if any(change for _, change in draft.lines)]


def _with_balances(session: Session, account: str) -> list[BankStatement]:
    """Return the account's statements that have balances, the first one first."""
    row = BankStatement
    first_day = func.coalesce(row.from_date, row.to_date, row.closing_date)
    query = (
        select(row)
        .where(row.account == account, row.opening_balance.is_not(None))
        .order_by(first_day, row.closing_date, row.id)
    )
    return list(session.scalars(query))


def _starts_on(session: Session, statement: BankStatement) -> dt.date:
    """Return the day before which the balance was the opening one."""
    lines = select(func.min(StatementLine.booked_on)).where(
        StatementLine.statement_id == statement.id
    )
    days = [statement.from_date, session.scalar(lines), statement.closing_date]
    return min(day for day in days if day is not None)


def _sum_before(session: Session, statement: BankStatement, day: dt.date) -> int:
    older = select(func.sum(StatementLine.amount)).where(
        StatementLine.account == statement.account, StatementLine.booked_on < day
    )
    return int(session.scalar(older) or 0)


def _draft(
    statement: BankStatement, booked: list[JournalEntry], wanted: int, at: dt.datetime
) -> Draft:
    """Return the entry that brings what is booked for a statement to what is wanted."""
    account = bank_account(statement.account, statement.currency)
    so_far = sum(
        line.amount for entry in booked for line in entry.lines if line.path == account.path
    )
    missing = wanted - so_far
    number = f"-{len(booked) + 1}" if booked else ""
    return Draft(
        f"{statement.id}:opening{number}",
        KIND,
        at,
        ((account, missing), (opening_balances(statement.currency), -missing)),
        "What the account held before its first statement",
        {"statement_id": statement.id, "booked_on": at.date().isoformat()},
    )
