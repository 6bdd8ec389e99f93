"""Finds entries: those people asked for, and any of the journal by its number."""

from sqlalchemy import select
from sqlalchemy.orm import Session

import ledger
from ledger import JournalEntry
from payments.errors import NotFoundError
from payments.manual_entries.tables import ManualEntry
from payments.manual_entries.view import EntryView, view_asked, view_posted
from payments.pages import Page, page_of

STATUSES = ("requested", "posted", "rejected", "refused")
_PREFIX = "jrn_"


def list_entries(
    session: Session, *, status: str | None = None, limit: int, after: str | None = None
) -> Page[EntryView]:
    """Return up to `limit` entries by hand, newest first, from after the one `after` names."""
    found = select(ManualEntry)
    if status is not None:
        found = found.where(ManualEntry.status == status)
    if after is not None:
        found = found.where(ManualEntry.id < after)
    rows = session.scalars(found.order_by(ManualEntry.id.desc()).limit(limit + 1)).all()
    page = page_of(rows, limit=limit)
    return Page(view_asked(session, page.data), page.next)


def read_entry(session: Session, name: str) -> EntryView:
    """Return an entry by `jrn_…`, or by its number in the journal.

    Raises:
        NotFoundError: there is none.
    """
    asked, entry = find_entry(session, name)
    if asked is not None:
        return view_asked(session, [asked])[0]
    assert entry is not None  # noqa: S101 - find_entry found one of the two
    return view_posted(session, entry)


def find_entry(session: Session, name: str) -> tuple[ManualEntry | None, JournalEntry | None]:
    """Return what was asked for by hand, and what stands in the journal; one of them is there.

    Raises:
        NotFoundError: there is neither.
    """
    if name.startswith(_PREFIX):
        asked = session.get(ManualEntry, name)
        if asked is None:
            raise NotFoundError("There is no such entry.")
        return asked, None if asked.entry_id is None else _posted(session, asked.entry_id)
    entry = _posted(session, int(name))
    return session.scalar(select(ManualEntry).where(ManualEntry.entry_id == entry.id)), entry


def _posted(session: Session, number: int) -> JournalEntry:
    found = ledger.entries_of_ids(session.connection(), [number])
    if not found:
        raise NotFoundError("There is no such entry.")
    return found[0]
