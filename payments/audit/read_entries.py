"""Reading the audit log: page by page, or all of it with the chain, for another place to keep."""

import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, column, or_, select, table, text
from sqlalchemy.orm import Session

from payments.audit.deed import digest_of, reason_in
from payments.audit.tables import AuditEntry
from payments.database import transaction
from payments.pages import Page
from payments.privacy.encryption import DecryptionError, FieldCipher

_SEALED = text(
    "SELECT e.number, strongroom.audit_text(e) AS text"
    "  FROM strongroom.audit_entries e WHERE e.number > :after AND e.number <= :upto"
    " ORDER BY e.number"
)
_SEALS = text(
    "SELECT number, upto_entry, entry_numbers, block_hash, chain_hash, sealed_at"
    "  FROM strongroom.audit_seals WHERE number > :after ORDER BY number LIMIT 1"
)
_KEYS = table("api_keys", column("id"), column("principal"), schema="strongroom")


@dataclass(frozen=True)
class Wanted:
    """Which entries; times are of the deed.

    `actor` is a credential, the person behind it, or a key's id: then what was done with that key
    or another of its principal.
    """

    actor: str | None = None
    action: str | None = None
    subject: str | None = None
    outcome: str | None = None
    since: dt.datetime | None = None
    until: dt.datetime | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """Return what entries must fulfil."""
        found: list[ColumnElement[bool]] = []
        if self.actor is not None:
            behind = select(_KEYS.c.principal).where(_KEYS.c.id == self.actor)
            is_known = AuditEntry.actor.in_(behind)
            is_named = or_(AuditEntry.actor == self.actor, AuditEntry.person == self.actor)
            found.append(is_known if self.actor.startswith("key_") else is_named)
        if self.action is not None:
            found.append(AuditEntry.action == self.action)
        if self.subject is not None:
            found.append(AuditEntry.subjects.contains([self.subject]))
        if self.outcome is not None:
            found.append(AuditEntry.outcome == self.outcome)
        if self.since is not None:
            found.append(AuditEntry.at >= self.since)
        if self.until is not None:
            found.append(AuditEntry.at < self.until)
        return found


def read_entries(
    session: Session, wanted: Wanted, *, limit: int, after: int | None, cipher: FieldCipher
) -> Page[dict[str, Any]]:
    """Return up to `limit` entries, newest first, with their reasons in the clear."""
    query = select(AuditEntry).where(*wanted.conditions())
    if after is not None:
        query = query.where(AuditEntry.number < after)
    rows = list(session.scalars(query.order_by(AuditEntry.number.desc()).limit(limit + 1)))
    more = len(rows) > limit
    page = rows[:limit]
    return Page([_shown(row, cipher) for row in page], str(page[-1].number) if more else None)


def export_lines(engine: Engine) -> Iterator[str]:
    """Give every sealed entry and, after those it covers, each seal: one JSON object a line.

    `text` is exactly what was hashed, so the lines prove themselves: see docs/security.md. It
    reads in short transactions, and ends with the newest seal of the moment it gets there.
    """
    number, upto = 0, 0
    while True:
        with transaction(engine) as session:
            connection = session.connection()
            seal = connection.execute(_SEALS, {"after": number}).one_or_none()
            if seal is None:
                return
            lines = list(_lines_of(connection, seal, after=upto))
        yield "".join(lines)
        number, upto = seal.number, seal.upto_entry


def _lines_of(connection: Connection, seal: Any, *, after: int) -> Iterator[str]:
    for row in connection.execute(_SEALED, {"after": after, "upto": seal.upto_entry}):
        yield _line({"kind": "entry", "number": row.number, "text": row.text})
    yield _line(
        {
            "kind": "seal",
            "number": seal.number,
            "upto_entry": seal.upto_entry,
            "entries": len(seal.entry_numbers),
            "block_hash": bytes(seal.block_hash).hex(),
            "chain_hash": bytes(seal.chain_hash).hex(),
            "sealed_at": seal.sealed_at.isoformat(),
        }
    )


def _line(told: dict[str, Any]) -> str:
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")) + "\n"


def _shown(row: AuditEntry, cipher: FieldCipher) -> dict[str, Any]:
    names = ("id", "number", "at", "recorded_at", "actor", "person", "role", "action", "outcome")
    more = ("status", "code", "subjects", "ip", "request_id")
    return {
        **{name: getattr(row, name) for name in (*names, *more)},
        "changes": [
            dict(zip(("table", "id", "before", "after"), change, strict=True))
            for change in row.changes
        ],
        "reason": _reason_of(row, cipher),
    }


def _reason_of(row: AuditEntry, cipher: FieldCipher) -> str | None:
    """Return the reason; a note in its place when it is not what was written."""
    if row.reason_encrypted is None:
        return None
    try:
        kept = reason_in(row.reason_encrypted, entry_id=row.id, cipher=cipher)
    except DecryptionError:
        return "(does not decrypt)"
    if digest_of(**kept) != bytes(row.reason_digest or b""):
        return "(was changed)"
    return kept["reason"]
