"""The record of who saw documents with personal data: append-only."""

import datetime as dt

from sqlalchemy.orm import Mapped, mapped_column

from payments.database import Base


class InvoiceAccess(Base):
    """One look: `invoice_id` is None for a pro forma, the list of documents, and a link to them."""

    __tablename__ = "invoice_accesses"

    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[str]
    invoice_id: Mapped[str | None]
    principal: Mapped[str]
    role: Mapped[str]
    way: Mapped[str]
    reason: Mapped[str | None]
    at: Mapped[dt.datetime]
