"""The outbox: jobs written in the transaction that makes them necessary, leased by the relay.

PostgreSQL alone knows what is to be done; a queue only carries an id and a lease token. Whoever
holds the newest token may finish a row, so a worker that was thought dead can do no harm.
"""

import datetime as dt
import json
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, delete, func, literal_column, or_, select, text, update
from sqlalchemy.orm import Session

from payments.delivery.tables import OutboxRow
from payments.telemetry.tracing import traceparent

MAX_ATTEMPTS = 8
BACK_OFF_CAP_S = 300
ERROR_LENGTH = 2_000

# As literals: PostgreSQL cannot match a parameter of a prepared statement to a partial index.
_IS_WAITING = OutboxRow.state == literal_column("'waiting'")
_IS_LEASED = OutboxRow.state == literal_column("'leased'")
IS_OPEN = or_(_IS_WAITING, _IS_LEASED)
_NOT_LEASED = {"lease_until": None, "lease_token": None}

_STAGE = text("""
    INSERT INTO strongroom.outbox
           (job, args, coalesce_key, due_at, request_id, traceparent, created_at)
    VALUES (:job, CAST(:args AS jsonb), :coalesce_key, :due_at, :request_id, :traceparent, :now)
        ON CONFLICT (coalesce_key) WHERE state = 'waiting' DO NOTHING
    RETURNING id
""")
_BRING_FORWARD = text("""
    UPDATE strongroom.outbox SET due_at = :due_at
     WHERE coalesce_key = :coalesce_key AND state = 'waiting' AND due_at > :due_at
""")
_HAS_DUE = text("""
    SELECT EXISTS (SELECT FROM strongroom.outbox WHERE state = 'waiting' AND due_at <= :now)
        OR EXISTS (SELECT FROM strongroom.outbox WHERE state = 'leased' AND lease_until <= :now)
""")


@dataclass(frozen=True, kw_only=True)
class Leased:
    """A row of the outbox that the holder of `lease_token` may run."""

    id: int
    job: str
    args: dict[str, Any]
    lease_token: uuid.UUID
    request_id: str | None
    traceparent: str | None


def stage(
    session: Session,
    *,
    job: str,
    now: dt.datetime,
    args: Mapping[str, Any] | None = None,
    coalesce_key: str | None = None,
    due_at: dt.datetime | None = None,
    request_id: str | None = None,
) -> int | None:
    """Add a job to the outbox, to run at `due_at` (default: now), and return its id.

    With a `coalesce_key`, one waiting row stands for all: returns None when there is one, after
    bringing it forward if it would run later than `due_at`. The waiting row may be leased before
    the caller's transaction commits, so what is coalesced must also be found by a sweep.
    """
    due_at = due_at or now
    row_id = session.execute(
        _STAGE,
        {
            "job": job,
            "args": json.dumps(dict(args or {})),
            "coalesce_key": coalesce_key,
            "due_at": due_at,
            "request_id": request_id,
            "traceparent": traceparent(),
            "now": now,
        },
    ).scalar()
    if row_id is None:
        session.execute(_BRING_FORWARD, {"coalesce_key": coalesce_key, "due_at": due_at})
    return row_id


def has_due(session: Session, *, now: dt.datetime) -> bool:
    """Whether `lease_due` would find anything: asked often, since mostly there is nothing."""
    return bool(session.execute(_HAS_DUE, {"now": now}).scalar_one())


def lease_due(
    session: Session,
    *,
    limit: int,
    lease_s: float,
    now: dt.datetime,
    jobs: Collection[str] | None = None,
) -> list[Leased]:
    """Lease up to `limit` rows for `lease_s` seconds: those due, and those whose lease ran out.

    Each gets a new token, which makes the old holder's worthless. `jobs` narrows it to jobs of
    these names. Rows that killed their worker too often are not leased but declared dead.
    """
    _bury(session, now=now)
    mine = OutboxRow.job.in_(jobs) if jobs is not None else OutboxRow.id.is_not(None)
    ran_out = and_(_IS_LEASED, OutboxRow.lease_until <= now, mine)
    due = and_(_IS_WAITING, OutboxRow.due_at <= now, mine)
    ids: list[int] = []
    for condition, order in ((ran_out, OutboxRow.lease_until), (due, OutboxRow.due_at)):
        ids += session.scalars(
            select(OutboxRow.id)
            .where(condition)
            .order_by(order, OutboxRow.id)
            .limit(limit - len(ids))
            .with_for_update(skip_locked=True)
        )
    if not ids:
        return []
    rows = session.execute(
        update(OutboxRow)
        .where(OutboxRow.id.in_(ids))
        .values(
            state="leased",
            lease_until=now + dt.timedelta(seconds=lease_s),
            lease_token=func.gen_random_uuid(),
        )
        .returning(*_LEASED)
    )
    leased = {row.id: row for row in (Leased(**row) for row in rows.mappings())}
    return [leased[row_id] for row_id in ids]


