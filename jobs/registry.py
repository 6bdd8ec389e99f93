"""Every job by the name it has in the outbox, with the queue it runs in.

A job is a function in a file, and both have its name. They are imported when one is to run, so
that the relay, which runs none, starts without all that they need.
"""

import functools
import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jobs.queues import ALERTS, CHAINS, NOTICES, ROUTINE, URGENT, Queue

if TYPE_CHECKING:
    from jobs.context import JobContext

    Run = Callable[[JobContext, Mapping[str, Any]], Mapping[str, int]]


@dataclass(frozen=True)
class Job:
    """What runs under a name, and in which queue."""

    name: str
    queue: Queue
    longest_s: int | None = None
    """After so long it is stopped; None: as its queue says."""

    @property
    def timeout_s(self) -> int:
        """How long it may take, in seconds."""
        return self.queue.timeout_s if self.longest_s is None else self.longest_s

    @property
    def run(self) -> "Run":
        """Its function: it gets the row's arguments and returns figures for the log.

        It must be safe to run twice, at once or one after the other: a queue promises no less.
        """
        import_jobs()
        run: Run = getattr(importlib.import_module(f"jobs.{self.name}"), self.name)
        return run


_ALL = (
    Job("drain_webhooks", URGENT),
    Job("send_transactions", CHAINS),
    Job("watch_chains", CHAINS),
    Job("expire_holds", URGENT),
    Job("roll_ledger", URGENT),
    Job("replay_webhooks", ROUTINE),
    Job("fetch_missed_events", ROUTINE),
    Job("sync_stripe_balance", ROUTINE),
    Job("settle_available", ROUTINE),
    Job("refund_duplicate", ROUTINE),
    Job("issue_invoice", ROUTINE),
    Job("issue_credit_note", ROUTINE),
    Job("render_invoice", ROUTINE),
    Job("render_invoices", ROUTINE),
    Job("ask_provider", ROUTINE),
    # It goes through all of 90 days at every provider: longer than other jobs may take.
    Job("reconcile_restore", ROUTINE, longest_s=3600),
    Job("resolve_calls", ROUTINE),
    Job("poll_payments", ROUTINE),
    Job("resolve_refunds", ROUTINE),
    Job("pay_sellers", ROUTINE),
    Job("compare_stripe_balance", ROUTINE),
    Job("reconcile", ROUTINE),
    Job("make_export", ROUTINE),
    Job("keep_period_reports", ROUTINE),
    Job("reverse_manual_entries", ROUTINE),
    Job("seal_ledger", ROUTINE),
    Job("seal_audit", ROUTINE),
    Job("audit_ledger", ROUTINE),
    Job("encrypt_anew", ROUTINE),
    Job("check_secrets", ROUTINE),
    Job("prune_records", ROUTINE),
    Job("send_notices", NOTICES),
    Job("evaluate_alerts", ALERTS),
    Job("send_alert", ALERTS),
)

JOBS = {job.name: job for job in _ALL}

WHILE_STILL = frozenset(
    {
        "drain_webhooks",
        "watch_chains",
        "roll_ledger",
        "replay_webhooks",
        "reconcile_restore",
        "fetch_missed_events",
        "sync_stripe_balance",
        "compare_stripe_balance",
        "seal_ledger",
        "seal_audit",
        "audit_ledger",
        "check_secrets",
        "evaluate_alerts",
        "send_alert",
    }
)
"""What goes on while the database stands still after a restore: it listens, and tells nobody but
those on call. The others wait: what they would send, issue or give out may have been before."""


class UnknownJobError(Exception):
    """No job of this version has this name."""


def find_job(name: str) -> Job:
    """Return the job of a name.

    Raises:
        UnknownJobError: there is none.
    """
    if name not in JOBS:
        raise UnknownJobError(f"no job is called {name}")
    return JOBS[name]


def jobs_of(queue: Queue, *, is_still: bool = False) -> list[str]:
    """Return the names of the jobs that run in a queue.

    `is_still`: of those, the ones that go on while the database stands still after a restore.
    """
    names = [name for name, job in JOBS.items() if job.queue is queue]
    return [name for name in names if name in WHILE_STILL] if is_still else names


@functools.cache
def import_jobs() -> None:
    """Import all jobs, once: then none has to wait for it, and none lacks a table.

    As it writes a row, SQLAlchemy asks for every table that the row's foreign keys lead to, and
    what one job writes may lead to a table that only another one imports.
    """
    for name in JOBS:
        importlib.import_module(f"jobs.{name}")
