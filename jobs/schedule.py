"""The periodic jobs as data, and the one place that puts them into the outbox."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import DateTime, Text, column, or_, select, table
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from payments.delivery import outbox

CLOCKS_DIFFER = dt.timedelta(minutes=1)
"""A turn further off than its time and this was set by a clock that was wrong, and is taken."""

_next_runs = table(
    "periodic_jobs",
    column("job", Text),
    column("next_at", DateTime(timezone=True)),
    schema="strongroom",
)


@dataclass(frozen=True)
class Periodic:
    """A job that runs every so often, without arguments."""

    job: str
    every: dt.timedelta


SCHEDULE = (
    Periodic("send_transactions", dt.timedelta(seconds=2)),
    Periodic("watch_chains", dt.timedelta(seconds=2)),
    Periodic("roll_ledger", dt.timedelta(seconds=5)),
    Periodic("evaluate_alerts", dt.timedelta(seconds=30)),
    Periodic("expire_holds", dt.timedelta(seconds=30)),
    Periodic("settle_available", dt.timedelta(seconds=30)),
    Periodic("sync_stripe_balance", dt.timedelta(minutes=1)),
    Periodic("resolve_calls", dt.timedelta(seconds=10)),
    Periodic("poll_payments", dt.timedelta(seconds=15)),
    Periodic("resolve_refunds", dt.timedelta(seconds=15)),
    Periodic("pay_sellers", dt.timedelta(seconds=15)),
    Periodic("send_notices", dt.timedelta(seconds=5)),
    Periodic("seal_ledger", dt.timedelta(minutes=1)),
    Periodic("seal_audit", dt.timedelta(minutes=1)),
    Periodic("issue_invoice", dt.timedelta(minutes=1)),
    Periodic("issue_credit_note", dt.timedelta(minutes=1)),
    Periodic("render_invoices", dt.timedelta(minutes=1)),
    Periodic("fetch_missed_events", dt.timedelta(minutes=10)),
    Periodic("compare_stripe_balance", dt.timedelta(hours=1)),
    Periodic("reconcile", dt.timedelta(hours=1)),
    Periodic("reverse_manual_entries", dt.timedelta(minutes=10)),
    Periodic("keep_period_reports", dt.timedelta(hours=1)),
    Periodic("audit_ledger", dt.timedelta(hours=1)),
    Periodic("encrypt_anew", dt.timedelta(days=1)),
    Periodic("prune_records", dt.timedelta(hours=1)),
    Periodic("check_secrets", dt.timedelta(days=1)),
)


def stage_periodic(
    session: Session, *, now: dt.datetime, schedule: Sequence[Periodic] = SCHEDULE
) -> list[str]:
    """Stage the jobs whose time has come and return their names.

    Several relays may do this at once: each time of a job is taken by one of them. A job that
    still waits from last time is not added again.
    """
    next_at = {row.job: row.next_at for row in session.execute(select(_next_runs))}
    staged = []
    for periodic in schedule:
        waits = now < next_at.get(periodic.job, now) <= _latest(periodic, now)
        if not waits and _take_turn(session, periodic, now=now):
            outbox.stage(session, job=periodic.job, coalesce_key=periodic.job, now=now)
            staged.append(periodic.job)
    return staged


def _take_turn(session: Session, periodic: Periodic, *, now: dt.datetime) -> bool:
    taken = session.execute(
        insert(_next_runs)
        .values(job=periodic.job, next_at=now + periodic.every)
        .on_conflict_do_update(
            index_elements=["job"],
            set_={"next_at": now + periodic.every},
            where=or_(_next_runs.c.next_at <= now, _next_runs.c.next_at > _latest(periodic, now)),
        )
        .returning(_next_runs.c.job)
    )
    return taken.scalar() is not None


def _latest(periodic: Periodic, now: dt.datetime) -> dt.datetime:
    return now + periodic.every + CLOCKS_DIFFER
