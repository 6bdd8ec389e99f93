"""Payouts: available money sent to the bank account, paid after a moment, sometimes returned.

As described at https://docs.stripe.com/api/payouts. Only an automatic payout knows which balance
transactions it pays out.
"""

from sandbox.stripe import balance
from sandbox.stripe.account import new_id
from sandbox.stripe.balance import Movement
from sandbox.stripe.books import Books
from sandbox.stripe.forms import Parameters, required_amount, required_currency
from sandbox.stripe.lists import page
from sandbox.stripe.refusals import Refusal, Resource, invalid

BANK_ACCOUNT = "ba_sandbox"
_FAILURES = {
    "account_closed": "The bank account has been closed.",
    "no_account": "The bank account could not be located.",
    "could_not_process": "The bank could not process this payout.",
}
FAILURE_CODES = tuple(_FAILURES)


def create(books: Books, parameters: Parameters) -> Resource:
    """Pay out an amount of what is available, asked for by the account itself."""
    amount, currency = required_amount(parameters), required_currency(parameters)
    wanted: Resource = {
        "description": parameters.text("description"),
        "statement_descriptor": parameters.text("statement_descriptor"),
        "method": parameters.text("method", choices=("standard", "instant")) or "standard",
        "destination": parameters.text("destination") or BANK_ACCOUNT,
        "metadata": parameters.metadata(),
    }
    parameters.refuse_rest()
    if amount < 1:
        raise invalid("amount", "Invalid positive integer", code="parameter_invalid_integer")
    balance.check_available(books, amount, currency)
    return _send(books, _new_payout(books, amount, currency) | wanted)


def create_automatic(books: Books, currency: str) -> Resource:
    """Pay out everything available in a currency, as Stripe's daily schedule does."""
    _, available = balance.sums(books).get(currency, (0, 0))
    balance.check_available(books, max(1, available), currency)
    payout = _new_payout(books, available, currency) | {
        "automatic": True,
        "description": "STRIPE PAYOUT",
        "reconciliation_status": "in_progress",
    }
    books.transaction.sql.execute(
        "INSERT INTO paid_out SELECT id, ? FROM objects WHERE kind = 'balance_transaction'"
        " AND json_extract(body, '$.currency') = ? AND json_extract(body, '$.available_on') <= ?"
        " AND id NOT IN (SELECT balance_transaction FROM paid_out)",
        (payout["id"], currency, books.account.created),
    )
    return _send(books, payout)


def _new_payout(books: Books, amount: int, currency: str) -> Resource:
    return {
        "id": new_id("po"),
        "object": "payout",
        "amount": amount,
        "application_fee": None,
        "application_fee_amount": None,
        "arrival_date": books.account.created,
        "automatic": False,
        "balance_transaction": None,
        "created": books.account.created,
        "currency": currency,
        "description": None,
        "destination": BANK_ACCOUNT,
        "failure_balance_transaction": None,
        "failure_code": None,
        "failure_message": None,
        "livemode": False,
        "metadata": {},
        "method": "standard",
        "original_payout": None,
        "payout_method": None,
        "reconciliation_status": "not_applicable",
        "reversed_by": None,
        "source_type": "card",
        "statement_descriptor": None,
        "status": "pending",
        "trace_id": {"status": "pending", "value": None},
        "type": "bank_account",
    }


def _send(books: Books, payout: Resource) -> Resource:
    payout["balance_transaction"] = _book(books, payout, "payout", "payout", -payout["amount"])
    books.keep(payout, "payout.created")
    books.put_off(payout["id"])
    return payout


def _book(books: Books, payout: Resource, kind: str, category: str, amount: int) -> str:
    movement = Movement(
        kind=kind,
        category=category,
        amount=amount,
        currency=payout["currency"],
        source=payout["id"],
        available_on=books.account.created,
        description=payout["description"] or "STRIPE PAYOUT",
    )
    booked: str = balance.book(books, movement)["id"]
    if payout["automatic"]:
        books.transaction.sql.execute("INSERT INTO paid_out VALUES (?, ?)", (booked, payout["id"]))
    return booked


def arrive(books: Books, payout_id: str) -> Resource:
    """The money is at the bank; an automatic payout is then reconciled, too."""
    payout = books.find("payout", payout_id)
    if payout["status"] not in ("pending", "in_transit"):
        return payout
    payout.update(status="paid", trace_id={"status": "supported", "value": new_id("trace")})
    books.keep(payout, "payout.paid")
    if payout["automatic"]:
        payout["reconciliation_status"] = "completed"
        books.keep(payout, "payout.updated", "payout.reconciliation_completed")
    return payout


def fail(books: Books, payout_id: str, failure_code: str) -> Resource:
    """The bank sends the money back, perhaps after it was reported as paid."""
    payout = books.find("payout", payout_id)
    if payout["status"] in ("failed", "canceled"):
        raise Refusal(400, f"This payout already has a status of {payout['status']}.")
    payout.update(
        status="failed",
        failure_code=failure_code,
        failure_message=_FAILURES[failure_code],
        failure_balance_transaction=_book(
            books, payout, "payout_failure", "payout_reversal", payout["amount"]
        ),
    )
    books.keep(payout, "payout.failed")
    return payout


def list_payouts(books: Books, parameters: Parameters) -> Resource:
    """The newest payouts first, optionally those of one status or destination."""
    return page(
        books.transaction, parameters, "payout", "/v1/payouts", equal=("status", "destination")
    )