def begin(
    session: Session,
    *,
    row_id: int,
    lease_token: uuid.UUID,
    lease_s: float,
    now: dt.datetime,
) -> Leased | None:
    """Count an attempt and hold the row for `lease_s` seconds; None: it is not ours any more."""
    held = select(OutboxRow).where(*_held(row_id, lease_token)).with_for_update()
    row = session.scalars(held).one_or_none()
    if row is None:
        return None
    row.attempts += 1
    row.lease_until = now + dt.timedelta(seconds=lease_s)
    session.flush()
    return Leased(
        id=row.id,
        job=row.job,
        args=row.args,
        lease_token=lease_token,
        request_id=row.request_id,
        traceparent=row.traceparent,
    )


def renew(
    session: Session, *, row_id: int, lease_token: uuid.UUID, lease_s: float, now: dt.datetime
) -> bool:
    """Hold a row for `lease_s` seconds from now; False when someone else holds it by now."""
    found = session.execute(
        update(OutboxRow)
        .where(*_held(row_id, lease_token))
        .values(lease_until=now + dt.timedelta(seconds=lease_s))
        .returning(OutboxRow.id)
    )
    return found.scalar() is not None


def finish(session: Session, *, row_id: int, lease_token: uuid.UUID, now: dt.datetime) -> bool:
    """Mark the row done; False, and nothing changes, when someone else holds it by now."""
    found = session.execute(
        update(OutboxRow)
        .where(*_held(row_id, lease_token))
        .values(state="done", finished_at=now, error=None, **_NOT_LEASED)
        .returning(OutboxRow.id)
    )
    return found.scalar() is not None


def fail(
    session: Session, *, row_id: int, lease_token: uuid.UUID, error: str, now: dt.datetime
) -> bool:
    """Put the row back for a later attempt, or declare it dead after the last one.

    `error` must hold nothing secret. Returns False, and nothing changes, when someone else holds
    the row by now. A row that waits for a retry stands for nobody else any more: it gives up its
    coalesce key, so new work of that kind is not held up by the back-off.
    """
    attempts = session.scalar(
        select(OutboxRow.attempts).where(*_held(row_id, lease_token)).with_for_update()
    )
    if attempts is None:
        return False
    values: dict[str, Any] = {"error": error[:ERROR_LENGTH], **_NOT_LEASED}
    if attempts >= MAX_ATTEMPTS:
        values |= {"state": "dead", "finished_at": now}
    else:
        values |= {"state": "waiting", "coalesce_key": None, "due_at": now + back_off(attempts)}
    session.execute(update(OutboxRow).where(OutboxRow.id == row_id).values(**values))
    return True


def back_off(attempts: int) -> dt.timedelta:
    """Return how long to wait after so many failed attempts: 1 s, doubled each time, to a cap."""
    return dt.timedelta(seconds=min(2 ** max(attempts - 1, 0), BACK_OFF_CAP_S))


def prune(session: Session, *, done_before: dt.datetime, limit: int) -> int:
    """Delete up to `limit` rows that were done before a moment; dead ones stay for people."""
    old = (
        select(OutboxRow.id)
        .where(OutboxRow.state == "done", OutboxRow.finished_at < done_before)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    deleted = session.scalars(
        delete(OutboxRow).where(OutboxRow.id.in_(old)).returning(OutboxRow.id)
    )
    return len(deleted.all())


_LEASED = (
    OutboxRow.id,
    OutboxRow.job,
    OutboxRow.args,
    OutboxRow.lease_token,
    OutboxRow.request_id,
    OutboxRow.traceparent,
)


def _held(row_id: int, lease_token: uuid.UUID) -> tuple[Any, ...]:
    return (
        OutboxRow.id == row_id,
        _IS_LEASED,
        OutboxRow.lease_token == lease_token,
    )


def _bury(session: Session, *, now: dt.datetime) -> None:
    session.execute(
        update(OutboxRow)
        .where(
            _IS_LEASED,
            OutboxRow.lease_until <= now,
            OutboxRow.attempts >= MAX_ATTEMPTS,
        )
        .values(
            state="dead",
            finished_at=now,
            error="The worker stopped or ran out of time in every attempt.",
            **_NOT_LEASED,
        )
    )
