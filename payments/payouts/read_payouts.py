"""Shows payouts to the sellers they are for, to the platform's backend and to the staff."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.access.caller import Caller
from payments.errors import NotFoundError
from payments.lifecycle.view import rfc_3339
from payments.pages import Page, page_of
from payments.payouts.failures import message_of
from payments.payouts.tables import PayoutDestination, SellerPayout

PAGE = 100
STATUSES = ("waiting", "queued", "intent", "unknown", "pending", "paid", "failed")


@dataclass(frozen=True, kw_only=True)
class DestinationView:
    """Where a payout goes, as far as it may be shown."""

    id: str
    kind: str
    hint: str


@dataclass(frozen=True, kw_only=True)
class PayoutView:
    """A payout as callers are shown it; amounts in minor units of `currency`."""

    id: str
    release_id: str
    order_id: str
    seller_id: str
    provider: str
    destination: DestinationView | None
    amount: int
    amount_paid: int
    currency: str
    status: str
    failure_code: str | None
    created_at: dt.datetime
    updated_at: dt.datetime
    paid_at: dt.datetime | None

    def as_json(self) -> dict[str, Any]:
        """Return the form of the API and of live updates."""
        failure = self.failure_code
        return {
            "id": self.id,
            "release_id": self.release_id,
            "order_id": self.order_id,
            "seller_id": self.seller_id,
            "provider": self.provider,
            "destination": None if self.destination is None else dict(vars(self.destination)),
            "amount": str(self.amount),
            "amount_paid": str(self.amount_paid),
            "currency": self.currency,
            "status": self.status,
            "failure": failure and {"code": failure, "message": message_of(failure)},
            "created_at": rfc_3339(self.created_at),
            "updated_at": rfc_3339(self.updated_at),
            "paid_at": self.paid_at and rfc_3339(self.paid_at),
        }


def read_payout(session: Session, *, caller: Caller, payout_id: str) -> PayoutView:
    """Return the payout.

    Raises:
        NotFoundError: there is none, or it is another seller's.
    """
    payout = session.get(SellerPayout, payout_id)
    if payout is None or not caller.may_see(payout.seller_id):
        raise NotFoundError("There is no such payout.")
    return view_payout(session, payout)


def list_payouts(
    session: Session,
    *,
    caller: Caller,
    seller_id: str | None = None,
    status: str | None = None,
    after: str | None = None,
    limit: int = PAGE,
) -> Page[PayoutView]:
    """Return up to `limit` of the payouts that the caller may see, newest first.

    `after` is the id of the last payout of the page before.
    """
    found = select(SellerPayout).order_by(SellerPayout.id.desc()).limit(limit + 1)
    if caller.is_person:
        found = found.where(SellerPayout.seller_id == caller.party_id)
    if seller_id is not None:
        found = found.where(SellerPayout.seller_id == seller_id)
    if status is not None:
        found = found.where(SellerPayout.status == status)
    if after is not None:
        found = found.where(SellerPayout.id < after)
    return page_of(_views(session, session.scalars(found).all()), limit=limit)


def payout_of(session: Session, release_id: str) -> SellerPayout | None:
    """Return the payout of a release, if one was made."""
    return session.scalars(select(SellerPayout).filter_by(release_id=release_id)).one_or_none()


def view_payout(session: Session, payout: SellerPayout) -> PayoutView:
    """Return a payout as callers are shown it."""
    return _views(session, [payout])[0]


def _views(session: Session, payouts: Sequence[SellerPayout]) -> list[PayoutView]:
    ids = {payout.destination_id for payout in payouts if payout.destination_id}
    row = PayoutDestination
    found = session.execute(select(row.id, row.kind, row.hint).where(row.id.in_(ids)))
    destinations = {
        one.id: DestinationView(id=one.id, kind=one.kind, hint=one.hint) for one in found
    }
    return [
        PayoutView(
            id=payout.id,
            release_id=payout.release_id,
            order_id=payout.order_id,
            seller_id=payout.seller_id,
            provider=payout.provider,
            destination=destinations.get(payout.destination_id or ""),
            amount=payout.amount,
            amount_paid=payout.amount_paid,
            currency=payout.currency,
            status=payout.status,
            failure_code=payout.failure_code,
            created_at=payout.created_at,
            updated_at=payout.updated_at,
            paid_at=payout.paid_at,
        )
        for payout in payouts
    ]
