"""Freezes, and who asked to lift them."""

import datetime as dt

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from payments.database import Base


class Freeze(Base):
    """Nothing is released while it is in force: nowhere (`all`), or of one `order`."""

    __tablename__ = "freezes"

    id: Mapped[str] = mapped_column(primary_key=True)
    scope: Mapped[str]
    order_id: Mapped[str | None] = mapped_column(ForeignKey("strongroom.orders.id"))
    reason: Mapped[str]
    created_by: Mapped[str]
    created_at: Mapped[dt.datetime]
    lift_reason: Mapped[str | None]
    lift_requested_by: Mapped[str | None]
    lift_requested_at: Mapped[dt.datetime | None]
    lifted_by: Mapped[str | None]
    lifted_at: Mapped[dt.datetime | None]
