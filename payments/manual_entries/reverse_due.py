"""Undoes entries by hand on the day they name: once, without a third person, in open books."""

import datetime as dt
from collections.abc import Sequence
from functools import partial

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

import ledger
from ledger import JournalLine
from ledger.errors import LedgerError
from payments.accounting.entries import open_moment
from payments.crash_points import reach
from payments.database import in_transaction
from payments.identifiers import new_id
from payments.log_lines import get_logger
from payments.manual_entries.month_lock import share_month_lock
from payments.manual_entries.new_entry import start_of
from payments.manual_entries.request_entry import add_with_lines
from payments.manual_entries.request_reversal import mirror_of
from payments.manual_entries.tables import ManualEntry
from payments.manual_entries.view import view_asked

BY_SCHEDULE = "schedule"
"""Who decides on it: nobody but the day."""
MOST = 500
_REPLACED = "It reversed itself on its day."

_log = get_logger(__name__)


def reverse_due(engine: Engine, *, now: dt.datetime) -> dict[str, int]:
    """Reverse what is due today or was before; return how many were, and how many could not be.

    Each is a transaction of its own, and the next run takes up what is left. The reversal is
    effective on the day named, or at the first moment after what is closed.
    """
    done = failed = 0
    for entry_id in in_transaction(engine, lambda session: _due(session, now=now)):
        try:
            done += in_transaction(engine, partial(_reverse, entry_id=entry_id, now=now))
        except LedgerError as error:
            failed += 1
            _log.error("entry_not_reversed_on_its_day", entry_id=entry_id, error=str(error))
        reach("entry.reversal_committed")
    return {"reversed": done, "failed": failed}


def _due(session: Session, *, now: dt.datetime) -> Sequence[str]:
    today = now.astimezone(dt.UTC).date()
    found = select(ManualEntry.id).where(
        ManualEntry.auto_reverse_on <= today,
        ManualEntry.reversed_by_entry_id.is_(None),
        ManualEntry.status == "posted",
    )
    return session.scalars(found.order_by(ManualEntry.auto_reverse_on).limit(MOST)).all()


def _reverse(session: Session, *, entry_id: str, now: dt.datetime) -> int:
    """Reverse one entry, unless somebody did meanwhile.

    Raises:
        LedgerError: the ledger refused it, and nothing was written.
    """
    share_month_lock(session)
    row = session.get_one(ManualEntry, entry_id, with_for_update=True, populate_existing=True)
    if row.reversed_by_entry_id is not None or row.entry_id is None or not row.auto_reverse_on:
        return 0
    _turn_down_others(session, row.entry_id, now=now)
    connection = session.connection()
    occurred_at = open_moment(connection, start_of(row.auto_reverse_on))
    reason = f"Reversal of {row.id} on its day."
    posted = ledger.reverse(connection, row.entry_id, occurred_at=occurred_at, description=reason)
    row.reversed_by_entry_id, row.updated_at = posted.entry_id, now
    mirror = ManualEntry(
        id=new_id("jrn", now=now),
        kind="auto_reversal",
        reverses=row.id,
        reverses_entry_id=row.entry_id,
        occurred_at=occurred_at,
        reason=reason,
        status="posted",
        requested_by=BY_SCHEDULE,
        decided_by=BY_SCHEDULE,
        decided_at=now,
        entry_id=posted.entry_id,
        created_at=now,
        updated_at=now,
    )
    lines: tuple[JournalLine, ...] = view_asked(session, [row])[0].lines
    add_with_lines(session, mirror, mirror_of(lines))
    reach("entry.reversed")
    _log.info("entry_reversed_on_its_day", entry_id=row.id, by_entry=posted.entry_id)
    return 1


def _turn_down_others(session: Session, number: int, *, now: dt.datetime) -> None:
    """Turn down what people asked for and did not decide on: the day came first."""
    waiting = session.scalars(
        select(ManualEntry)
        .where(ManualEntry.reverses_entry_id == number, ManualEntry.status == "requested")
        .with_for_update()
    )
    for other in waiting:
        other.status, other.refusal = "rejected", _REPLACED
        other.decided_by, other.decided_at, other.updated_at = BY_SCHEDULE, now, now
    session.flush()
