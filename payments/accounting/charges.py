"""From a charge to its ledger entry: money taken from a buyer, held for the order.

Effect keys are permanent. They begin with the payment's id, which grows with time.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

import ledger
from ledger import Entry, Posting
from payments.accounting.chart_of_accounts import incoming, order_escrow
from payments.accounting.entries import open_moment
from payments.providers.facts import ChargeSucceeded


@dataclass(frozen=True)
class Charge:
    """Money taken from a buyer for an order, to be held until it is released or given back."""

    payment_id: str
    order_id: str
    fact: ChargeSucceeded

    @property
    def effect_key(self) -> str:
        """The charge's key, once for ever."""
        return f"{self.payment_id}:charged"


def book_charges(connection: Connection, charges: Sequence[Charge]) -> list[ledger.Result]:
    """Post one entry for each charge, as one batch; answers in the same order."""
    if not charges:
        return []
    pending = [incoming(charge.fact.provider, charge.fact.currency) for charge in charges]
    escrows = [order_escrow(charge.order_id, charge.fact.currency) for charge in charges]
    accounts = ledger.open_accounts(connection, list(dict.fromkeys(pending + escrows)))
    oldest = min(charge.fact.occurred_at for charge in charges)
    first_open = open_moment(connection, oldest)
    entries = [
        charge_entry(
            charge,
            pending_id=accounts[pending.path, pending.asset],
            escrow_id=accounts[escrow.path, escrow.asset],
        )._replace(occurred_at=max(charge.fact.occurred_at, first_open))
        for charge, pending, escrow in zip(charges, pending, escrows, strict=True)
    ]
    return ledger.post_batch(connection, entries)


def charge_entry(charge: Charge, *, pending_id: int, escrow_id: int) -> Entry:
    """Debit what the provider owes us, credit what we hold for the order."""
    return Entry(
        effect_key=charge.effect_key,
        kind="charge",
        occurred_at=charge.fact.occurred_at,
        postings=(
            Posting(pending_id, charge.fact.amount),
            Posting(escrow_id, -charge.fact.amount),
        ),
        description="Card payment held for the order",
        metadata={
            "order_id": charge.order_id,
            "payment_id": charge.payment_id,
            "provider_ref": charge.fact.provider_ref,
        },
    )
