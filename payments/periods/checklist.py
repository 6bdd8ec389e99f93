"""What must be true before a month is closed, item by item.

Most of it is asked twice: before closing, and again while the books stand still for the moment of
closing. What reads the whole journal, the invariants and the chain of seals, is asked before only.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError

import ledger
from payments import invariants
from payments.periods.months import Month, month_of
from payments.periods.open_items import (
    OpenItem,
    in_suspense,
    open_findings,
    unexplained,
    unread_lines,
)

SLOW = ("invariants_hold", "chain_unbroken")
"""The items that read the whole journal; they are the last ones."""

_NAMED = 5
_CANCELED = "57014"  # query_canceled: the statement's time was over

# The first month with an entry, from a small table and the few entries that are not in it yet.
_FIRST_ENTRY = text("""
    SELECT least((SELECT min(occurred_on)::timestamp AT TIME ZONE 'UTC'
                    FROM ledger.daily_totals WHERE grain = 'month'),
                 (SELECT min(occurred_at) FROM ledger.entries
                   WHERE id > (SELECT totaled_to FROM ledger.daily_totals_cursor)))
""")
_WAITING = text("""
    SELECT id, CASE status WHEN 'requested' THEN 'waits for a second person'
               ELSE 'is to undo itself on ' || auto_reverse_on || ', and has not yet' END AS what
      FROM strongroom.manual_entries
     WHERE (status = 'requested' AND occurred_at <= :end)
        OR (status = 'posted' AND reversed_by_entry_id IS NULL AND auto_reverse_on <= :last_day)
     ORDER BY id
""")
_LAST_RUN = text("""
    SELECT status, started_at, error FROM strongroom.reconciliation_runs
     WHERE status IN ('done', 'failed') ORDER BY finished_at DESC LIMIT 1
""")
_UNSEALED = text("""
    SELECT count(*) FROM ledger.entries
     WHERE id > coalesce((SELECT max(upto_entry) FROM ledger.seals), 0) AND occurred_at <= :end
       AND id <= coalesce(CAST(:upto AS bigint), id)
""")


@dataclass(frozen=True)
class ChecklistItem:
    """One thing that must be true, whether it is, and what was found."""

    name: str
    ok: bool
    detail: str

    def as_json(self) -> dict[str, Any]:
        """Return it as it is kept and shown."""
        return {"name": self.name, "ok": self.ok, "detail": self.detail}


@dataclass(frozen=True)
class Checklist:
    """All items; the month may be closed when it is green."""

    items: tuple[ChecklistItem, ...]

    @property
    def is_green(self) -> bool:
        """Whether every item is true."""
        return all(item.ok for item in self.items)

    @property
    def errors(self) -> dict[str, list[str]]:
        """What is not true, by item."""
        return {item.name: [item.detail] for item in self.items if not item.ok}

    def as_json(self) -> list[dict[str, Any]]:
        """Return it as it is kept and shown."""
        return [item.as_json() for item in self.items]


@dataclass(frozen=True, kw_only=True)
class Question:
    """Which month is to be closed, and why its open items are as they should be, by their ids.

    `sealed_to` is the number of a seal up to which the chain was checked at an earlier closing.
    `upto` is the newest entry that must be sealed: what is posted while it closes is sealed later.
    """

    month: Month
    explanations: Mapping[str, str] = field(default_factory=dict)
    sealed_to: int = 0
    upto: int | None = None
    now: dt.datetime


def read_checklist(
    engine: Engine, question: Question, *, statement_timeout_s: int, stops_early: bool = False
) -> Checklist:
    """Check everything, as it is now; each statement has its time, or its item is not true.

    With `stops_early`, what takes long is left out when something else is not true already.
    """
    with engine.connect() as connection:
        connection.exec_driver_sql("SET TRANSACTION READ ONLY")
        connection.exec_driver_sql(f"SET LOCAL statement_timeout = '{statement_timeout_s:d}s'")
        closed = ledger.closed_through(connection)
        quick = Checklist(quick_items(connection, question, closed=closed))
        if stops_early and not quick.is_green:
            return quick
        return Checklist((*quick.items, *slow_items(connection, question)))


def quick_items(
    connection: Connection, question: Question, *, closed: dt.datetime | None
) -> tuple[ChecklistItem, ...]:
    """Check what a closing asks again while nobody posts; `closed`: as the books were before."""
    return (
        _month_over(question),
        _earlier_months_closed(connection, question.month, closed=closed),
        _reconciled(connection, question),
        _suspense_explained(connection, question),
        _no_open_entries(connection, question.month),
        _sealed(connection, question),
    )


def slow_items(connection: Connection, question: Question) -> tuple[ChecklistItem, ...]:
    """Check what takes the longer, the more there was posted."""
    return (_invariants_hold(connection), _chain_unbroken(connection, question.sealed_to))


def first_month(connection: Connection) -> Month | None:
    """Return the month of the oldest entry; None of empty books."""
    found = connection.execute(_FIRST_ENTRY).scalar()
    return month_of(found) if isinstance(found, dt.datetime) else None


def first_open_month(connection: Connection, *, closed: dt.datetime | None) -> Month | None:
    """Return the month to be closed next after a moment; None of books with no entry at all."""
    if closed is None:
        return first_month(connection)
    return month_of(closed + dt.timedelta(microseconds=1))


def unsealed(connection: Connection, question: Question) -> int:
    """Return how many entries up to the month's end are not sealed, of those that must be."""
    wanted = {"end": question.month.end, "upto": question.upto}
    return int(connection.execute(_UNSEALED, wanted).scalar_one())


