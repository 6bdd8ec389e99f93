"""Where parties are paid, and the payouts made there."""

import datetime as dt

from sqlalchemy import BigInteger, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from payments.database import Base, MinorUnits


class PayoutDestination(Base):
    """Where a party is paid: an address of a chain, a connected Stripe account, or an IBAN.

    It is in force from `active_from`, once somebody else than who proposed it approved it, until
    a newer one is. `hint` is what of it may be shown to everybody who sees the party. Of an erased
    party, the destination is None.
    """

    __tablename__ = "payout_destinations"

    id: Mapped[str] = mapped_column(primary_key=True)
    party_id: Mapped[str] = mapped_column(ForeignKey("strongroom.parties.id"))
    kind: Mapped[str]
    chain: Mapped[str | None]
    currency: Mapped[str | None]
    destination_encrypted: Mapped[bytes | None]
    hint: Mapped[str]
    status: Mapped[str]
    active_from: Mapped[dt.datetime | None]
    proposed_by: Mapped[str]
    decided_by: Mapped[str | None]
    created_at: Mapped[dt.datetime]
    decided_at: Mapped[dt.datetime | None]


class SellerPayout(Base):
    """What a release owes its seller, on its way; amounts in minor units of `currency`.

    `status`: `waiting` (no destination yet), `queued`, `intent` (perhaps sent), `unknown` (no
    answer), `pending` (under way at the provider), `paid` or `failed`: then the money is the
    seller's, and somebody may try again. `amount_paid` is what of it is booked as paid and did not
    come back. `due_at` is when to do the next thing.
    """

    __tablename__ = "seller_payouts"

    id: Mapped[str] = mapped_column(primary_key=True)
    release_id: Mapped[str]
    order_id: Mapped[str] = mapped_column(ForeignKey("strongroom.orders.id"))
    payment_id: Mapped[str] = mapped_column(ForeignKey("strongroom.payments.id"))
    seller_id: Mapped[str] = mapped_column(ForeignKey("strongroom.parties.id"))
    destination_id: Mapped[str | None] = mapped_column(
        ForeignKey("strongroom.payout_destinations.id")
    )
    provider: Mapped[str]
    amount: Mapped[int] = mapped_column(MinorUnits)
    amount_paid: Mapped[int] = mapped_column(MinorUnits, default=0)
    currency: Mapped[str]
    status: Mapped[str]
    hold_id: Mapped[int | None] = mapped_column(BigInteger)
    failure_code: Mapped[str | None]
    attempts: Mapped[int] = mapped_column(default=0)
    looks: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[dt.datetime | None]
    created_at: Mapped[dt.datetime]
    updated_at: Mapped[dt.datetime]
    paid_at: Mapped[dt.datetime | None]


class PayoutAttempt(Base):
    """One time a payout was sent, or perhaps sent; the next one is made when this one has ended.

    `state`: `open`, `paid` or `failed`; of what was paid, `amount_returned` came back.
    """

    __tablename__ = "seller_payout_attempts"

    payout_id: Mapped[str] = mapped_column(
        ForeignKey("strongroom.seller_payouts.id"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True)
    provider: Mapped[str]
    provider_ref: Mapped[str | None]
    source_ref: Mapped[str | None]
    destination_id: Mapped[str] = mapped_column(ForeignKey("strongroom.payout_destinations.id"))
    amount: Mapped[int] = mapped_column(MinorUnits)
    amount_returned: Mapped[int] = mapped_column(MinorUnits, default=0)
    state: Mapped[str]
    failure_code: Mapped[str | None]
    created_at: Mapped[dt.datetime]
    ended_at: Mapped[dt.datetime | None]
