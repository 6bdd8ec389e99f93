"""The report of a month as a page to be rendered: key figures, charts, statements, checklist.

Made of what was recorded by one moment, so that the same closing gives the same page for ever.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup
from sqlalchemy import Engine

import ledger
from ledger import Asset
from ledger.reporting import FixedMoment, TrialBalanceRow, trial_balance
from payments.charts.draw import draw
from payments.charts.over_time import CHARTS
from payments.charts.read_chart import read_chart
from payments.charts.scale import grouped
from payments.database import read_snapshot
from payments.documents.templates import page_style, page_template
from payments.periods.months import Month
from payments.periods.paging import Section, pages_of
from payments.reports.open_report import open_fixed
from payments.reports.shown_table import ShownTable, shown_table
from payments.reports.wanted import Wanted, moment_text

_ROWS_MOST = 300
_POSITIONS_MOST = 60
_LONG_EXPONENT = 8  # amounts with more decimals are set smaller
_LEFT_OUT = ("class", "asset", "closing_debit", "closing_credit", "buyer_id", "seller_id")


@dataclass(frozen=True, kw_only=True)
class MonthlyReport:
    """What a report is made of; `checklist` holds `name`, `ok` and `detail` of each item."""

    month: Month
    moment: FixedMoment
    revision: int
    closed_by: str
    checklist: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class AssetPages:
    """All about one asset: figures for the cover, charts as SVG, and the pages of its tables."""

    asset: Asset
    figures: Mapping[str, str]
    charts: Mapping[str, Markup]
    pages: Sequence[Sequence[Section]]
    is_wide: bool


def monthly_report_title(month: Month) -> str:
    """Return what the file is called in a viewer."""
    return f"Monthly report {month}"


def monthly_report_page(engine: Engine, report: MonthlyReport) -> str:
    """Return the report as one HTML page with everything in it.

    The moment must have been fixed: see `ledger.reporting.fix_as_of`.
    """
    return page_template("monthly_report").render(
        title=monthly_report_title(report.month),
        month=report.month,
        named=f"{report.month.first_day:%B %Y}",
        as_of=moment_text(report.moment.as_of),
        sequence=report.moment.sequence,
        revision=report.revision,
        closed_by=report.closed_by,
        checklist=report.checklist,
        assets=list(_assets(engine, report)),
        charts=CHARTS,
        css=page_style("monthly_report"),
    )


def _assets(engine: Engine, report: MonthlyReport) -> Iterator[AssetPages]:
    """Yield the assets that had a balance or moved in the month."""
    balances: dict[str, list[TrialBalanceRow]] = {}
    scope = _wanted(report, "trial-balance").scope(report.moment.as_of)
    with read_snapshot(engine) as connection:
        known = ledger.assets(connection)
        for row in trial_balance(connection, scope):
            balances.setdefault(row.asset, []).append(row)
    for code, rows in sorted(balances.items()):
        yield AssetPages(
            asset=known[code],
            figures=_figures(rows, known[code]),
            charts=_charts(engine, report, code),
            pages=pages_of(_sections(engine, report, code)),
            is_wide=known[code].exponent > _LONG_EXPONENT,
        )


def _charts(engine: Engine, report: MonthlyReport, asset: str) -> dict[str, Markup]:
    scope = _wanted(report, "trial-balance", asset=asset).scope(report.moment.as_of)
    with read_snapshot(engine) as connection:
        charts = {name: read_chart(connection, name, scope) for name in CHARTS}
    return {name: Markup(draw(chart, width="narrow").decode()) for name, chart in charts.items()}  # noqa: S704 - drawn here, its text is escaped


def _figures(rows: Sequence[TrialBalanceRow], asset: Asset) -> dict[str, str]:
    """Return what the cover says of an asset, in natural signs."""

    def closing(path: str) -> int:
        return sum(row.closing for row in rows if (row.account + ":").startswith(path))

    def earned(kind: str) -> int:
        return sum(row.credit - row.debit for row in rows if row.account_class == kind)

    memo = closing("assets:card-authorizations:")
    amounts = {
        "Money and claims": closing("assets:") - memo,
        "Held for orders": -closing("liabilities:escrow:"),
        "Owed to sellers": -closing("liabilities:seller:"),
        "Tax owed": -closing("liabilities:tax:"),
        "Income": earned("income"),
        "Expenses": -earned("expense"),
        "Result": earned("income") + earned("expense"),
    }
    return {name: grouped(amount, asset) for name, amount in amounts.items()}


def _sections(engine: Engine, report: MonthlyReport, asset: str) -> Iterator[Section]:
    for name in ("trial-balance", "income-statement", "balance-sheet"):
        wanted = _wanted(report, name, asset=asset)
        yield _section(_read_table(engine, report, wanted, most=_ROWS_MOST), wanted, _ROWS_MOST)
    wanted = _wanted(report, "escrow-positions", asset=asset).but(first_day=None)
    table = _read_table(engine, report, wanted, most=_POSITIONS_MOST)
    yield _section(table, wanted, _POSITIONS_MOST)


def _section(found: tuple[str, ShownTable], wanted: Wanted, most: int) -> Section:
    title, table = found
    note = f"The first {most}; the export {wanted.report} has all." if table.has_more else ""
    sums = [] if table.has_more else table.sums
    return Section(title, table.columns, tuple(table.rows), tuple(sums), note)


def _read_table(
    engine: Engine, report: MonthlyReport, wanted: Wanted, *, most: int
) -> tuple[str, ShownTable]:
    with open_fixed(engine, wanted, report.moment) as opened:
        table = shown_table(opened.report, most=most).without(*_LEFT_OUT)
        return opened.report.title, table


def _wanted(report: MonthlyReport, name: str, *, asset: str | None = None) -> Wanted:
    first_day = None if name == "balance-sheet" else report.month.first_day
    return Wanted(
        report=name,
        as_of=report.moment.as_of,
        first_day=first_day,
        last_day=report.month.last_day,
        asset=asset,
    )
