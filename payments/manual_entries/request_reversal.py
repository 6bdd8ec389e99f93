"""Asks for the reversal of a journal entry: its exact mirror, approved by somebody else, once."""

import datetime as dt

from sqlalchemy import select
from sqlalchemy.orm import Session

import ledger
from ledger import JournalEntry, JournalLine
from payments import idempotency
from payments.access.caller import Caller
from payments.errors import ConflictError, InvalidRequestError
from payments.idempotency import Answered
from payments.identifiers import new_id
from payments.log_lines import get_logger
from payments.manual_entries.month_lock import share_month_lock
from payments.manual_entries.new_entry import require_open, start_of
from payments.manual_entries.open_accounts import is_reversible
from payments.manual_entries.read_entries import find_entry
from payments.manual_entries.request_entry import add_with_lines
from payments.manual_entries.tables import ManualEntry
from payments.manual_entries.view import EntryView, view_asked

OPERATION = "entries.reverse"

_log = get_logger(__name__)


def request_reversal(
    session: Session,
    *,
    caller: Caller,
    reference: str,
    name: str,
    reason: str,
    effective_on: dt.date | None = None,
    now: dt.datetime,
) -> Answered[EntryView]:
    """Write down that an entry is to be reversed, on a day (today if none is named).

    `name` is `jrn_…` or the number of the journal entry.

    Raises:
        InvalidRequestError: the reason is empty, or the day is to come, or before the entry's.
        NotFoundError: there is no such entry.
        ConflictError: it is not posted, or not by hand (`entry_not_reversible`), it is reversed or
            to be reversed already (`entry_reversed`), or the day's month is closed
            (`period_closed`).
        InProgressError, ReferenceReusedError: see `idempotency.claim`.
    """
    share_month_lock(session)
    content = {
        "entry": name,
        "reason": reason,
        "effective_on": None if effective_on is None else effective_on.isoformat(),
    }
    claim = idempotency.claim(
        session,
        principal=caller.principal,
        operation=OPERATION,
        reference=reference,
        fingerprint=idempotency.fingerprint(content),
        now=now,
    )
    if claim.replayed_id is not None:
        known = session.get_one(ManualEntry, claim.replayed_id)
        return Answered(view_asked(session, [known])[0], replayed=True)
    original, entry = _lock_original(session, name)
    occurred_at = start_of(effective_on or now.astimezone(dt.UTC).date())
    _check(entry, reason=reason, occurred_at=occurred_at, now=now)
    require_open(occurred_at, closed_through=ledger.closed_through(session.connection()))
    row = ManualEntry(
        id=new_id("jrn", now=now),
        kind="reversal",
        reverses=None if original is None else original.id,
        reverses_entry_id=entry.id,
        occurred_at=occurred_at,
        reason=reason,
        status="requested",
        requested_by=caller.person,
        created_at=now,
        updated_at=now,
    )
    add_with_lines(session, row, mirror_of(entry.lines))
    idempotency.finish(session, claim, resource_id=row.id, now=now)
    _log.info("reversal_requested", entry_id=row.id, reverses=entry.id, by=caller.person)
    return Answered(view_asked(session, [row])[0], replayed=False)


def mirror_of(lines: tuple[JournalLine, ...]) -> tuple[JournalLine, ...]:
    """Return the lines that undo some lines."""
    return tuple(JournalLine(line.path, line.asset, -line.amount) for line in lines)


def _lock_original(session: Session, name: str) -> tuple[ManualEntry | None, JournalEntry]:
    """Find what is to be reversed, and keep others from reversing it meanwhile."""
    asked, entry = find_entry(session, name)
    if entry is None or not is_reversible(entry.kind):
        what = "It is not posted" if entry is None else f"It is a {entry.kind}"
        raise ConflictError(
            f"{what}; only what was posted by hand is reversed by hand.",
            code="entry_not_reversible",
        )
    if asked is not None:
        session.get(ManualEntry, asked.id, with_for_update=True, populate_existing=True)
    waiting = session.scalar(
        select(ManualEntry.id).where(
            ManualEntry.reverses_entry_id == entry.id,
            ManualEntry.status.in_(("requested", "posted")),
        )
    )
    _, reversed_by = ledger.reversals_of(session.connection(), entry.id)
    if waiting is not None or reversed_by is not None:
        raise ConflictError(
            f"It is reversed, or to be reversed, by {waiting or reversed_by}.",
            code="entry_reversed",
        )
    return asked, entry


def _check(entry: JournalEntry, *, reason: str, occurred_at: dt.datetime, now: dt.datetime) -> None:
    errors = {}
    if not reason.strip():
        errors["reason"] = ["Say why."]
    if occurred_at > now:
        errors["effective_on"] = ["Use today or a day before, in UTC."]
    elif occurred_at < entry.occurred_at:
        errors["effective_on"] = ["Use the entry's own day or a later one."]
    if errors:
        raise InvalidRequestError("The reversal is not valid.", errors=errors)
