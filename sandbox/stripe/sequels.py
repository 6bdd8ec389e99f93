"""What follows after a while from a payment, a refund, a charge, evidence or a payout."""

from collections.abc import Callable

from sandbox.stripe import captures, charges, charging, disputes, payouts, refunds
from sandbox.stripe.attempts import Attempt
from sandbox.stripe.books import Books
from sandbox.stripe.events import BY_ITSELF


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


BY_PREFIX = {
    "ch": _by_itself(_dispute_charge),
    "du": _by_itself(disputes.decide),
    "pi": _continue_payment,
    "po": _by_itself(payouts.arrive),
    "re": _by_itself(refunds.finish),
}
