"""Issues what is due: noted with the payment or refund itself, and tried until it is issued.

What is claimed is due again later, and later each time, until it is known to be issued: so what
cannot be issued, or killed its worker, keeps nothing else waiting.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from payments.database import in_transaction
from payments.delivery import outbox
from payments.log_lines import get_logger

AT_ONCE = 50
"""How many orders are claimed at a time: so many wait when a worker dies."""

LONGEST = 10
"""How often one run claims: then it stands in line again, behind the jobs that move money."""

LONGEST_FOR = dt.timedelta(seconds=2)
"""How long one run goes on claiming: a lone worker has events of the inbox to apply as well."""

FIRST_AGAIN_S = 60
AGAIN_CAP_S = 3_600
"""After how long an order is tried again: at first, and at most; up to twice that, by chance."""

_log = get_logger(__name__)

# What was never tried comes first. By chance, since what came together need not come so again.
_CLAIM = text("""
    WITH next AS (
      SELECT d.order_id, d.due_at FROM strongroom.documents_due d
       WHERE d.job = :job AND d.due_at <= :now
       ORDER BY d.attempts, d.due_at LIMIT :limit FOR UPDATE SKIP LOCKED)
    UPDATE strongroom.documents_due d
       SET attempts = d.attempts + 1,
           due_at = CAST(:now AS timestamptz) + (1 + random()) * interval '1 second'
                    * least(:first_s * 2 ^ least(d.attempts, 20), :cap_s)
      FROM next WHERE d.job = :job AND d.order_id = next.order_id
    RETURNING d.order_id, d.asked, next.due_at
""")
# What was asked for anew meanwhile stays; a row that is locked is being asked for anew.
_FORGET = text("""
    DELETE FROM strongroom.documents_due
     WHERE job = :job AND order_id IN (
           SELECT d.order_id
             FROM unnest(CAST(:order_ids AS text[]), CAST(:asked AS int[])) AS i (order_id, asked)
             JOIN strongroom.documents_due d
               ON d.job = :job AND d.order_id = i.order_id AND d.asked = i.asked
              FOR UPDATE OF d SKIP LOCKED)
""")


@dataclass(frozen=True)
class Due:
    """An order that wants a document, and how often it was asked for until it was claimed."""

    order_id: str
    asked: int


def issue_due(
    engine: Engine, issue: Callable[[str], int], *, job: str, clock: Callable[[], dt.datetime]
) -> dict[str, int]:
    """Issue for the orders that are due, each by a call of `issue`, in transactions of its own.

    Returns how many documents were issued, and for how many orders it failed. When more may be
    due, the job stands in line again.

    Raises:
        DBAPIError: the database is away; what was not issued is due again later.
    """
    figures, until = {"issued": 0, "failed": 0}, clock() + LONGEST_FOR
    for _ in range(LONGEST):
        claimed = in_transaction(
            engine, lambda session: claim(session, job=job, limit=AT_ONCE, now=clock())
        )
        issued, done = _issue_each(claimed, issue)
        figures["issued"] += issued
        figures["failed"] += len(claimed) - len(done)
        in_transaction(engine, partial(forget, job=job, done=done))
        if len(claimed) < AT_ONCE:
            return figures
        if clock() >= until:
            break
    in_transaction(
        engine, lambda session: outbox.stage(session, job=job, coalesce_key=job, now=clock())
    )
    return figures


def claim(session: Session, *, job: str, limit: int, now: dt.datetime) -> list[Due]:
    """Return orders that are due, oldest first; nobody else gets them until they are due again."""
    asked = {"job": job, "limit": limit, "now": now}
    asked |= {"first_s": FIRST_AGAIN_S, "cap_s": AGAIN_CAP_S}
    rows = session.execute(_CLAIM, asked).all()
    oldest_first = sorted(rows, key=lambda row: (row.due_at, row.order_id))
    return [Due(row.order_id, row.asked) for row in oldest_first]


def forget(session: Session, *, job: str, done: Sequence[Due]) -> None:
    """Have orders due no longer, unless they were asked for again since they were claimed."""
    order_ids, asked = [one.order_id for one in done], [one.asked for one in done]
    session.execute(_FORGET, {"job": job, "order_ids": order_ids, "asked": asked})


def _issue_each(claimed: Iterable[Due], issue: Callable[[str], int]) -> tuple[int, list[Due]]:
    """Return how many documents were issued, and the orders that are done."""
    issued, done = 0, []
    for due in claimed:
        try:
            issued += issue(due.order_id)
        except Exception as error:
            if _is_away(error):
                raise
            _log.exception("document_not_issued", order_id=due.order_id)
        else:
            done.append(due)
    return issued, done


def _is_away(error: Exception) -> bool:
    """Whether the database is away; a lock that was waited for in vain is its order's own fault."""
    return isinstance(error, DBAPIError) and (
        error.connection_invalidated or getattr(error.orig, "sqlstate", None) is None
    )
