"""Every job by the name it has in the outbox, with the queue it runs in."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from jobs.ask_provider import ask_provider
from jobs.audit_ledger import audit_ledger
from jobs.check_secrets import check_secrets
from jobs.compare_stripe_balance import compare_stripe_balance
from jobs.context import JobContext
from jobs.drain_webhooks import drain_webhooks
from jobs.encrypt_anew import encrypt_anew
from jobs.evaluate_alerts import evaluate_alerts
from jobs.expire_holds import expire_holds
from jobs.fetch_missed_events import fetch_missed_events
from jobs.issue_credit_note import issue_credit_note
from jobs.issue_invoice import issue_invoice
from jobs.keep_period_reports import keep_period_reports
from jobs.make_export import make_export
from jobs.pay_sellers import pay_sellers
from jobs.poll_payments import poll_payments
from jobs.prune_records import prune_records
from jobs.queues import ALERTS, CHAINS, NOTICES, ROUTINE, URGENT, Queue
from jobs.reconcile import reconcile
from jobs.reconcile_restore import LONGEST_S as LOOK_S
from jobs.reconcile_restore import reconcile_restore
from jobs.refund_duplicate import refund_duplicate
from jobs.render_invoice import render_invoice
from jobs.render_invoices import render_invoices
from jobs.replay_webhooks import replay_webhooks
from jobs.resolve_calls import resolve_calls
from jobs.resolve_refunds import resolve_refunds
from jobs.reverse_manual_entries import reverse_manual_entries
from jobs.roll_ledger import roll_ledger
from jobs.seal_audit import seal_audit
from jobs.seal_ledger import seal_ledger
from jobs.send_alert import send_alert
from jobs.send_notices import send_notices
from jobs.send_transactions import send_transactions
from jobs.settle_available import settle_available
from jobs.sync_stripe_balance import sync_stripe_balance
from jobs.watch_chains import watch_chains
from payments.alerts import tell as alerts_tell
from payments.at_rest import request_rotation
from payments.chain import wake_up as chain_wake_up
from payments.exports import request_export
from payments.invoices.issue_invoice import RENDER_ALL
from payments.invoices.want_document import RENDER_ONE
from payments.lifecycle import write_changes
from payments.notices import wake_up as notices_wake_up
from payments.payouts import wake_up as payouts_wake_up
from payments.pending import request_ask
from payments.periods import wake_up as periods_wake_up
from payments.reconciliation import wake_up as reconciliation_wake_up
from payments.restores import request_look
from payments.webhooks import request_replay, wake_up


@dataclass(frozen=True)
class Job:
    """What runs under a name: `run` gets the row's arguments and returns figures for the log.

    It must be safe to run twice, at once or one after the other: a queue promises no less.
    """

    run: Callable[[JobContext, Mapping[str, Any]], Mapping[str, int]]
    queue: Queue
    longest_s: int | None = None
    """After so long it is stopped; None: as its queue says."""

    @property
    def timeout_s(self) -> int:
        """How long it may take, in seconds."""
        return self.queue.timeout_s if self.longest_s is None else self.longest_s


JOBS = {
    wake_up.JOB: Job(drain_webhooks, URGENT),
    chain_wake_up.JOB: Job(send_transactions, CHAINS),
    "watch_chains": Job(watch_chains, CHAINS),
    "expire_holds": Job(expire_holds, URGENT),
    "roll_ledger": Job(roll_ledger, URGENT),
    request_replay.JOB: Job(replay_webhooks, ROUTINE),
    "fetch_missed_events": Job(fetch_missed_events, ROUTINE),
    "sync_stripe_balance": Job(sync_stripe_balance, ROUTINE),
    "settle_available": Job(settle_available, ROUTINE),
    write_changes.REFUND_DUPLICATE: Job(refund_duplicate, ROUTINE),
    write_changes.ISSUE_INVOICE: Job(issue_invoice, ROUTINE),
    write_changes.ISSUE_CREDIT_NOTE: Job(issue_credit_note, ROUTINE),
    RENDER_ONE: Job(render_invoice, ROUTINE),
    RENDER_ALL: Job(render_invoices, ROUTINE),
    request_ask.JOB: Job(ask_provider, ROUTINE),
    request_look.JOB: Job(reconcile_restore, ROUTINE, longest_s=LOOK_S),
    "resolve_calls": Job(resolve_calls, ROUTINE),
    "poll_payments": Job(poll_payments, ROUTINE),
    "resolve_refunds": Job(resolve_refunds, ROUTINE),
    payouts_wake_up.JOB: Job(pay_sellers, ROUTINE),
    "compare_stripe_balance": Job(compare_stripe_balance, ROUTINE),
    reconciliation_wake_up.JOB: Job(reconcile, ROUTINE),
    request_export.JOB: Job(make_export, ROUTINE),
    periods_wake_up.JOB: Job(keep_period_reports, ROUTINE),
    "reverse_manual_entries": Job(reverse_manual_entries, ROUTINE),
    "seal_ledger": Job(seal_ledger, ROUTINE),
    "seal_audit": Job(seal_audit, ROUTINE),
    "audit_ledger": Job(audit_ledger, ROUTINE),
    notices_wake_up.JOB: Job(send_notices, NOTICES),
    request_rotation.JOB: Job(encrypt_anew, ROUTINE),
    "check_secrets": Job(check_secrets, ROUTINE),
    "prune_records": Job(prune_records, ROUTINE),
    "evaluate_alerts": Job(evaluate_alerts, ALERTS),
    alerts_tell.JOB: Job(send_alert, ALERTS),
}


WHILE_STILL = frozenset(
    {
        wake_up.JOB,
        "watch_chains",
        "roll_ledger",
        request_replay.JOB,
        request_look.JOB,
        "fetch_missed_events",
        "sync_stripe_balance",
        "compare_stripe_balance",
        "seal_ledger",
        "seal_audit",
        "audit_ledger",
        "check_secrets",
        "evaluate_alerts",
        alerts_tell.JOB,
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
