"""What the ledger refuses, one class for each reason; `code` is stable, the text is for people."""


class LedgerError(Exception):
    """The ledger refused; nothing of what was asked for was written."""

    code = "ledger_error"


class MalformedEntryError(LedgerError):
    """An entry that could not be right in any ledger: a float, a zero, fewer than two postings."""

    code = "malformed_entry"


class UnbalancedError(LedgerError):
    """Debits and credits of an entry differ in some asset."""

    code = "unbalanced"


class UnknownAccountError(LedgerError):
    """A posting names an account that does not exist."""

    code = "unknown_account"


class UnknownAssetError(LedgerError):
    """An asset code nobody defined."""

    code = "unknown_asset"


class AccountDiffersError(LedgerError):
    """The account exists with another mode or floor than asked for."""

    code = "account_differs"


class InsufficientFundsError(LedgerError):
    """An account would fall below its floor, holds included."""

    code = "insufficient_funds"


class ClosedPeriodError(LedgerError):
    """The entry occurred in a period whose books are closed."""

    code = "closed_period"


class NotClosedError(LedgerError):
    """What was to be reopened is not what was closed last."""

    code = "not_closed"


class EffectKeyReusedError(LedgerError):
    """The effect key was used before for another effect."""

    code = "effect_key_reused"


class UnknownEntryError(LedgerError):
    """There is no entry with this id."""

    code = "unknown_entry"


class UnknownHoldError(LedgerError):
    """There is no hold with this id."""

    code = "unknown_hold"


class HoldClosedError(LedgerError):
    """The hold was captured in full, voided or has expired."""

    code = "hold_closed"


class HoldExceededError(LedgerError):
    """More would be captured than is left in the hold."""

    code = "hold_exceeded"


class BooksInMotionError(LedgerError):
    """Entries of the moment asked for are still being written; try again."""

    code = "books_in_motion"
