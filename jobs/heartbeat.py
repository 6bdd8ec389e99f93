"""Keeps a job's lease while its worker lives: a dead worker's job runs again within half a minute.

Without it a lease would have to be as long as the longest job.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import SQLAlchemyError

from jobs.context import JobContext
from jobs.queues import LEASE_S, RENEW_S
from payments.database import in_transaction
from payments.delivery import outbox
from payments.delivery.outbox import Leased
from payments.log_lines import get_logger

_JOIN_S = 1

_log = get_logger(__name__)


@contextmanager
def renewed(context: JobContext, row: Leased, *, longest_s: float) -> Iterator[None]:
    """Renew the lease of `row` in a thread until the block ends, or for `longest_s` at most.

    A job that is still running by then hangs in a way that its time-out could not end; somebody
    else may try it, and the token keeps the two apart.
    """
    ended = threading.Event()
    beating = threading.Thread(
        target=_beat, args=(context, row, ended, int(longest_s // RENEW_S)), daemon=True
    )
    beating.start()
    try:
        yield
    finally:
        ended.set()
        beating.join(_JOIN_S)


def _beat(context: JobContext, row: Leased, ended: threading.Event, beats: int) -> None:
    for _ in range(beats):
        if ended.wait(RENEW_S):
            return
        try:
            held = in_transaction(
                context.engine,
                lambda session: outbox.renew(
                    session,
                    row_id=row.id,
                    lease_token=row.lease_token,
                    lease_s=LEASE_S,
                    now=context.clock(),
                ),
            )
        except SQLAlchemyError as error:
            _log.warning("lease_not_renewed", job=row.job, error=type(error).__name__)
            continue
        if not held:
            _log.warning("lease_lost", job=row.job, outbox_id=row.id)
            return
