"""Stores the lines that no file has brought before, with statements whose number stays the same.

The account's lock makes importers of one account take turns: what one numbers, the other sees.
"""

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, TypeVar

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.bank_reference import MOST_TEXT, extract_keys
from payments.identifiers import new_id
from payments.privacy.encryption import FieldCipher
from payments.reconciliation.line_details import LineDetails, seal_details
from payments.reconciliation.statements.line_keys import Counted, key_lines, split_key
from payments.reconciliation.statements.model import Line, Statement

MOST_AT_ONCE = 20_000
_SEPARATOR = "\x1f"


_Result = TypeVar("_Result")


class Aside(Protocol):
    """Runs long work that waits for nothing, where it holds up nobody."""

    def __call__(self, work: Callable[[], _Result]) -> _Result:
        """Return what the work returns, and raise what it raises."""


def at_once(work: Callable[[], _Result]) -> _Result:
    """Run the work here and now."""
    return work()


@dataclass(frozen=True, slots=True)
class NewLine:
    """A line that is not stored yet, with its key and the statement that brings it."""

    statement_id: str
    key: str
    line: Line


def lock(session: Session, what: str) -> None:
    """Wait until no other import of this account, or file, is under way; keep others waiting."""
    session.execute(_LOCK, {"what": what})


def find_new_lines(
    session: Session, statements: Mapping[str, Statement], *, account: str
) -> list[NewLine]:
    """Return the lines, of statements by id, that are not stored; needs the account's lock."""
    stored = _counted(session, list(statements.values()), account)
    keys = key_lines(list(statements.values()), account=account, stored=stored)
    first: dict[str, NewLine] = {}
    for (statement_id, statement), its_keys in zip(statements.items(), keys, strict=True):
        for line, key in zip(statement.lines, its_keys, strict=True):
            first.setdefault(key, NewLine(statement_id, key, line))
    known = set(session.scalars(_KNOWN, {"account": account, "keys": list(first)}))
    return [line for key, line in first.items() if key not in known]


def insert_lines(
    session: Session,
    lines: Sequence[NewLine],
    *,
    account: str,
    cipher: FieldCipher,
    now: dt.datetime,
    aside: Aside = at_once,
) -> None:
    """Store the lines, their personal parts encrypted."""
    for start in range(0, len(lines), MOST_AT_ONCE):
        part = lines[start : start + MOST_AT_ONCE]
        columns = aside(partial(_columns_of, part, cipher=cipher, now=now))
        session.execute(_INSERT, columns | {"account": account, "now": now})


def _counted(session: Session, statements: Sequence[Statement], account: str) -> list[Counted]:
    """Return the stored statements of these days, with how often each has which line."""
    days = [line.booked_on for statement in statements for line in statement.lines]
    if not days:
        return []
    span = {"account": account, "from_date": min(days), "to_date": max(days)}
    balanced = session.execute(_BALANCED, span).all()
    counts: dict[str, Counter[str]] = {}
    for row in session.execute(_KEYS_OF_DAYS, span | {"ids": [each.id for each in balanced]}):
        stem, number = split_key(row.line_key)
        held = counts.setdefault(row.statement_id, Counter())
        held[stem] = max(held[stem], number)
    return [
        Counted(
            row.statement_ref,
            int(row.opening_balance),
            int(row.closing_balance),
            counts.get(row.id, Counter()),
        )
        for row in balanced
    ]


def _columns_of(
    lines: Sequence[NewLine], *, cipher: FieldCipher, now: dt.datetime
) -> dict[str, list[Any]]:
    rows = [_row(new, cipher=cipher, now=now) for new in lines]
    return {name: [row[name] for row in rows] for name in _COLUMNS}


def _row(new: NewLine, *, cipher: FieldCipher, now: dt.datetime) -> dict[str, Any]:
    line, line_id = new.line, new_id("stl", now=now)
    details = LineDetails(line.counterparty_name, line.counterparty_account, line.text)
    return {
        "id": line_id,
        "statement_id": new.statement_id,
        "line_key": new.key,
        "position": line.position,
        "amount": line.amount,
        "currency": line.currency,
        "booked_on": line.booked_on,
        "value_on": line.value_on,
        "bank_ref": line.bank_ref,
        "end_to_end_id": line.end_to_end_id,
        "batch_ref": line.batch_ref,
        "is_bank_charge": line.is_bank_charge,
        "reference_keys": _SEPARATOR.join(reference_keys(line)),
        "details_encrypted": seal_details(cipher, line_id=line_id, details=details),
    }


def reference_keys(line: Line) -> list[str]:
    """Return all that may be a reference of ours in the line, however many payments it covers."""
    found: dict[str, None] = {}
    for number, part in enumerate(_parts(line.text)):
        first = line.end_to_end_id if number == 0 else None
        found |= dict.fromkeys(extract_keys(first, part))
    return list(found)


def _parts(text: str) -> Iterator[str]:
    """Cut a long text between its lines into parts that are read whole."""
    part: list[str] = []
    length = 0
    for line in text.split("\n"):
        if part and length + len(line) > MOST_TEXT - 100:
            yield "\n".join(part)
            part, length = [], 0
        part.append(line)
        length += len(line) + 1
    yield "\n".join(part)


_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('statements of ' || :what, 0))")
_KNOWN = text("""
    SELECT line_key FROM strongroom.statement_lines
     WHERE account = :account AND line_key = ANY (CAST(:keys AS text[]))
""")
_KEYS_OF_DAYS = text("""
    SELECT statement_id, line_key FROM strongroom.statement_lines
     WHERE statement_id = ANY (CAST(:ids AS text[]))
       AND booked_on BETWEEN :from_date AND :to_date
""")
_BALANCED = text("""
    SELECT id, statement_ref, opening_balance, closing_balance FROM strongroom.bank_statements
     WHERE account = :account AND closing_date BETWEEN :from_date AND :to_date
""")
_COLUMNS = {
    "id": "text",
    "statement_id": "text",
    "line_key": "text",
    "position": "int",
    "amount": "numeric",
    "currency": "text",
    "booked_on": "date",
    "value_on": "date",
    "bank_ref": "text",
    "end_to_end_id": "text",
    "batch_ref": "text",
    "is_bank_charge": "boolean",
    "reference_keys": "text",
    "details_encrypted": "bytea",
}
_NAMES = ", ".join(_COLUMNS)
_ARRAYS = ", ".join(f"CAST(:{name} AS {kind}[])" for name, kind in _COLUMNS.items())
_VALUES = ", ".join(
    f"string_to_array(l.{name}, chr(31))" if name == "reference_keys" else f"l.{name}"
    for name in _COLUMNS
)
_INSERT = text(f"""
    INSERT INTO strongroom.statement_lines (account, created_at, updated_at, {_NAMES})
    SELECT :account, :now, :now, {_VALUES} FROM unnest({_ARRAYS}) AS l ({_NAMES})
""")  # noqa: S608 - the names stand above
