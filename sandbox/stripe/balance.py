"""The account's balance: every movement as a balance transaction, and the sums of them.

As described at https://docs.stripe.com/api/balance_transactions and
https://docs.stripe.com/reports/reporting-categories.
"""

from dataclasses import dataclass

from sandbox.stripe.account import new_id
from sandbox.stripe.books import Books
from sandbox.stripe.forms import Parameters
from sandbox.stripe.lists import Conditions, page
from sandbox.stripe.refusals import Refusal, Resource

URL = "/v1/balance_transactions"


@dataclass(frozen=True)
class Movement:
    """What is booked: `amount` in minor units, negative for money that leaves; fees on top."""

    kind: str
    category: str
    amount: int
    currency: str
    source: str
    available_on: int
    description: str | None = None
    fee: int = 0
    fee_description: str = ""


def book(books: Books, movement: Movement) -> Resource:
    """Write a movement down; the balance transaction."""
    fee_detail = {
        "amount": movement.fee,
        "application": None,
        "currency": movement.currency,
        "description": movement.fee_description,
        "type": "stripe_fee",
    }
    booked: Resource = {
        "id": new_id("txn"),
        "object": "balance_transaction",
        "amount": movement.amount,
        "available_on": movement.available_on,
        "balance_type": "payments",
        "created": books.account.created,
        "currency": movement.currency,
        "description": movement.description,
        "exchange_rate": None,
        "fee": movement.fee,
        "fee_details": [fee_detail] if movement.fee else [],
        "net": movement.amount - movement.fee,
        "reporting_category": movement.category,
        "source": movement.source,
        "status": "pending",
        "type": movement.kind,
    }
    books.transaction.put(booked)
    return shown(books, booked)


def shown(books: Books, booked: Resource) -> Resource:
    """A balance transaction as it is now: `pending` until its money is available."""
    available = booked["available_on"] <= books.account.created
    return booked | {"status": "available" if available else "pending"}


def retrieve(books: Books, balance_transaction_id: str) -> Resource:
    """One balance transaction, or Stripe's 404."""
    return shown(books, books.find("balance_transaction", balance_transaction_id))


def list_transactions(books: Books, parameters: Parameters) -> Resource:
    """The newest first; `payout` selects what one automatic payout paid out."""
    conditions = Conditions()
    payout = parameters.text("payout")
    if payout is not None:
        books.find("payout", payout, param="payout")
        conditions.add("id IN (SELECT balance_transaction FROM paid_out WHERE payout = ?)", payout)
    return page(
        books.transaction,
        parameters,
        "balance_transaction",
        URL,
        conditions=conditions,
        equal=("type", "source", "currency"),
        show=lambda booked: shown(books, booked),
    )


def sums(books: Books) -> dict[str, tuple[int, int]]:
    """Pending and available money in minor units, for every currency that ever moved."""
    rows = books.transaction.sql.execute(
        "SELECT json_extract(body, '$.currency'),"
        " sum(CASE WHEN json_extract(body, '$.available_on') > ?"
        " THEN json_extract(body, '$.net') ELSE 0 END), sum(json_extract(body, '$.net'))"
        " FROM objects WHERE kind = 'balance_transaction' GROUP BY 1 ORDER BY 1",
        (books.account.created,),
    )
    return {currency: (pending, total - pending) for currency, pending, total in rows}


def retrieve_balance(books: Books) -> Resource:
    """The balance: what is pending and what is available, by currency."""
    totals = sums(books) or {"usd": (0, 0)}
    return {
        "object": "balance",
        "available": [_sum(currency, available) for currency, (_, available) in totals.items()],
        "connect_reserved": [{"amount": 0, "currency": currency} for currency in totals],
        "livemode": False,
        "pending": [_sum(currency, pending) for currency, (pending, _) in totals.items()],
    }


def _sum(currency: str, amount: int) -> Resource:
    return {"amount": amount, "currency": currency, "source_types": {"card": amount}}


def check_available(books: Books, amount: int, currency: str) -> None:
    """Refuse what the available balance does not cover."""
    _, available = sums(books).get(currency, (0, 0))
    if amount > available:
        raise Refusal(
            400,
            "You have insufficient funds in your Stripe account for this transfer:"
            f" {available} available in {currency}, {amount} asked for.",
            code="balance_insufficient",
        )


def make_available(books: Books) -> int:
    """Make all pending money available now; how many balance transactions that concerned."""
    waiting = books.transaction.bodies(
        "kind = 'balance_transaction' AND json_extract(body, '$.available_on') > ?",
        books.account.created,
    )
    for booked in waiting:
        books.transaction.put(booked | {"available_on": books.account.created})
    return len(waiting)
