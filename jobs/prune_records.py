"""Job: delete what only served its day, and personal data that was kept long enough."""

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy.orm import Session

from jobs.context import JobContext
from payments.access.sessions import forget_ended_sessions
from payments.at_rest.retention import RETENTION, Retention, forget_old
from payments.database import transaction
from payments.delivery import live_events, outbox
from payments.exports.prune_exports import expire_exports
from payments.notices.prune import KEPT as NOTICES_KEPT
from payments.notices.prune import prune_notices

DONE_JOBS_KEPT = dt.timedelta(days=2)
LIVE_EVENTS_KEPT = dt.timedelta(days=7)
"""How far back a browser that was away can be caught up."""

BATCH = 5_000
FORGOTTEN_AT_ONCE = 500
EXPORTS_AT_ONCE = 5  # their bytes are deleted with them
_BATCHES = 100  # a limit on one run; the rest goes next time


def prune_records(context: JobContext, _args: Mapping[str, Any]) -> dict[str, int]:
    """Delete old records in short transactions and return how many of each."""
    now = context.clock()
    with transaction(context.engine) as session:
        sessions = forget_ended_sessions(session, now=now)
    return {
        "sessions": sessions,
        "exports": _in_batches(
            context,
            lambda session: expire_exports(session, now=now, limit=EXPORTS_AT_ONCE),
            batch=EXPORTS_AT_ONCE,
        ),
        "jobs": _in_batches(
            context,
            lambda session: outbox.prune(session, done_before=now - DONE_JOBS_KEPT, limit=BATCH),
        ),
        "live_events": _in_batches(
            context,
            lambda session: live_events.prune(
                session, created_before=now - LIVE_EVENTS_KEPT, limit=BATCH
            ),
        ),
        "notices": _in_batches(
            context,
            lambda session: prune_notices(session, created_before=now - NOTICES_KEPT, limit=BATCH),
        ),
        **{kept.what: _forget(context, kept) for kept in RETENTION},
    }


def _forget(context: JobContext, kept: Retention) -> int:
    """Delete the personal data of a kind that was kept long enough."""
    now = context.clock()
    return _in_batches(
        context,
        lambda session: forget_old(
            session, kept, settings=context.settings, now=now, limit=FORGOTTEN_AT_ONCE
        ),
        batch=FORGOTTEN_AT_ONCE,
    )


def _in_batches(context: JobContext, prune: Callable[[Session], int], *, batch: int = BATCH) -> int:
    total = 0
    for _ in range(_BATCHES):
        with transaction(context.engine) as session:
            deleted = prune(session)
        total += deleted
        if deleted < batch:
            break
    return total
