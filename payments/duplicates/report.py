"""The report of everything that was seen twice in a time, the worst first."""

import datetime as dt
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from payments.duplicates.asked_twice import (
    redelivered_events,
    replayed_references,
    shared_references,
)
from payments.duplicates.done_twice import (
    happened_twice,
    outside_the_books,
    paid_out_twice,
    paid_twice,
    released_twice,
    signed_twice,
)
from payments.duplicates.duplicate import Duplicate, Verdict
from payments.duplicates.question import Question, ids_of
from payments.errors import InvalidRequestError, NotFoundError
from payments.orders.tables import Order

LONGEST = dt.timedelta(days=92)
USUAL = dt.timedelta(days=7)
_WORST_FIRST: Sequence[Verdict] = ("wrong", "look", "harmless")
_LOOKS: Sequence[Callable[[Question], list[Duplicate]]] = (
    outside_the_books,
    released_twice,
    paid_out_twice,
    happened_twice,
    signed_twice,
    paid_twice,
    shared_references,
    replayed_references,
    redelivered_events,
)


@dataclass(frozen=True)
class DuplicatesReport:
    """What was seen twice from `since` until `until`; `counts` by verdict."""

    since: dt.datetime
    until: dt.datetime
    order_id: str | None
    counts: Mapping[Verdict, int]
    items: Sequence[Duplicate]


def report_duplicates(
    session: Session, *, since: dt.datetime | None, order_id: str | None, now: dt.datetime
) -> DuplicatesReport:
    """Return what was seen twice since a moment, or in seven days; of all, or of one order.

    Raises:
        InvalidRequestError: the moment is not in the past 92 days.
        NotFoundError: there is no such order.
    """
    since = now - USUAL if since is None else since
    if not now - LONGEST <= since < now:
        fault = f"Use a moment of the last {LONGEST.days} days."
        raise InvalidRequestError("The time is not valid.", errors={"since": [fault]})
    ids = None
    if order_id is not None:
        if session.get(Order, order_id) is None:
            raise NotFoundError("There is no such order.")
        ids = ids_of(session, order_id)
    until = now + dt.timedelta(minutes=1)  # another machine's clock may be ahead of ours
    question = Question(session, since, until, order_id, ids)
    found = [one for look in _LOOKS for one in look(question)]
    counted = Counter(one.verdict for one in found)
    return DuplicatesReport(
        since=since,
        until=now,
        order_id=order_id,
        counts={verdict: counted[verdict] for verdict in _WORST_FIRST},
        items=sorted(found, key=lambda one: _WORST_FIRST.index(one.verdict)),
    )
