"""A reconciliation run is asked for, and read while it goes on; a job makes it."""

import datetime as dt
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import idempotency
from payments.access.caller import Caller
from payments.delivery import outbox
from payments.errors import InvalidRequestError, NotFoundError
from payments.idempotency import Answered
from payments.identifiers import new_id
from payments.lifecycle.view import rfc_3339
from payments.pages import Page, page_of
from payments.reconciliation.tables import ReconciliationRun
from payments.reconciliation.wake_up import JOB

OPERATION = "reconciliation.run"
DATE_WINDOW_DAYS = 7
WIDEST_WINDOW_DAYS = 365
BY_SCHEDULE = "schedule"


def request_run(
    session: Session,
    *,
    caller: Caller,
    reference: str,
    date_window_days: int = DATE_WINDOW_DAYS,
    now: dt.datetime,
    request_id: str | None,
) -> Answered[ReconciliationRun]:
    """Write a run down, once per reference; a job makes it, one run at a time.

    `date_window_days`: how far apart the dates of a line and of what it is may be, where no
    reference ties the two.

    Raises:
        InvalidRequestError: the window is not from 0 to 365 days.
        InProgressError, ReferenceReusedError.
    """
    if not 0 <= date_window_days <= WIDEST_WINDOW_DAYS:
        fault = f"Use 0 to {WIDEST_WINDOW_DAYS} days."
        raise InvalidRequestError("The run is not valid.", errors={"date_window_days": [fault]})
    claim = idempotency.claim(
        session,
        principal=caller.principal,
        operation=OPERATION,
        reference=reference,
        fingerprint=idempotency.fingerprint({"date_window_days": date_window_days}),
        now=now,
    )
    if claim.replayed_id is not None:
        return Answered(session.get_one(ReconciliationRun, claim.replayed_id), replayed=True)
    run = add_run(
        session, requested_by=caller.principal, date_window_days=date_window_days, now=now
    )
    outbox.stage(session, job=JOB, args={"run_id": run.id}, request_id=request_id, now=now)
    idempotency.finish(session, claim, resource_id=run.id, now=now)
    return Answered(run, replayed=False)


def add_run(
    session: Session,
    *,
    requested_by: str,
    date_window_days: int = DATE_WINDOW_DAYS,
    now: dt.datetime,
) -> ReconciliationRun:
    """Write a run down that waits to be made."""
    run = ReconciliationRun(
        id=new_id("run", now=now),
        status="waiting",
        date_window_days=date_window_days,
        steps_done=0,
        steps_total=0,
        figures={},
        requested_by=requested_by,
        created_at=now,
    )
    session.add(run)
    session.flush()
    return run


def read_run(session: Session, run_id: str) -> ReconciliationRun:
    """Return a run as far as it has come.

    Raises:
        NotFoundError: there is none of this id.
    """
    run = session.get(ReconciliationRun, run_id)
    if run is None:
        raise NotFoundError("There is no such run.")
    return run


def list_runs(session: Session, *, limit: int, after: str | None = None) -> Page[ReconciliationRun]:
    """Return up to `limit` runs, newest first, from after the one that `after` names."""
    query = select(ReconciliationRun)
    if after is not None:
        query = query.where(ReconciliationRun.id < after)
    rows = session.scalars(query.order_by(ReconciliationRun.id.desc()).limit(limit + 1)).all()
    return page_of(rows, limit=limit)


def run_as_event(run: ReconciliationRun) -> dict[str, Any]:
    """Return the run as the API writes it."""
    return {
        "id": run.id,
        "status": run.status,
        "phase": run.phase,
        "steps_done": run.steps_done,
        "steps_total": run.steps_total,
        "date_window_days": run.date_window_days,
        "figures": run.figures,
        "error": run.error,
        "requested_by": run.requested_by,
        "created_at": rfc_3339(run.created_at),
        "started_at": None if run.started_at is None else rfc_3339(run.started_at),
        "finished_at": None if run.finished_at is None else rfc_3339(run.finished_at),
    }
