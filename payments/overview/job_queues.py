"""Which queue a job runs in, for who counts rows of the outbox without knowing the jobs.

`jobs.registry` decides; tests/jobs/test_queue_names.py keeps this the same.
"""

QUEUE_NAMES = ("urgent", "alerts", "chains", "routine", "notices")

_ELSEWHERE = {
    "drain_webhooks": "urgent",
    "evaluate_alerts": "alerts",
    "send_alert": "alerts",
    "expire_holds": "urgent",
    "roll_ledger": "urgent",
    "send_transactions": "chains",
    "watch_chains": "chains",
    "send_notices": "notices",
}


def queue_of(job: str) -> str:
    """Return the queue of a job: most are routine."""
    return _ELSEWHERE.get(job, "routine")
