"""The reports of a closed month: kept once, byte for byte, and made again to compare.

They show what was recorded by the moment of closing; as nothing more can be, they can be made
again from the books at any time, and are the same.
"""

import datetime as dt
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Engine, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from ledger.reporting import FixedMoment
from payments.crash_points import reach
from payments.database import in_transaction
from payments.documents.renderer import Renderer
from payments.periods.monthly_report import (
    MonthlyReport,
    monthly_report_page,
    monthly_report_title,
)
from payments.periods.months import read_month
from payments.periods.tables import PeriodClosing, PeriodReport
from payments.reports.formats.registry import FORMATS
from payments.reports.formats.tally import Tally
from payments.reports.open_report import open_fixed
from payments.reports.wanted import Wanted

KEPT = ("trial-balance", "income-statement", "balance-sheet", "escrow-positions", "fees")
"""Kept as CSV."""
MONTHLY_REPORT = "monthly-report"
"""Kept as PDF: it is made once, and what it is made of is in the others."""

_BY_THE_END = frozenset({"balance-sheet", "escrow-positions"})
"""The reports that show how things stand, not what happened in between."""


@dataclass(frozen=True)
class Difference:
    """A kept report that is not what it was, or is made otherwise from the books today."""

    month: str
    revision: int
    name: str
    format: str
    reason: str


def keep_reports(
    engine: Engine,
    closing_id: str,
    *,
    renderer: Renderer | None,
    now: dt.datetime,
    statement_timeout_s: int,
) -> int:
    """Make and keep what is not kept yet of a closing; return how many reports that were.

    Safe to be broken off and to run twice: each is kept by itself, and the first one stays.
    Without a renderer the PDF is left for later.

    Raises:
        RenderingError: the PDF cannot be made.
    """
    closing, kept = in_transaction(engine, lambda session: _find(session, closing_id))
    count = 0
    for name in KEPT:
        if (name, "csv") not in kept:
            content = _make(engine, closing, name, statement_timeout_s=statement_timeout_s)
            count += _keep(engine, closing, name, "csv", content, now=now)
    if renderer is not None and (MONTHLY_REPORT, "pdf") not in kept:
        pdf = _render(engine, closing, renderer)
        count += _keep(engine, closing, MONTHLY_REPORT, "pdf", pdf, now=now)
    return count


def closings_to_keep(session: Session) -> list[str]:
    """Return the closings of which a report is not kept yet, oldest first."""
    kept = select(func.count()).where(PeriodReport.closing_id == PeriodClosing.id).scalar_subquery()
    found = select(PeriodClosing.id).where(kept < len(KEPT) + 1).order_by(PeriodClosing.id)
    return list(session.scalars(found))


def differing_reports(engine: Engine, *, statement_timeout_s: int = 600) -> Iterator[Difference]:
    """Make every kept report again from the books, and yield those that differ.

    A PDF is not made again: its bytes are compared with the hash they were kept under.
    """
    with Session(engine) as session:
        closings = list(session.scalars(select(PeriodClosing).order_by(PeriodClosing.id)))
        session.expunge_all()
    for closing in closings:
        for name, format_name, sha256, content in _contents(engine, closing.id):
            reason = None
            if hashlib.sha256(content).digest() != sha256:
                reason = "it is not what it was when it was kept"
            elif format_name == "csv" and content != _make(
                engine, closing, name, statement_timeout_s=statement_timeout_s
            ):
                reason = "the books say something else today"
            if reason is not None:
                yield Difference(closing.month, closing.revision, name, format_name, reason)


def _find(session: Session, closing_id: str) -> tuple[PeriodClosing, set[tuple[str, str]]]:
    found = select(PeriodReport.name, PeriodReport.format).where(
        PeriodReport.closing_id == closing_id
    )
    kept = {(name, format_name) for name, format_name in session.execute(found)}
    return session.get_one(PeriodClosing, closing_id), kept


def _contents(engine: Engine, closing_id: str) -> Iterator[tuple[str, str, bytes, bytes]]:
    """Yield what is kept of a closing, one report in memory at a time."""
    with Session(engine) as session:
        _, kept = _find(session, closing_id)
        for name, format_name in sorted(kept):
            row = session.get_one(PeriodReport, (closing_id, name, format_name))
            yield name, format_name, row.sha256, row.content
            session.expunge(row)


def _keep(
    engine: Engine,
    closing: PeriodClosing,
    name: str,
    format_name: str,
    content: bytes,
    *,
    now: dt.datetime,
) -> int:
    values = {
        "closing_id": closing.id,
        "name": name,
        "format": format_name,
        "sha256": hashlib.sha256(content).digest(),
        "content": content,
        "created_at": now,
    }
    added = insert(PeriodReport).values(values).on_conflict_do_nothing()
    count = in_transaction(
        engine, lambda session: session.execute(added.returning(PeriodReport.name)).all()
    )
    reach("period.report_kept")
    return len(count)


def _make(engine: Engine, closing: PeriodClosing, name: str, *, statement_timeout_s: int) -> bytes:
    month = read_month(closing.month)
    wanted = Wanted(
        report=name,
        as_of=closing.as_of,
        first_day=None if name in _BY_THE_END else month.first_day,
        last_day=month.last_day,
    )
    with open_fixed(
        engine, wanted, _moment(closing), statement_timeout_s=statement_timeout_s
    ) as opened:
        encode = FORMATS["csv"].encoder(opened.connection)
        return b"".join(encode(opened.report, Tally()))


def _render(engine: Engine, closing: PeriodClosing, renderer: Renderer) -> bytes:
    month = read_month(closing.month)
    page = monthly_report_page(
        engine,
        MonthlyReport(
            month=month,
            moment=_moment(closing),
            revision=closing.revision,
            closed_by=closing.closed_by,
            checklist=closing.checklist,
        ),
    )
    return renderer.render(page, title=monthly_report_title(month))


def _moment(closing: PeriodClosing) -> FixedMoment:
    """Return the moment of closing: nobody was writing then, so it is fixed by itself."""
    return FixedMoment(closing.as_of, closing.ledger_sequence)
