"""Writes a deed in the first transaction that changes something, so both commit or neither does.

It listens to the sessions of this process. One statement is added to the transaction; the
database itself knows whether anything was written before it, whichever way.
"""

import hashlib
import json
from typing import Any

from sqlalchemy import Engine, event, inspect, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Session
from sqlalchemy.sql import bindparam
from sqlalchemy.sql.sqltypes import Text

from payments.audit.deed import Deed, Outcome, current_deed
from payments.audit.tables import Change
from payments.database import transaction

MOST_CHANGES = 50
"""More rows than a person's request changes; a job's work is told by the journal and its rows."""

_CHANGES = "audit_changes"
_REPLAYED = "audit_replayed"
_WRITTEN = "audit_written"

_COLUMNS = {
    **dict.fromkeys(("id", "actor", "person", "role", "action", "outcome", "code"), "text"),
    "at": "timestamptz",
    "status": "int",
    "subjects": "text[]",
    "changes": "jsonb",
    "ip": "text",
    "request_id": "text",
    **dict.fromkeys(("reason_encrypted", "reason_digest"), "bytea"),
}
_VALUES = ", ".join(f"CAST(:{name} AS {kind})" for name, kind in _COLUMNS.items())
_TYPES = (bindparam("subjects", type_=ARRAY(Text)), bindparam("changes", type_=JSONB))
_WRITE = text(
    f"INSERT INTO strongroom.audit_entries ({', '.join(_COLUMNS)}) SELECT {_VALUES}"
).bindparams(*_TYPES)
_WRITE_WITH_CHANGES = text(
    f"{_WRITE.text} WHERE pg_current_xact_id_if_assigned() IS NOT NULL"
).bindparams(*_TYPES)


def listen() -> None:
    """Have every session of this process write the deed that is bound; once is enough."""
    if event.contains(Session, "before_commit", _write):
        return
    event.listen(Session, "after_flush", _collect)
    event.listen(Session, "before_commit", _write)
    event.listen(Session, "after_commit", _note_written)
    event.listen(Session, "after_rollback", _forget)


def note_replay(session: Session) -> None:
    """Say that this transaction answers with what an earlier one made."""
    session.info[_REPLAYED] = True


def write_entry(
    engine: Engine,
    deed: Deed,
    outcome: Outcome,
    *,
    status: int | None = None,
    code: str | None = None,
) -> None:
    """Write an entry in a transaction of its own, about what changed nothing or went wrong."""
    entry = deed.entry(outcome, status=status, code=code)
    deed.written = True  # or the transaction would write it a second time
    with transaction(engine) as session:
        session.execute(_WRITE, entry)


def _collect(session: Session, _context: object) -> None:
    deed = current_deed()
    if deed is None or deed.written:
        return
    changes: list[Change] = session.info.setdefault(_CHANGES, [])
    for row in (*session.new, *session.dirty, *session.deleted):
        if len(changes) < MOST_CHANGES:
            changes.extend(_change_of(row, is_deleted=row in session.deleted))


def _write(session: Session) -> None:
    deed = current_deed()
    if deed is None or deed.written or session.info.get(_WRITTEN):
        return
    if session.in_nested_transaction():
        return  # a savepoint ends; what it is part of may still be rolled back
    session.flush()
    outcome: Outcome = "seen" if deed.is_look else "done"
    if session.info.get(_REPLAYED):
        outcome = "replayed"
    entry = deed.entry(outcome, changes=session.info.get(_CHANGES))
    done = session.connection().execute(_WRITE if deed.is_look else _WRITE_WITH_CHANGES, entry)
    session.info[_WRITTEN] = done.rowcount > 0


def _note_written(session: Session) -> None:
    if session.in_nested_transaction():
        return
    deed = current_deed()
    if deed is not None and session.info.get(_WRITTEN):
        deed.written = True
    _forget(session)


def _forget(session: Session) -> None:
    if session.in_nested_transaction():
        return
    for name in (_CHANGES, _REPLAYED, _WRITTEN):
        session.info.pop(name, None)


def _change_of(row: object, *, is_deleted: bool) -> list[Change]:
    state = inspect(row)
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    for attribute in state.mapper.column_attrs:
        history = state.attrs[attribute.key].history
        if is_deleted:
            before[attribute.key] = state.dict.get(attribute.key)
        elif history.has_changes():
            if history.deleted:
                before[attribute.key] = history.deleted[0]
            after[attribute.key] = history.added[0] if history.added else None
    if not before and not after:
        return []
    return [[state.mapper.local_table.name, _id_of(row), _hash(before), _hash(after)]]


def _id_of(row: object) -> str | None:
    """Return the row's id; None for one that says nothing, or is a secret's hash."""
    state = inspect(row)
    key = state.mapper.primary_key_from_instance(row)
    if any(isinstance(part, bytes) or part is None for part in key):
        return None
    return ":".join(str(part) for part in key)


def _hash(values: dict[str, Any]) -> str | None:
    """Return the SHA-256 of columns as the database gets them; personal ones are ciphertexts."""
    if not values:
        return None
    told = json.dumps(values, sort_keys=True, default=_text_of, ensure_ascii=False)
    return hashlib.sha256(told.encode()).hexdigest()


def _text_of(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)
