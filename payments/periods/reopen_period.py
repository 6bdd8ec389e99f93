"""Reopens the month that was closed last: one person asks for it, another one does it."""

import datetime as dt

from sqlalchemy.orm import Session

import ledger
from payments import idempotency
from payments.access.caller import Caller
from payments.access.four_eyes import require_second_person
from payments.crash_points import reach
from payments.errors import ConflictError, InvalidRequestError
from payments.idempotency import Answered
from payments.log_lines import get_logger
from payments.manual_entries.month_lock import take_month_lock
from payments.periods.close_period import closing_in_force
from payments.periods.months import Month
from payments.periods.tables import PeriodClosing

OPERATION = "periods.reopen"
LONGEST_REASON = 500

_log = get_logger(__name__)


def reopen_period(
    session: Session,
    *,
    caller: Caller,
    reference: str,
    month: Month,
    reason: str,
    now: dt.datetime,
) -> Answered[PeriodClosing]:
    """Ask to reopen a month, or reopen it if somebody else asked before; once per reference.

    What was kept of it stays: closing it again makes another revision.

    Raises:
        InvalidRequestError: the reason is empty or too long.
        ConflictError: it is not closed, or not the month that was closed last
            (`period_not_closed`), or the caller asked for it before (`second_person_needed`).
        InProgressError, ReferenceReusedError: see `idempotency.claim`.
    """
    if not reason.strip() or len(reason) > LONGEST_REASON:
        fault = f"Say why, in at most {LONGEST_REASON} characters."
        raise InvalidRequestError(fault, errors={"reason": [fault]})
    take_month_lock(session)
    claim = idempotency.claim(
        session,
        principal=caller.principal,
        operation=OPERATION,
        reference=reference,
        fingerprint=idempotency.fingerprint({"month": str(month), "reason": reason}),
        now=now,
    )
    if claim.replayed_id is not None:
        return Answered(session.get_one(PeriodClosing, claim.replayed_id), replayed=True)
    row = _find(session, month)
    if row.state == "closed":
        row.state, row.reopen_reason = "reopening", reason
        row.reopen_requested_by, row.reopen_requested_at = caller.person, now
    else:
        require_second_person(
            session,
            caller,
            first=row.reopen_requested_by or "",
            detail="You asked to reopen it; somebody else must do it.",
        )
        ledger.reopen_books(session.connection(), month.end)
        row.state, row.reopened_by, row.reopened_at = "reopened", caller.person, now
    session.flush()
    reach("period.reopened")
    idempotency.finish(session, claim, resource_id=row.id, now=now)
    _log.warning("period_" + row.state, month=str(month), by=caller.person, reason=reason)
    return Answered(row, replayed=False)


def _find(session: Session, month: Month) -> PeriodClosing:
    closed = ledger.closed_through(session.connection())
    row = closing_in_force(session, month)
    if row is None or closed != month.end:
        why = "is not closed" if closed is None or closed < month.end else "was not closed last"
        raise ConflictError(f"{month} {why}.", code="period_not_closed")
    return row
