"""The worker: runs queued jobs one at a time. Run as `python -m jobs.worker [QUEUE …]`.

RQ's worker does the fetching; what is here makes it survive a Redis that goes away, and hands
time-outs and stops to jobs in a way they cannot overlook.
"""

import signal
import sys
import threading
import uuid
from collections.abc import Sequence
from types import FrameType
from typing import Any

import redis
from rq.exceptions import DeserializationError
from rq.job import Job
from rq.queue import Queue
from rq.serializers import JSONSerializer
from rq.timeouts import UnixSignalDeathPenalty
from rq.worker import SimpleWorker

from jobs import execution
from jobs.queues import FUNCTION, QUEUES
from jobs.redis_clients import connect_for_commands, connect_for_worker, redis_queue
from jobs.registry import import_jobs
from payments import crash_points
from payments.documents.renderer import choose_renderer
from payments.log_lines import configure_log_lines, get_logger
from payments.settings import read_settings
from payments.telemetry.measuring import begin_measuring
from payments.telemetry.tracing import begin_tracing

# What the relay never asks of RQ, by the names under which it lies in Redis.
_NEVER_ASKED = (
    "success_callback_name",
    "failure_callback_name",
    "stopped_callback_name",
    "webhooks",
    "dependency_ids",
    "retries_left",
    "repeats_left",
)

_log = get_logger(__name__)


class _TimeLimit(UnixSignalDeathPenalty):
    def handle_death_penalty(self, _signal_number: int, _frame: FrameType | None) -> None:
        raise execution.OutOfTimeError(f"stopped after {self._timeout} seconds")


class QueueWorker(SimpleWorker):
    """RQ's in-process worker, with short waits, no commands over Redis and no waste in it."""

    death_penalty_class = _TimeLimit
    max_connection_wait_time = 1.0
    log_result_lifespan = False

    def __init__(self, queues: Sequence[str], redis_url: str, *, stopping: threading.Event) -> None:
        client = connect_for_worker(redis_url)
        super().__init__(
            [redis_queue(name, client) for name in queues],
            connection=client,
            worker_ttl=20,  # it waits for work 15 s less than that, and 10 s more for an answer
            maintenance_interval=60,
            log_job_description=False,
            serializer=JSONSerializer,
        )
        self._redis_url = redis_url
        self._stopping = stopping

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """Stop when the job at hand is finished; at once when there is none."""
        self._stopping.set()
        super().request_stop(signum, frame)  # type: ignore[no-untyped-call] # RQ's

    def teardown(self) -> None:
        """Say goodbye, without waiting long for a Redis that is away: it forgets us anyway."""
        self.connection.close()
        with connect_for_commands(self._redis_url) as quick:
            self.connection = quick
            super().teardown()  # type: ignore[no-untyped-call] # RQ's

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Run what the relay queued, and throw away whatever else lies there.

        RQ would call any function that can be imported, when it ends too, and send any webhook.
        """
        if is_ours(job):
            super().execute_job(job, queue)
            return
        _log.error("job_not_ours", queue=queue.name, job_id=job.id)
        self.connection.lrem(queue.intermediate_queue_key, 1, job.id)
        self.connection.delete(job.key)

    def subscribe(self) -> None:
        """Take no commands over Redis: who can write there may not stop or kill a job."""


def is_ours(job: Job) -> bool:
    """Whether a job is what the relay makes: our one function, a row's number, a lease's token."""
    try:
        row_id, token = job.args
        uuid.UUID(token)
        only_runs = job.func_name == FUNCTION and job.instance is None and not job.kwargs
    except (DeserializationError, AttributeError, TypeError, ValueError):
        return False
    told = job.to_dict(include_meta=False)
    return only_runs and type(row_id) is int and not any(told.get(name) for name in _NEVER_ASKED)


def work(queues: Sequence[str], redis_url: str, *, stopping: threading.Event) -> None:
    """Run jobs until told to stop, through any number of Redis's absences."""
    while not stopping.is_set():
        _stop_by_signal(stopping)
        try:
            QueueWorker(queues, redis_url, stopping=stopping).work(logging_level="WARNING")
        except (redis.RedisError, OSError) as error:
            _log.warning("worker_lost_redis", error=type(error).__name__)
        if not stopping.is_set():
            _stop_by_signal(stopping)
            stopping.wait(0.5)


def _stop_by_signal(stopping: threading.Event) -> None:
    def stop(*_: Any) -> None:
        stopping.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)


def main() -> None:
    """Run a worker for the queues named on the command line (default: all) until SIGTERM."""
    queues = sys.argv[1:] or list(QUEUES)
    unknown = [name for name in queues if name not in QUEUES]
    if unknown:
        sys.exit(f"There is no queue {', '.join(unknown)}; the queues are {', '.join(QUEUES)}.")
    settings = read_settings()
    configure_log_lines(settings.log_level)
    crash_points.arm(settings.crash_at)
    begin_measuring(settings.telemetry.metrics_folder, role="worker")
    begin_tracing(settings.telemetry.traces_url, role="worker")
    stopping = threading.Event()
    execution.process_context()  # a wrong configuration shows now and not with the first job
    import_jobs()
    renderer = choose_renderer()
    _log.info("worker_started", queues=queues, renderer=renderer.name if renderer else None)
    work(queues, settings.redis_url, stopping=stopping)
    _log.info("worker_stopped")


if __name__ == "__main__":
    main()
