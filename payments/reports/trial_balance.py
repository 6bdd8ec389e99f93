"""The trial balance: opening, movements and closing of every account; debits equal credits."""

from collections.abc import Iterator

from ledger import reporting
from payments.reports.drill_down import to_account, to_control
from payments.reports.reading import Reading
from payments.reports.report import Cell, Column, Report

COLUMNS = (
    Column("account", "Account"),
    Column("class", "Class"),
    Column("asset", "Asset"),
    Column("opening", "Opening balance", "amount"),
    Column("debit", "Debit", "amount"),
    Column("credit", "Credit", "amount"),
    Column("closing", "Closing balance", "amount"),
    Column("closing_debit", "Closing, debit", "amount"),
    Column("closing_credit", "Closing, credit", "amount"),
)


def trial_balance(reading: Reading) -> Report:
    """Return the trial balance; opening and closing are debit positive."""
    wanted = reading.wanted
    of_one = wanted.account is not None and reporting.is_subsidiary(wanted.account)

    def drill_down(row: tuple[Cell, ...]) -> str:
        link = to_account if of_one or wanted.detail == "account" else to_control
        return link(reading, str(row[0]), str(row[2]))

    return reading.report(
        "Trial balance",
        COLUMNS,
        _rows(reading),
        drill_down=drill_down,
    )


def _rows(reading: Reading) -> Iterator[tuple[Cell, ...]]:
    wanted = reading.wanted
    found = reporting.trial_balance(
        reading.connection,
        reading.scope,
        detail=wanted.detail,
        account=wanted.account,
        control=wanted.control,
    )
    for row in found:
        yield (*row, max(row.closing, 0), max(-row.closing, 0))
