"""Asks for a journal entry by hand: somebody else must approve it before it is posted."""

import datetime as dt

from sqlalchemy.orm import Session

import ledger
from payments import idempotency
from payments.access.caller import Caller
from payments.idempotency import Answered
from payments.identifiers import new_id
from payments.log_lines import get_logger
from payments.manual_entries.month_lock import share_month_lock
from payments.manual_entries.new_entry import NewEntry, check_entry, require_open, start_of
from payments.manual_entries.tables import ManualEntry, ManualEntryLine
from payments.manual_entries.view import EntryView, view_asked

OPERATION = "entries.request"

_log = get_logger(__name__)


def request_entry(
    session: Session, *, caller: Caller, reference: str, asked: NewEntry, now: dt.datetime
) -> Answered[EntryView]:
    """Write down what somebody wants posted, once per reference.

    Raises:
        InvalidRequestError: see `check_entry`; or the reference is malformed.
        ConflictError: its month is closed (`period_closed`).
        InProgressError, ReferenceReusedError: see `idempotency.claim`.
    """
    share_month_lock(session)
    claim = idempotency.claim(
        session,
        principal=caller.principal,
        operation=OPERATION,
        reference=reference,
        fingerprint=idempotency.fingerprint(asked.content()),
        now=now,
    )
    if claim.replayed_id is not None:
        row = session.get_one(ManualEntry, claim.replayed_id)
        return Answered(view_asked(session, [row])[0], replayed=True)
    connection = session.connection()
    occurred_at = start_of(asked.effective_on)
    require_open(occurred_at, closed_through=ledger.closed_through(connection))
    check_entry(asked, assets=ledger.assets(connection), now=now)
    row = ManualEntry(
        id=new_id("jrn", now=now),
        kind="manual",
        occurred_at=occurred_at,
        reason=asked.reason,
        attachment_sha256=asked.attachment_sha256,
        auto_reverse_on=asked.auto_reverse_on,
        status="requested",
        requested_by=caller.person,
        created_at=now,
        updated_at=now,
    )
    add_with_lines(session, row, asked.lines)
    idempotency.finish(session, claim, resource_id=row.id, now=now)
    _log.info("manual_entry_requested", entry_id=row.id, by=caller.person)
    return Answered(view_asked(session, [row])[0], replayed=False)


def add_with_lines(
    session: Session, row: ManualEntry, lines: tuple[ledger.JournalLine, ...]
) -> None:
    """Write an entry with its lines."""
    session.add(row)
    session.flush()
    session.add_all(
        ManualEntryLine(
            entry_id=row.id, line=number, account=line.path, asset=line.asset, amount=line.amount
        )
        for number, line in enumerate(lines, start=1)
    )
    session.flush()
