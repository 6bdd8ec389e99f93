"""What operators asked providers."""

import datetime as dt

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from payments.database import Base


class ProviderAsk(Base):
    """That a provider was to be asked about a payment, or about all that wait there.

    `status`: `running`, `done` or `failed` (it gave no answer for a day). Of `accepted` payments,
    `asked` were asked about so far, and `changed` stand elsewhere since. `position` is the id of
    the last one.
    """

    __tablename__ = "provider_asks"

    id: Mapped[str] = mapped_column(primary_key=True)
    provider: Mapped[str]
    payment_id: Mapped[str | None] = mapped_column(ForeignKey("strongroom.payments.id"))
    status: Mapped[str]
    accepted: Mapped[int]
    asked: Mapped[int] = mapped_column(default=0)
    changed: Mapped[int] = mapped_column(default=0)
    position: Mapped[str | None]
    error: Mapped[str | None]
    requested_by: Mapped[str]
    created_at: Mapped[dt.datetime]
    finished_at: Mapped[dt.datetime | None]
