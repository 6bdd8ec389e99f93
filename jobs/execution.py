"""Runs one row of the outbox: the only function that RQ ever calls.

RQ may call it twice, late, or for a row that somebody else has finished meanwhile; the lease
token decides.
"""

import datetime as dt
import functools
import uuid

from jobs.context import JobContext, connect_context
from jobs.heartbeat import renewed
from jobs.queues import LEASE_S
from jobs.registry import find_job
from payments.database import in_transaction
from payments.delivery import doorbell, outbox
from payments.delivery.outbox import Leased
from payments.log_lines import bind_request_id, get_logger, lines_about
from payments.privacy.redaction import redact
from payments.settings import read_settings
from payments.telemetry.measuring import count, took
from payments.telemetry.meters import JOB_SECONDS, JOBS
from payments.telemetry.tracing import span, tell_span

_log = get_logger(__name__)


class OutOfTimeError(BaseException):
    """The job ran into its queue's time-out.

    Not an `Exception`, so that no code in a job takes it for a fault it can work around.
    """


@functools.cache
def process_context() -> JobContext:
    """Return this process's context, made from its environment when first needed."""
    return connect_context(read_settings())


def run(outbox_id: int, lease_token: str) -> None:
    """Run a row; called by RQ with what the relay put into the queue."""
    run_leased(process_context(), row_id=outbox_id, lease_token=uuid.UUID(lease_token))


def run_leased(context: JobContext, *, row_id: int, lease_token: uuid.UUID) -> None:
    """Run a row of the outbox if the token is still the newest, and write down how it went."""
    row = in_transaction(
        context.engine,
        lambda session: outbox.begin(
            session,
            row_id=row_id,
            lease_token=lease_token,
            lease_s=LEASE_S,
            now=context.clock(),
        ),
    )
    if row is None:
        return  # finished, or leased anew since this was queued
    ids = {name: str(value) for name, value in row.args.items() if name.endswith("_id")}
    with (
        bind_request_id(row.request_id),
        lines_about(job=row.job, **ids),
        span(
            f"job {row.job}", kind="CONSUMER", parent=row.traceparent, **{"strongroom.job": row.job}
        ),
    ):
        _run_and_record(context, row)
    doorbell.ring(context.bell)


def _run_and_record(context: JobContext, row: Leased) -> None:
    started = context.clock()
    line = _log.bind(job=row.job, outbox_id=row.id)
    try:
        job = find_job(row.job)
        with renewed(context, row, longest_s=job.timeout_s):
            figures = job.run(context, row.args)
    except (Exception, OutOfTimeError) as error:  # noqa: BLE001 - whatever it was, it is written down
        line.exception("job_failed")
        _measure(row, "failed", started, context)
        _fail(context, row, error)
        return
    line = line.bind(took_ms=_milliseconds_since(started, context), **figures)
    if not _finish(context, row):
        _measure(row, "late", started, context)
        line.warning("job_done_after_its_lease")
    elif any(figures.values()):
        _measure(row, "done", started, context)
        line.info("job_done")
    else:
        _measure(row, "idle", started, context)
        line.debug("job_found_nothing_to_do")


def _measure(row: Leased, outcome: str, started: dt.datetime, context: JobContext) -> None:
    count(JOBS, row.job, outcome)
    tell_span(failed=outcome == "failed", **{"strongroom.outcome": outcome})
    took(JOB_SECONDS, (context.clock() - started).total_seconds(), row.job)


def _milliseconds_since(started: dt.datetime, context: JobContext) -> float:
    return round((context.clock() - started).total_seconds() * 1000, 1)


def _finish(context: JobContext, row: Leased) -> bool:
    return in_transaction(
        context.engine,
        lambda session: outbox.finish(
            session, row_id=row.id, lease_token=row.lease_token, now=context.clock()
        ),
    )


def _fail(context: JobContext, row: Leased, error: BaseException) -> None:
    text = str(redact(f"{type(error).__name__}: {error}"))
    in_transaction(
        context.engine,
        lambda session: outbox.fail(
            session, row_id=row.id, lease_token=row.lease_token, error=text, now=context.clock()
        ),
    )
