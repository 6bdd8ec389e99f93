"""Who counts rows by queue knows the same queues and jobs as who runs them."""

from jobs.queues import QUEUES
from jobs.registry import JOBS
from payments.overview.job_queues import QUEUE_NAMES, queue_of


def test_every_job_is_counted_in_the_queue_it_runs_in() -> None:
    assert tuple(QUEUES) == QUEUE_NAMES
    assert {name: queue_of(name) for name in JOBS} == {
        name: job.queue.name for name, job in JOBS.items()
    }
