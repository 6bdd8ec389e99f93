"""What finance reads from the books: any period, as of any moment, streamed."""

from ledger.reporting.counting import posting_count
from ledger.reporting.general_ledger import Place, general_ledger, statement
from ledger.reporting.journal import journal
from ledger.reporting.moment import FixedMoment, fix_as_of
from ledger.reporting.rows import (
    DayMovement,
    JournalRow,
    LedgerRow,
    StatementRow,
    TrialBalanceRow,
)
from ledger.reporting.scope import Scope
from ledger.reporting.statements import balance_sheet, income_statement
from ledger.reporting.totals import daily_movements, is_subsidiary
from ledger.reporting.trial_balance import trial_balance

__all__ = [
    "DayMovement",
    "FixedMoment",
    "JournalRow",
    "LedgerRow",
    "Place",
    "Scope",
    "StatementRow",
    "TrialBalanceRow",
    "balance_sheet",
    "daily_movements",
    "fix_as_of",
    "general_ledger",
    "income_statement",
    "is_subsidiary",
    "journal",
    "posting_count",
    "statement",
    "trial_balance",
]
