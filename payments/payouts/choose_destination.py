"""Which destination a payout goes to: the one in force, of the kind its provider pays to."""

import datetime as dt

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.payouts.destinations import Kind
from payments.payouts.tables import PayoutDestination

_STRIPE = "stripe"
CANNOT_PAY_OUT = frozenset({"gocardless"})
"""Providers that have money sent to our own bank account and pay nobody out of it."""


def kind_paid_by(provider: str) -> Kind:
    """Return the kind of destination a provider pays to."""
    return "stripe" if provider == _STRIPE else "bank"


def destination_in_force(
    session: Session, *, party_id: str, provider: str, currency: str, now: dt.datetime
) -> PayoutDestination | None:
    """Return where a provider may pay a party in a currency now; None while there is nowhere."""
    kind = kind_paid_by(provider)
    found = (
        select(PayoutDestination)
        .filter_by(
            party_id=party_id,
            kind=kind,
            status="approved",
            currency=currency if kind == "bank" else None,
        )
        .where(PayoutDestination.active_from <= now)
        .order_by(PayoutDestination.active_from.desc(), PayoutDestination.id.desc())
        .limit(1)
    )
    return session.scalars(found).first()
