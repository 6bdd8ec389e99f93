"""Job: remind of secrets that are soon too old, and raise an alert for those that are."""

from collections.abc import Mapping
from typing import Any

from jobs.context import JobContext
from payments.access.due_secrets import due_secrets, forget_ended_values
from payments.database import in_transaction
from payments.log_lines import get_logger

_log = get_logger(__name__)


def check_secrets(context: JobContext, _args: Mapping[str, Any]) -> dict[str, int]:
    """Log each secret and API key that is due, and forget the values of versions long ended."""
    now = context.clock()
    due = in_transaction(
        context.engine,
        lambda session: due_secrets(session, max_age_d=context.settings.secret_max_age_d, now=now),
    )
    for one in due:
        line = _log.bind(kind=one.kind, id=one.id, due_at=one.due_at.isoformat())
        if one.overdue:
            line.error("secret_overdue")
        else:
            line.warning("secret_due_soon")
    forgotten = in_transaction(
        context.engine, lambda session: forget_ended_values(session, now=now)
    )
    overdue = sum(one.overdue for one in due)
    return {"overdue": overdue, "due_soon": len(due) - overdue, "forgotten": forgotten}
