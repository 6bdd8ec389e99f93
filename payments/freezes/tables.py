"""Freezes, and who asked to lift them."""

import datetime as dt

from sqlalchemy import BigInteger, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from payments.database import Base


class Freeze(Base):
    """Nothing is released while it is in force: nowhere (`all`), or of one `order`.

    `in_force_after` is the newest entry of the ledger when every release that had begun before it
    had ended, `lifted_after` the newest when it was lifted: none between them is a release.
    """

    __tablename__ = "freezes"

    id: Mapped[str] = mapped_column(primary_key=True)
    scope: Mapped[str]
    order_id: Mapped[str | None] = mapped_column(ForeignKey("strongroom.orders.id"))
    reason: Mapped[str]
    created_by: Mapped[str]
    created_at: Mapped[dt.datetime]
    in_force_after: Mapped[int | None] = mapped_column(BigInteger)
    lift_reason: Mapped[str | None]
    lift_requested_by: Mapped[str | None]
    lift_requested_at: Mapped[dt.datetime | None]
    lifted_by: Mapped[str | None]
    lifted_at: Mapped[dt.datetime | None]
    lifted_after: Mapped[int | None] = mapped_column(BigInteger)

    @property
    def status(self) -> str:
        """Where it stands: `in_force`, `lift_requested` (and in force all the same), `lifted`."""
        if self.lifted_at is not None:
            return "lifted"
        return "in_force" if self.lift_requested_at is None else "lift_requested"
