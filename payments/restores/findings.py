"""Writes down what a look at the providers found, each thing once for a restore."""

import datetime as dt
from typing import Literal

from sqlalchemy import and_, case, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from payments.identifiers import new_id
from payments.restores.tables import RestoreFinding

Kind = Literal["payment", "refund", "payout", "release", "dispute", "chain", "event", "to_check"]
Standing = Literal["open", "adopted", "awaiting"]

_CLAIMABLE = ("refund", "payout", "release")


def note_finding(
    session: Session,
    *,
    restore_id: str,
    kind: Kind,
    provider: str,
    provider_ref: str,
    status: Standing,
    detail: str,
    now: dt.datetime,
    order_id: str | None = None,
    payment_id: str | None = None,
    our_id: str | None = None,
    money: tuple[int, str] | None = None,
) -> None:
    """Write a finding, or where it stands by now; `money` is minor units and their currency.

    What a person has settled, or something has taken the place of, stays as it is; so does money
    that an earlier restore found: it has one claim, whatever is restored after that.
    """
    if status != "open" and kind in _CLAIMABLE:
        earlier = select(RestoreFinding.id).where(
            RestoreFinding.kind == kind,
            RestoreFinding.provider == provider,
            RestoreFinding.provider_ref == provider_ref,
            RestoreFinding.restore_id != restore_id,
            RestoreFinding.status != "open",
        )
        if session.execute(earlier.limit(1)).first() is not None:
            return
    amount, currency = money or (None, None)
    wanted = insert(RestoreFinding).values(
        id=new_id("rsf", now=now),
        restore_id=restore_id,
        kind=kind,
        provider=provider,
        provider_ref=provider_ref,
        status=status,
        order_id=order_id,
        payment_id=payment_id,
        our_id=our_id,
        amount=amount,
        currency=currency,
        detail=detail,
        found_at=now,
    )
    told = wanted.excluded
    is_adopted = RestoreFinding.status == "adopted"
    session.execute(
        wanted.on_conflict_do_update(
            index_elements=["restore_id", "kind", "provider", "provider_ref"],
            set_={
                "status": case((is_adopted, "adopted"), else_=told.status),
                "detail": case((is_adopted, RestoreFinding.detail), else_=told.detail),
                "order_id": told.order_id,
                "payment_id": told.payment_id,
            },
            where=and_(RestoreFinding.claimed_by.is_(None), RestoreFinding.status != "settled"),
        )
    )
