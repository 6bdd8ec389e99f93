"""Months as finance sees them: open or closed, by whom, and what is kept of them."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

import ledger
from payments.database import in_transaction
from payments.errors import NotFoundError
from payments.lifecycle.view import rfc_3339
from payments.periods.checklist import Question, first_month, read_checklist
from payments.periods.close_period import last_sealed
from payments.periods.months import Month, month_of
from payments.periods.tables import PeriodClosing, PeriodReport


@dataclass(frozen=True)
class KeptReport:
    """A report kept of a closing; `size` in bytes."""

    name: str
    format: str
    sha256: bytes
    size: int


@dataclass(frozen=True, kw_only=True)
class PeriodView:
    """A month; `closing` is the one in force, `checklist` as it was then or, while open, as now."""

    month: Month
    state: str
    closing: PeriodClosing | None
    checklist: Sequence[dict[str, Any]] | None = None
    history: Sequence[PeriodClosing] = ()
    reports: Sequence[tuple[int, KeptReport]] = ()

    def summary(self) -> dict[str, Any]:
        """Return what lists show of it."""
        closing = self.closing
        return {
            "month": str(self.month),
            "state": self.state,
            "closing": None if closing is None else closing_as_json(closing),
        }

    def as_json(self) -> dict[str, Any]:
        """Return all of it as the API writes it."""
        path = f"/api/ledger/periods/{self.month}/reports"
        return {
            **self.summary(),
            "checklist": self.checklist,
            "history": [closing_as_json(row) for row in self.history],
            "reports": [
                {
                    "revision": revision,
                    "name": kept.name,
                    "format": kept.format,
                    "sha256": kept.sha256.hex(),
                    "size": kept.size,
                    "url": f"{path}/{kept.name}.{kept.format}?revision={revision}",
                }
                for revision, kept in self.reports
            ],
        }


@dataclass(frozen=True, kw_only=True)
class ReportFile:
    """A kept report with what it is of."""

    closing: PeriodClosing
    report: PeriodReport


def list_periods(session: Session, *, now: dt.datetime) -> list[PeriodView]:
    """Return every month from that of the first entry to this one, newest first."""
    connection = session.connection()
    closed = ledger.closed_through(connection)
    rows = session.scalars(select(PeriodClosing).where(PeriodClosing.state != "reopened"))
    in_force = {row.month: row for row in rows}
    last, month = month_of(now), first_month(connection)
    months = []
    while month is not None and month <= last:
        months.append(_view(month, in_force.get(str(month)), closed=closed))
        month = month.following
    return months[::-1]


def read_period(
    engine: Engine, month: Month, *, now: dt.datetime, statement_timeout_s: int
) -> PeriodView:
    """Return a month with its checklist, all its closings, and the reports kept of each."""

    def read(session: Session) -> tuple[PeriodView, int]:
        closed = ledger.closed_through(session.connection())
        of_month = select(PeriodClosing).where(PeriodClosing.month == str(month))
        history = list(session.scalars(of_month.order_by(PeriodClosing.revision)))
        in_force = next((row for row in history if row.state != "reopened"), None)
        view = _view(month, in_force, closed=closed)
        kept = _kept(session, history)
        return (
            PeriodView(
                month=month,
                state=view.state,
                closing=in_force,
                checklist=None if in_force is None else in_force.checklist,
                history=history,
                reports=kept,
            ),
            last_sealed(session),
        )

    found, sealed_to = in_transaction(engine, read)
    if found.state != "open":
        return found
    question = Question(month=month, sealed_to=sealed_to, now=now)
    checklist = read_checklist(engine, question, statement_timeout_s=statement_timeout_s)
    return PeriodView(
        month=month,
        state=found.state,
        closing=None,
        checklist=checklist.as_json(),
        history=found.history,
        reports=found.reports,
    )


def read_report(
    session: Session, month: Month, *, name: str, format_name: str, revision: int | None
) -> ReportFile:
    """Return a report as it was kept; of the newest closing that has it, or of a revision.

    Raises:
        NotFoundError: none is kept, or not yet.
    """
    found = (
        select(PeriodClosing, PeriodReport)
        .join(PeriodReport, PeriodReport.closing_id == PeriodClosing.id)
        .where(
            PeriodClosing.month == str(month),
            PeriodReport.name == name,
            PeriodReport.format == format_name,
        )
        .order_by(PeriodClosing.revision.desc())
        .limit(1)
    )
    if revision is not None:
        found = found.where(PeriodClosing.revision == revision)
    row = session.execute(found).one_or_none()
    if row is None:
        raise NotFoundError("No such report is kept of this month, or not yet.")
    return ReportFile(closing=row[0], report=row[1])


def closing_as_json(row: PeriodClosing) -> dict[str, Any]:
    """Return a closing as the API writes it."""
    return {
        "id": row.id,
        "month": row.month,
        "revision": row.revision,
        "state": row.state,
        "as_of": rfc_3339(row.as_of),
        "ledger_sequence": row.ledger_sequence,
        "explanations": row.explanations,
        "closed_by": row.closed_by,
        "closed_at": rfc_3339(row.closed_at),
        "reopen_requested_by": row.reopen_requested_by,
        "reopen_requested_at": _moment(row.reopen_requested_at),
        "reopen_reason": row.reopen_reason,
        "reopened_by": row.reopened_by,
        "reopened_at": _moment(row.reopened_at),
    }


def _view(
    month: Month, in_force: PeriodClosing | None, *, closed: dt.datetime | None
) -> PeriodView:
    if in_force is not None:
        return PeriodView(month=month, state=in_force.state, closing=in_force)
    is_closed = closed is not None and closed >= month.end
    return PeriodView(month=month, state="closed" if is_closed else "open", closing=None)


def _kept(session: Session, history: Sequence[PeriodClosing]) -> list[tuple[int, KeptReport]]:
    revisions = {row.id: row.revision for row in history}
    found = session.execute(
        select(
            PeriodReport.closing_id,
            PeriodReport.name,
            PeriodReport.format,
            PeriodReport.sha256,
            func.octet_length(PeriodReport.content),
        )
        .where(PeriodReport.closing_id.in_(revisions))
        .order_by(PeriodReport.closing_id, PeriodReport.name)
    )
    return [(revisions[closing], KeptReport(*kept)) for closing, *kept in found]


def _moment(value: dt.datetime | None) -> str | None:
    return None if value is None else rfc_3339(value)