def _month_over(question: Question) -> ChecklistItem:
    over = question.now > question.month.end
    detail = "It is over." if over else f"It lasts until {question.month.last_day}, in UTC."
    return ChecklistItem("month_over", over, detail)


def _earlier_months_closed(
    connection: Connection, month: Month, *, closed: dt.datetime | None
) -> ChecklistItem:
    first = first_open_month(connection, closed=closed)
    ok = first is None or first >= month
    detail = "All before it are closed." if ok else f"{first} is to be closed first."
    return ChecklistItem("earlier_months_closed", ok, detail)


def _reconciled(connection: Connection, question: Question) -> ChecklistItem:
    run = connection.execute(_LAST_RUN).one_or_none()
    if run is None or run.status != "done":
        why = "No run was made yet" if run is None else f"The newest run failed: {run.error}"
        return ChecklistItem("reconciled", ok=False, detail=f"{why}; make one.")
    if run.started_at <= question.month.end:
        detail = "The newest run is older than the month's end; make one."
        return ChecklistItem("reconciled", ok=False, detail=detail)
    unread = unread_lines(connection, question.month)
    if unread:
        detail = f"No run has looked at {unread} of the month's statement lines; make one."
        return ChecklistItem("reconciled", ok=False, detail=detail)
    items = unexplained(open_findings(connection), question.explanations)
    told = _told(items, "Nothing differs that nobody has taken on.")
    return ChecklistItem("reconciled", not items, told)


def _suspense_explained(connection: Connection, question: Question) -> ChecklistItem:
    items = unexplained(in_suspense(connection, question.month), question.explanations)
    told = _told(items, "Nothing waits that nobody explains.")
    return ChecklistItem("suspense_explained", not items, told)


def _no_open_entries(connection: Connection, month: Month) -> ChecklistItem:
    waiting = connection.execute(_WAITING, {"end": month.end, "last_day": month.last_day})
    items = [OpenItem(id_, what) for id_, what in waiting]
    told = _told(items, "No entry by hand waits for a second person, or for its day.")
    return ChecklistItem("no_open_entries", not items, told)


def _sealed(connection: Connection, question: Question) -> ChecklistItem:
    left = unsealed(connection, question)
    detail = "Every entry of the month is sealed."
    if left:
        detail = f"{left} entries of the month are not sealed yet; closing seals them first."
    return ChecklistItem("sealed", not left, detail)


def _invariants_hold(connection: Connection) -> ChecklistItem:
    try:
        with connection.begin_nested():
            broken = [
                *ledger.broken_invariants(connection),
                *invariants.broken_invariants(connection),
            ]
    except OperationalError as error:
        return ChecklistItem("invariants_hold", ok=False, detail=_too_slow(error))
    detail = "Broken: " + "; ".join(each.name for each in broken) if broken else "Each holds."
    return ChecklistItem("invariants_hold", not broken, detail)


def _chain_unbroken(connection: Connection, sealed_to: int) -> ChecklistItem:
    try:
        with connection.begin_nested():
            broken = [seal.reason for seal in ledger.broken_seals(connection, after=sealed_to)]
    except OperationalError as error:
        return ChecklistItem("chain_unbroken", ok=False, detail=_too_slow(error))
    since = f" since seal {sealed_to}" if sealed_to else ""
    detail = "; ".join(broken[:_NAMED]) or f"Every seal{since} fits the journal."
    return ChecklistItem("chain_unbroken", not broken, detail)


def _told(items: Sequence[OpenItem], nothing: str) -> str:
    if not items:
        return nothing
    told = "; ".join(f"{item.id} ({item.what})" for item in items[:_NAMED])
    return told if len(items) <= _NAMED else f"{told}; and {len(items) - _NAMED} more"


def _too_slow(error: OperationalError) -> str:
    if getattr(error.orig, "sqlstate", None) != _CANCELED:
        raise error
    return "It takes longer than this request may: use `strongroom ledger close-period`."
