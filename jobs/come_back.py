"""Has a job run again after it made room for others: it goes on where it stopped."""

import datetime as dt
from collections.abc import Mapping

from jobs.context import JobContext
from payments.database import in_transaction
from payments.delivery import outbox
from payments.log_lines import current_request_id

AT_ONCE = dt.timedelta(0)


def come_back(
    context: JobContext,
    job: str,
    args: Mapping[str, str] | None = None,
    *,
    after: dt.timedelta = AT_ONCE,
) -> None:
    """Put a job in line once more, behind what is due by then; one that waits stands for all."""
    now, args = context.clock(), args or {}
    in_transaction(
        context.engine,
        lambda session: outbox.stage(
            session,
            job=job,
            args=args,
            coalesce_key=":".join([job, *args.values()]),
            due_at=now + after,
            request_id=current_request_id(),
            now=now,
        ),
    )
