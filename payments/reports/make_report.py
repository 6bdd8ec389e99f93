"""Every report by its name, with what makes it."""

from collections.abc import Callable, Mapping

from payments.reports.ageing import ageing_pending, ageing_suspense
from payments.reports.books import (
    account_statement,
    general_ledger,
    journal,
    journal_cursor,
    ledger_cursor,
)
from payments.reports.escrow_positions import escrow_positions
from payments.reports.fees import fees
from payments.reports.reading import Reading
from payments.reports.report import Cell, Report
from payments.reports.seller_statement import seller_statement
from payments.reports.statements import balance_sheet, income_statement
from payments.reports.trial_balance import trial_balance

MAKERS: Mapping[str, Callable[[Reading], Report]] = {
    "trial-balance": trial_balance,
    "general-ledger": general_ledger,
    "journal": journal,
    "account-statement": account_statement,
    "income-statement": income_statement,
    "balance-sheet": balance_sheet,
    "escrow-positions": escrow_positions,
    "fees": fees,
    "seller-statement": seller_statement,
    "ageing-pending": ageing_pending,
    "ageing-suspense": ageing_suspense,
}

CURSORS: Mapping[str, Callable[[tuple[Cell, ...]], str]] = {
    "general-ledger": ledger_cursor,
    "account-statement": ledger_cursor,
    "journal": journal_cursor,
}
"""How the last row of a page names where the next one begins."""


def make_report(reading: Reading) -> Report:
    """Return the report that is wanted; its rows are read as they are taken."""
    return MAKERS[reading.wanted.report](reading)
