"""The report of a month: the same for ever, whole, and safe to render."""

import datetime as dt
import re

import pytest
from sqlalchemy import Engine

import ledger
from ledger import AccountSpec, Entry, Posting
from ledger.reporting import fix_as_of
from payments.documents.renderer import choose_renderer
from payments.periods.monthly_report import (
    MonthlyReport,
    monthly_report_page,
    monthly_report_title,
)
from payments.periods.months import Month
from tests.payments.reports.busy_month import write_busy_month

OCTOBER = Month(2026, 10)
CHECKLIST = [
    {"name": "month_over", "ok": True, "detail": "It is over."},
    {"name": "reconciled", "ok": False, "detail": "<script>alert(1)</script>"},
]


@pytest.fixture
def report(fresh_engine: Engine) -> MonthlyReport:
    write_busy_month(fresh_engine)
    now = dt.datetime.now(dt.UTC)  # noqa: TID251 - the database's clock says when it was recorded
    return MonthlyReport(
        month=OCTOBER,
        moment=fix_as_of(fresh_engine, None, now=now),
        revision=2,
        closed_by="party:pty_finance",
        checklist=CHECKLIST,
    )


def test_it_has_every_asset_with_figures_charts_and_statements(
    fresh_engine: Engine, report: MonthlyReport
) -> None:
    page = monthly_report_page(fresh_engine, report)
    with fresh_engine.connect() as connection:
        booked = connection.exec_driver_sql(
            "SELECT DISTINCT s.code FROM ledger.accounts a JOIN ledger.assets s"
            " ON s.id = a.asset_id JOIN ledger.postings p ON p.account_id = a.id"
        ).scalars()
        codes = set(booked)
    assert len(codes) > 2
    for code in codes:
        assert f"<h1>{code}, October 2026</h1>" in page
    assert page.count("<svg") == 4 * len(codes)
    for title in ("Trial balance", "Income statement", "Balance sheet", "Escrow positions"):
        assert page.count(f"<h2>{title} <span>") >= len(codes)
    assert "closing 2 of this month" in page


def test_the_same_closing_gives_the_same_page(fresh_engine: Engine, report: MonthlyReport) -> None:
    before = monthly_report_page(fresh_engine, report)
    with fresh_engine.begin() as connection:
        specs = [AccountSpec(path, "EUR") for path in ("assets:late", "equity:late")]
        ids = ledger.open_accounts(connection, specs)
        postings = [Posting(ids["assets:late", "EUR"], 1), Posting(ids["equity:late", "EUR"], -1)]
        ledger.post(connection, Entry("late", "test", OCTOBER.starts_at, postings))
    assert monthly_report_page(fresh_engine, report) == before


def test_what_people_wrote_is_text_and_nothing_is_fetched(
    fresh_engine: Engine, report: MonthlyReport
) -> None:
    page = monthly_report_page(fresh_engine, report)
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert not re.search(r"(src|href)\s*=|url\(|@import", page)


def test_it_can_be_rendered_here(fresh_engine: Engine, report: MonthlyReport) -> None:
    renderer = choose_renderer()
    if renderer is None:
        pytest.skip("no renderer on this machine")
    page = monthly_report_page(fresh_engine, report)
    pdf = renderer.render(page, title=monthly_report_title(OCTOBER))
    assert pdf.startswith(b"%PDF")
