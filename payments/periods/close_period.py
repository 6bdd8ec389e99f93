"""Closes a month when its checklist is green; its reports are kept by a job.

The books stand still for the last step alone: nobody posts between the checklist's last look and
the closing, and what reads the whole journal is asked before.
"""

import datetime as dt
import time
from collections.abc import Mapping

from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session

import ledger
from payments import idempotency
from payments.access.caller import Caller
from payments.crash_points import reach
from payments.database import in_transaction
from payments.delivery import outbox
from payments.errors import ConflictError, InvalidRequestError
from payments.idempotency import Answered, Claim
from payments.identifiers import new_id
from payments.log_lines import current_request_id, get_logger
from payments.manual_entries.month_lock import take_month_lock
from payments.periods.checklist import (
    SLOW,
    Checklist,
    ChecklistItem,
    Question,
    quick_items,
    read_checklist,
    unsealed,
)
from payments.periods.months import Month
from payments.periods.tables import PeriodClosing
from payments.periods.wake_up import JOB

OPERATION = "periods.close"
MOST_EXPLANATIONS = 200
LONGEST_EXPLANATION = 500
STATEMENT_TIMEOUT_S = 20
_SEALINGS, _PAUSE_S = 100, 0.1
"""Only what is settled is sealed: while a transaction writes, its entries and later ones wait."""

_NEWEST_ENTRY = text("SELECT coalesce(max(id), 0) FROM ledger.entries")
_NEWEST_SEAL = text("SELECT coalesce(max(number), 0) FROM ledger.seals")
_BRIEFLY = text("SET LOCAL statement_timeout = '4s'")

_log = get_logger(__name__)


def close_period(
    engine: Engine,
    *,
    caller: Caller,
    reference: str,
    month: Month,
    explanations: Mapping[str, str],
    now: dt.datetime,
    statement_timeout_s: int = STATEMENT_TIMEOUT_S,
) -> Answered[PeriodClosing]:
    """Close a month, once per reference, and have its reports kept.

    `explanations` says, by id, why an item that is open is as it should be; it is kept with the
    closing. Each statement of the checklist may take `statement_timeout_s`.

    Raises:
        InvalidRequestError: too many or too long explanations, or a malformed reference.
        ConflictError: the month is closed (`period_closed`), or not ready (`period_not_ready`):
            `errors` says why, by item of the checklist.
        InProgressError, ReferenceReusedError: see `idempotency.claim`.
    """
    _check(explanations)
    claimed = in_transaction(
        engine,
        lambda session: _claim(session, caller, reference, month, explanations, now=now),
    )
    if isinstance(claimed, Answered):
        return claimed
    try:
        question = Question(
            month=month,
            explanations=explanations,
            sealed_to=in_transaction(engine, last_sealed),
            upto=in_transaction(engine, lambda session: session.execute(_NEWEST_ENTRY).scalar()),
            now=now,
        )
        closed = _close(
            engine,
            claimed,
            question,
            by=caller.person,
            statement_timeout_s=statement_timeout_s,
        )
    except Exception:
        in_transaction(engine, lambda session: idempotency.release(session, claimed))
        raise
    reach("period.closing_committed")
    _log.info("period_closed", month=str(month), closing_id=closed.id, by=caller.person)
    return Answered(closed, replayed=False)


def closing_in_force(session: Session, month: Month) -> PeriodClosing | None:
    """Return the closing of a month that was not reopened since."""
    return session.scalar(
        select(PeriodClosing).where(
            PeriodClosing.month == str(month), PeriodClosing.state != "reopened"
        )
    )


def last_sealed(session: Session) -> int:
    """Return the number of the seal up to which some closing has checked the chain; 0 at first."""
    found = session.scalar(
        select(PeriodClosing.sealed_to).order_by(PeriodClosing.sealed_to.desc()).limit(1)
    )
    return found or 0


