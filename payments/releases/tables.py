"""Releases."""

import datetime as dt

from sqlalchemy import BigInteger, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from payments.database import Base, MinorUnits


class Release(Base):
    """Held funds that go to the seller; amounts in minor units of `currency`.

    `status`: `requested` (waits for a second person), `approved`; on chain then `signed`,
    `broadcast`, `mined`; and `posted`, `failed` or `canceled`. The seller gets `amount` less
    `platform_fee` and `tax`, less `set_off`, which pays what they owe us. `origin` is `chain` when
    the depositor released it without us.
    """

    __tablename__ = "releases"

    id: Mapped[str] = mapped_column(primary_key=True)
    order_id: Mapped[str] = mapped_column(ForeignKey("strongroom.orders.id"))
    payment_id: Mapped[str] = mapped_column(ForeignKey("strongroom.payments.id"))
    escrow_id: Mapped[str | None] = mapped_column(ForeignKey("strongroom.escrows.id"))
    operation_id: Mapped[str | None]
    origin: Mapped[str]
    seller_id: Mapped[str] = mapped_column(ForeignKey("strongroom.parties.id"))
    amount: Mapped[int] = mapped_column(MinorUnits)
    currency: Mapped[str]
    platform_fee: Mapped[int] = mapped_column(MinorUnits)
    tax: Mapped[int] = mapped_column(MinorUnits)
    set_off: Mapped[int] = mapped_column(MinorUnits, default=0)
    status: Mapped[str]
    needs_approval: Mapped[bool]
    hold_id: Mapped[int | None] = mapped_column(BigInteger)
    failure_code: Mapped[str | None]
    failure_message: Mapped[str | None]
    requested_by: Mapped[str]
    approved_by: Mapped[str | None]
    canceled_by: Mapped[str | None]
    cancel_reason: Mapped[str | None]
    created_at: Mapped[dt.datetime]
    updated_at: Mapped[dt.datetime]
    posted_at: Mapped[dt.datetime | None]
