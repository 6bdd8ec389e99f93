"""Income statement and balance sheet, in natural signs, with what they come to for each asset."""

from collections import defaultdict
from collections.abc import Iterator

from ledger import reporting
from payments.reports.drill_down import to_control, to_report
from payments.reports.reading import Reading
from payments.reports.report import Cell, Column, Report

COLUMNS = (
    Column("section", "Section"),
    Column("account", "Account"),
    Column("asset", "Asset"),
    Column("amount", "Amount", "amount", adds_up=False),
)
CURRENT_EARNINGS = "equity:current-earnings"
RESULT, TOTAL = "result", "total"
_Sums = dict[str, dict[str, int]]


def income_statement(reading: Reading) -> Report:
    """Return what was earned and spent in the period, and what is left."""
    return _report(reading, "Income statement", _with_result(reading))


def balance_sheet(reading: Reading) -> Report:
    """Return what is owned, owed and the owners', at the end of the period's last day.

    What was earned so far and is in no account of equity yet is a row of its own.
    """
    return _report(reading, "Balance sheet", _with_totals(reading))


def _with_result(reading: Reading) -> Iterator[tuple[Cell, ...]]:
    sums: _Sums = defaultdict(lambda: defaultdict(int))
    for row in reporting.income_statement(reading.connection, reading.scope):
        sums[row.asset][row.section] += row.amount
        yield row
    for asset in sorted(sums):
        yield RESULT, "net-income", asset, sums[asset]["income"] - sums[asset]["expenses"]


def _with_totals(reading: Reading) -> Iterator[tuple[Cell, ...]]:
    sums: _Sums = defaultdict(lambda: defaultdict(int))
    for row in reporting.balance_sheet(reading.connection, reading.scope):
        sums[row.asset][row.section] += row.amount
        yield row
    for asset in sorted(sums):
        of_asset = sums[asset]
        yield TOTAL, "assets", asset, of_asset["assets"]
        yield TOTAL, "liabilities-and-equity", asset, of_asset["liabilities"] + of_asset["equity"]


def _report(reading: Reading, title: str, rows: Iterator[tuple[Cell, ...]]) -> Report:
    def drill_down(row: tuple[Cell, ...]) -> str | None:
        section, account, asset = map(str, row[:3])
        if section in {RESULT, TOTAL}:
            return None  # the rows above
        if account == CURRENT_EARNINGS:
            return to_report(reading, "income-statement", first_day=None, asset=asset)
        return to_control(reading, account, asset)

    return reading.report(
        title,
        COLUMNS,
        rows,
        drill_down=drill_down,
    )
