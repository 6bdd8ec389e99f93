"""What Stripe does by itself after a while: finish payments, refunds and payouts, open disputes."""

from collections.abc import Callable

from sandbox.simulated.store import Transaction
from sandbox.stripe import (
    captures,
    charges,
    charging,
    checkout_sessions,
    disputes,
    payouts,
    refunds,
)
from sandbox.stripe.account import Account, new_id
from sandbox.stripe.attempts import Attempt
from sandbox.stripe.books import Books
from sandbox.stripe.events import BY_ITSELF, Request


def _by_itself(use_case: Callable[[Books, str], object]) -> Callable[[Attempt, str], None]:
    """The use case as something that no request asked for."""

    def run(attempt: Attempt, identifier: str) -> None:
        use_case(Books(attempt.transaction, attempt.account, BY_ITSELF), identifier)

    return run


def _dispute_charge(books: Books, charge_id: str) -> None:
    sequel = charges.sequel_of(books.find("charge", charge_id))
    if sequel is not None:
        disputes.open_for_test_card(books, charge_id, sequel)


def _continue_payment(attempt: Attempt, intent_id: str) -> None:
    """Charge what was processing, or let go of what was never captured."""
    charging.finish_delayed(attempt, intent_id)
    captures.expire(Books(attempt.transaction, attempt.account, BY_ITSELF), intent_id)


# What is done about an object when it is due, by the prefix of its id.
_WHAT_IS_DUE: dict[str, Callable[[Attempt, str], None]] = {
    "cs": checkout_sessions.expire_when_due,
    "ch": _by_itself(_dispute_charge),
    "du": _by_itself(disputes.decide),
    "pi": _continue_payment,
    "po": _by_itself(payouts.arrive),
    "re": _by_itself(refunds.finish),
}


def do_due(account: Account, transaction: Transaction, identifier: str) -> None:
    """Do what is due about an object."""
    attempt = Attempt(transaction, account, Request(new_id("req", length=14)))
    _WHAT_IS_DUE[identifier.partition("_")[0]](attempt, identifier)
