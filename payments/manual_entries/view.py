"""An entry as it is shown: one that people asked for, one of the journal, or both."""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

import ledger
from ledger import JournalEntry, JournalLine
from payments.lifecycle.view import rfc_3339
from payments.manual_entries.tables import ManualEntry, ManualEntryLine


@dataclass(frozen=True, kw_only=True)
class EntryView:
    """An entry; what only entries by hand have is None for others, and the other way round.

    `id` names what was asked for (`jrn_…`), `entry_id` is its number in the journal.
    """

    id: str | None
    entry_id: int | None
    kind: str
    status: str
    effect_key: str | None
    description: str | None
    occurred_at: dt.datetime
    recorded_at: dt.datetime | None
    lines: tuple[JournalLine, ...]
    reverses_entry_id: int | None
    reversed_by_entry_id: int | None
    asked: ManualEntry | None

    def as_json(self) -> dict[str, Any]:
        """Return it as the API writes it."""
        asked = self.asked
        attachment = asked.attachment_sha256 if asked else None
        auto_reverse_on = asked.auto_reverse_on if asked else None
        return {
            "id": self.id,
            "entry_id": self.entry_id,
            "kind": self.kind,
            "status": self.status,
            "effect_key": self.effect_key,
            "description": self.description,
            "effective_on": self.occurred_at.astimezone(dt.UTC).date().isoformat(),
            "occurred_at": rfc_3339(self.occurred_at),
            "recorded_at": _moment(self.recorded_at),
            "lines": [_line(line) for line in self.lines],
            "reverses_entry_id": self.reverses_entry_id,
            "reversed_by_entry_id": self.reversed_by_entry_id,
            "attachment_sha256": None if attachment is None else attachment.hex(),
            "auto_reverse_on": None if auto_reverse_on is None else auto_reverse_on.isoformat(),
            "requested_by": asked.requested_by if asked else None,
            "requested_at": _moment(asked.created_at if asked else None),
            "decided_by": asked.decided_by if asked else None,
            "decided_at": _moment(asked.decided_at if asked else None),
            "refusal": asked.refusal if asked else None,
        }


def view_asked(session: Session, rows: Sequence[ManualEntry]) -> list[EntryView]:
    """Return entries that people asked for, in the order given."""
    found = session.scalars(
        select(ManualEntryLine)
        .where(ManualEntryLine.entry_id.in_([row.id for row in rows]))
        .order_by(ManualEntryLine.entry_id, ManualEntryLine.line)
    )
    lines: dict[str, list[JournalLine]] = {row.id: [] for row in rows}
    for line in found:
        lines[line.entry_id].append(JournalLine(line.account, line.asset, line.amount))
    numbers = [row.entry_id for row in rows if row.entry_id is not None]
    posted = {entry.id: entry for entry in ledger.entries_of_ids(session.connection(), numbers)}
    return [_view(row, lines[row.id], posted.get(row.entry_id or 0)) for row in rows]


def view_posted(session: Session, entry: JournalEntry) -> EntryView:
    """Return an entry of the journal that nobody asked for by hand."""
    reverses, reversed_by = ledger.reversals_of(session.connection(), entry.id)
    return EntryView(
        id=None,
        entry_id=entry.id,
        kind=entry.kind,
        status="posted",
        effect_key=entry.effect_key,
        description=entry.description,
        occurred_at=entry.occurred_at,
        recorded_at=entry.recorded_at,
        lines=entry.lines,
        reverses_entry_id=reverses,
        reversed_by_entry_id=reversed_by,
        asked=None,
    )


def _view(row: ManualEntry, lines: Iterable[JournalLine], posted: JournalEntry | None) -> EntryView:
    return EntryView(
        id=row.id,
        entry_id=row.entry_id,
        kind=row.kind,
        status=row.status,
        effect_key=posted.effect_key if posted else None,
        description=row.reason,
        occurred_at=posted.occurred_at if posted else row.occurred_at,
        recorded_at=posted.recorded_at if posted else None,
        lines=tuple(lines),
        reverses_entry_id=row.reverses_entry_id,
        reversed_by_entry_id=row.reversed_by_entry_id,
        asked=row,
    )


def _line(line: JournalLine) -> dict[str, str | None]:
    return {
        "account": line.path,
        "asset": line.asset,
        "debit": str(line.amount) if line.amount > 0 else None,
        "credit": str(-line.amount) if line.amount < 0 else None,
    }


def _moment(value: dt.datetime | None) -> str | None:
    return None if value is None else rfc_3339(value)
