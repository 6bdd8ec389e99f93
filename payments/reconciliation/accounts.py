"""The accounts that statements move, and those that a person may place a line in."""

import re

from ledger import AccountSpec
from payments.accounting.chart_of_accounts import suspense_unmatched

DISCARDED = "assets:suspense:discarded"
BANK_FEES = "expenses:bank:fees"
OPENING_BALANCES = "equity:opening-balances"

PLACES = {
    BANK_FEES: "what the bank takes for its work",
    "expenses:bank:interest": "interest that the bank takes",
    "income:bank:interest": "interest that the bank gives",
    "assets:transfers:own": "on its way between accounts of our own",
    "equity:owners": "paid in or out by the owners",
    "equity:adjustments": "what nothing else explains",
}
"""Where a person may place a line that no expectation explains, besides providers' fees."""

_PROVIDERS_FEES = re.compile(r"expenses:processing:(stripe|truelayer|gocardless)")


def bank_account(name: str, currency: str) -> AccountSpec:
    """Return what statements say of an account of ours, by its name in the settings."""
    return _deferred(f"assets:bank:{name}", currency)


def suspense(currency: str) -> AccountSpec:
    """Money on a statement, or received for a payment, that nothing explains yet."""
    return suspense_unmatched(currency)


def opening_balances(currency: str) -> AccountSpec:
    """The other side of what an account held before its first statement."""
    return _deferred(OPENING_BALANCES, currency)


def place(path: str, currency: str) -> AccountSpec:
    """Return an account that a part of a line goes to."""
    return _deferred(path, currency)


def is_place(path: str) -> bool:
    """Whether a person may place a line in this account."""
    return path in PLACES or _PROVIDERS_FEES.fullmatch(path) is not None


def _deferred(path: str, currency: str) -> AccountSpec:
    return AccountSpec(path, currency, mode="deferred")