def _check(explanations: Mapping[str, str]) -> None:
    errors = {
        f"explanations.{name}": [f"Say why, in at most {LONGEST_EXPLANATION} characters."]
        for name, why in explanations.items()
        if not why.strip() or len(why) > LONGEST_EXPLANATION
    }
    if len(explanations) > MOST_EXPLANATIONS:
        errors["explanations"] = [f"Explain at most {MOST_EXPLANATIONS} items; match the others."]
    if errors:
        raise InvalidRequestError("The closing is not valid.", errors=errors)


def _claim(
    session: Session,
    caller: Caller,
    reference: str,
    month: Month,
    explanations: Mapping[str, str],
    *,
    now: dt.datetime,
) -> Claim | Answered[PeriodClosing]:
    claim = idempotency.claim(
        session,
        principal=caller.principal,
        operation=OPERATION,
        reference=reference,
        fingerprint=idempotency.fingerprint(
            {"month": str(month), "explanations": dict(explanations)}
        ),
        now=now,
    )
    if claim.replayed_id is not None:
        return Answered(session.get_one(PeriodClosing, claim.replayed_id), replayed=True)
    _require_open(session, month)
    return claim


def _close(
    engine: Engine, claim: Claim, question: Question, *, by: str, statement_timeout_s: int
) -> PeriodClosing:
    _seal(engine, question)
    checklist = read_checklist(
        engine, question, statement_timeout_s=statement_timeout_s, stops_early=True
    )
    _require_green(checklist)
    reach("period.checked")
    slow = checklist.items[-len(SLOW) :]
    return in_transaction(engine, lambda session: _write(session, claim, question, slow, by=by))


def _seal(engine: Engine, question: Question) -> None:
    """Seal the month's entries; where others are writing, wait a little for them to end."""
    for _ in range(_SEALINGS):
        ledger.seal(engine)
        with engine.connect() as connection:
            if unsealed(connection, question) == 0:
                return
        time.sleep(_PAUSE_S)


def _write(
    session: Session,
    claim: Claim,
    question: Question,
    slow: tuple[ChecklistItem, ...],
    *,
    by: str,
) -> PeriodClosing:
    """Close the books and write it down, while nobody posts or asks for entries by hand."""
    take_month_lock(session)
    _require_open(session, question.month)
    connection = session.connection()
    before = ledger.closed_through(connection)
    as_of = ledger.close_books(connection, question.month.end)
    # Nobody posts from here on: what is looked at now stays as it is. All others wait meanwhile.
    session.execute(_BRIEFLY)
    checklist = Checklist((*quick_items(connection, question, closed=before), *slow))
    _require_green(checklist)
    row = PeriodClosing(
        id=new_id("per", now=question.now),
        month=str(question.month),
        revision=_revision(session, question.month),
        state="closed",
        checklist=checklist.as_json(),
        explanations=dict(question.explanations),
        as_of=as_of,
        ledger_sequence=session.execute(_NEWEST_ENTRY).scalar_one(),
        sealed_to=session.execute(_NEWEST_SEAL).scalar_one(),
        closed_by=by,
        closed_at=question.now,
    )
    session.add(row)
    session.flush()
    outbox.stage(
        session,
        job=JOB,
        args={"closing_id": row.id},
        request_id=current_request_id(),
        now=question.now,
    )
    idempotency.finish(session, claim, resource_id=row.id, now=question.now)
    reach("period.closed")
    return row


def _revision(session: Session, month: Month) -> int:
    newest = select(PeriodClosing.revision).where(PeriodClosing.month == str(month))
    return (session.scalar(newest.order_by(PeriodClosing.revision.desc()).limit(1)) or 0) + 1


def _require_open(session: Session, month: Month) -> None:
    """Require that the month is open, or closed without a checklist, as the ledger itself can."""
    closed = ledger.closed_through(session.connection())
    is_passed = closed is not None and closed > month.end
    if is_passed or closing_in_force(session, month) is not None:
        raise ConflictError(f"{month} is closed already.", code="period_closed")


def _require_green(checklist: Checklist) -> None:
    if not checklist.is_green:
        raise ConflictError(
            "The month is not ready to be closed: " + ", ".join(checklist.errors) + ".",
            code="period_not_ready",
            errors=checklist.errors,
        )
