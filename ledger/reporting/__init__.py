"""What finance reads from the books: any period, as of any moment, streamed."""

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
from ledger.reporting.trial_balance import trial_balance

__all__ = [
    "DayMovement",
    "FixedMoment",
    "JournalRow",
    "LedgerRow",
    "Scope",
    "StatementRow",
    "TrialBalanceRow",
    "fix_as_of",
    "journal",
    "trial_balance",
]
