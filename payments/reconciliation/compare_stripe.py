"""Stripe's balance and its transactions against the ledger: what differs is a finding each."""

import datetime as dt

from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from payments.errors import ConflictError, UnavailableError
from payments.log_lines import get_logger
from payments.providers.stripe.client import StripeClient
from payments.reconciliation.findings import Found
from payments.settlement.compare_balance import Comparison, compare_balance

IN_FLIGHT_FOR = dt.timedelta(days=1)
"""What is in flight for longer should have arrived."""
AWAITED_FOR = dt.timedelta(hours=1)

_KINDS = {
    "not booked": "missing_in_ledger",
    "payment event awaited": "missing_in_ledger",
    "balance transaction awaited": "missing_at_provider",
}
_PLACES = ("pending", "available")

_TRANSACTIONS = text("""
    SELECT id, type, CAST(amount AS text) AS amount, currency, fault
      FROM strongroom.balance_transactions
     WHERE (booked = 'nothing' AND fault IS NOT NULL)
        OR (awaits IS NOT NULL AND principal_entry_id IS NULL AND booked <> 'nothing'
            AND (fault IS NOT NULL OR occurred_at < :awaited_since))
""")


def find_odd_transactions(session: Session, *, now: dt.datetime) -> list[Found]:
    """Return movements at Stripe that fit no entry, or whose payment was never told to us."""
    return [
        Found(
            f"stripe:transaction:{row.id}",
            "missing_in_ledger" if row.fault is None else "amount_differs",
            row.id,
            int(row.amount),
            None,
            row.currency,
            row.fault or f"No entry of ours is known for this {row.type}",
        )
        for row in session.execute(_TRANSACTIONS, {"awaited_since": now - AWAITED_FOR})
    ]


def find_stripe_drift(
    engine: Engine, stripe: StripeClient, *, now: dt.datetime
) -> list[Found] | None:
    """Return what differs of Stripe's balance; None when Stripe does not answer."""
    try:
        compared = compare_balance(engine, stripe=stripe, now=now)
    except (UnavailableError, ConflictError) as error:
        get_logger(__name__).warning("stripe_balance_not_compared", error=error.detail)
        return None
    return [found for comparison in compared for found in _findings(comparison, now=now)]


def _findings(comparison: Comparison, *, now: dt.datetime) -> list[Found]:
    currency, unexplained = comparison.currency, comparison.unexplained
    found = [
        Found(
            f"stripe:balance:{currency}:{place}",
            "balance_drift",
            "stripe",
            getattr(comparison.stripe, place),
            getattr(comparison.stripe, place) - getattr(unexplained, place),
            currency,
            f"Stripe's {place} balance differs by {getattr(unexplained, place):+}, which nothing"
            " explains",
        )
        for place in _PLACES
        if getattr(unexplained, place)
    ]
    found += [
        Found(
            f"stripe:balance:{currency}:{known.reason}",
            _KINDS.get(known.reason, "stale_pending"),
            "stripe",
            known.pending + known.available,
            None,
            currency,
            f"{known.transactions} transactions, {known.reason}, since {known.since:%Y-%m-%d}",
        )
        for known in comparison.in_flight
        if known.since < now - IN_FLIGHT_FOR
    ]
    return found
