"""What the bank does by itself after a while, by what stands before the colon."""

from collections.abc import Callable

from sandbox.bank import payments, payouts, refunds
from sandbox.bank.account import Account
from sandbox.bank.books import Books
from sandbox.simulated.store import Transaction

_WHAT_IS_DUE: dict[str, Callable[[Books, str], object]] = {
    "payment": payments.advance,
    "expiry": payments.expire,
    "refund": refunds.advance,
    "payout": payouts.advance,
}


def do_due(account: Account, transaction: Transaction, due: str) -> None:
    """Do what is due about an object."""
    what, _colon, identifier = due.partition(":")
    _WHAT_IS_DUE[what](Books(transaction, account), identifier)
