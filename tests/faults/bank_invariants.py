"""What must hold between our books and the simulated bank's, after any fault."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, text

from tests.faults.harness.books import ProviderBooks

_RECEIVED = """
    SELECT r.payment_id AS id, r.source, r.amount, r.currency FROM strongroom.bank_receipts r
      JOIN strongroom.payments p ON p.id = r.payment_id WHERE p.provider = 'truelayer'"""
_GIVEN_BACK = """
    SELECT provider_ref AS id, amount FROM strongroom.refunds
     WHERE provider = 'truelayer' AND booked = 'refunded' AND provider_ref IS NOT NULL"""
# What statements and Stripe's payouts move there is neither a payment nor a refund.
_ON_ITS_WAY = """
    SELECT s.code, sum(p.amount) AS amount FROM ledger.postings p
      JOIN ledger.accounts a ON a.id = p.account_id AND a.path = 'assets:bank:clearing'
      JOIN ledger.assets s ON s.id = a.asset_id
      JOIN ledger.entries e ON e.id = p.entry_id
     WHERE e.kind NOT LIKE 'settlement.%' AND e.kind NOT LIKE 'statement%' GROUP BY s.code"""


def broken_at_bank(connection: Connection, books: ProviderBooks) -> Iterator[str]:
    """Find what is twice, only there or only here."""
    payments, refunds = books.all("payment"), books.all("refund")
    made = Counter(_ours(payment, "payment_id") for payment in payments)
    made += Counter(_ours(refund, "refund_id") for refund in refunds)
    yield from (f"{one} is {count} times at the bank" for one, count in made.items() if count > 1)

    settled = [one for one in payments if one["status"] == "settled"]
    executed = [one for one in refunds if one["status"] == "executed"]
    receipts = connection.execute(text(_RECEIVED)).all()
    theirs = sorted((_ours(one, "payment_id"), one["amount_in_minor"]) for one in settled)
    ours = sorted((row.id, int(row.amount)) for row in receipts if row.source == "truelayer")
    if theirs != ours:
        yield f"settled at the bank: {theirs}, received here: {ours}"
    theirs = sorted((one["id"], one["amount_in_minor"]) for one in executed)
    given_back = sorted((row.id, int(row.amount)) for row in connection.execute(text(_GIVEN_BACK)))
    if theirs != given_back:
        yield f"given back by the bank: {theirs}, here: {given_back}"

    moved: Counter[str] = Counter()
    for one in settled:
        moved[one["currency"]] += one["amount_in_minor"]
    for one in executed:
        moved[one["currency"]] -= one["amount_in_minor"]
    for row in receipts:
        moved[row.currency] += 0 if row.source == "truelayer" else int(row.amount)
    booked = Counter({row.code: int(row.amount) for row in connection.execute(text(_ON_ITS_WAY))})
    if {code: amount for code, amount in moved.items() if amount} != {
        code: amount for code, amount in booked.items() if amount
    }:
        yield f"the bank moved {dict(moved)}, on its way to our accounts were {dict(booked)}"


def _ours(thing: dict[str, Any], name: str) -> str:
    return str(thing["metadata"].get(name))
