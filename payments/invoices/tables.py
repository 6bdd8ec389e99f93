"""Issued documents, their files, what is still to be rendered, and pro formas."""

import datetime as dt

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from payments.database import Base, MinorUnits


class Invoice(Base):
    """An issued invoice or credit note: append-only; amounts in minor units of `currency`.

    `content_encrypted` is the frozen `Document`, None once it was kept long enough, and
    `content_sha256` the hash of its text. With a `refund_id` it `corrects` another document: a
    credit note says that the refund was made, and an invoice that its money came back to us.
    """

    __tablename__ = "invoices"

    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    order_id: Mapped[str] = mapped_column(ForeignKey("strongroom.orders.id"))
    corrects: Mapped[str | None] = mapped_column(ForeignKey("strongroom.invoices.id"))
    refund_id: Mapped[str | None] = mapped_column(ForeignKey("strongroom.refunds.id"))
    series: Mapped[str]
    year: Mapped[int]
    number: Mapped[int]
    number_text: Mapped[str]
    currency: Mapped[str]
    amount: Mapped[int] = mapped_column(MinorUnits)
    tax_amount: Mapped[int] = mapped_column(MinorUnits)
    content_encrypted: Mapped[bytes | None]
    content_sha256: Mapped[bytes]
    issued_at: Mapped[dt.datetime]


class InvoiceFile(Base):
    """A rendered document: `sha256` and `size` are of the bytes as they are served."""

    __tablename__ = "invoice_files"

    invoice_id: Mapped[str] = mapped_column(ForeignKey("strongroom.invoices.id"), primary_key=True)
    format: Mapped[str] = mapped_column(primary_key=True)
    content_encrypted: Mapped[bytes | None]
    sha256: Mapped[bytes]
    size: Mapped[int]
    renderer: Mapped[str]
    created_at: Mapped[dt.datetime]


class InvoiceRendering(Base):
    """How far the files of a document are: `waiting` until `try_at`, `ready` or `failed`."""

    __tablename__ = "invoice_renderings"

    invoice_id: Mapped[str] = mapped_column(ForeignKey("strongroom.invoices.id"), primary_key=True)
    status: Mapped[str]
    attempts: Mapped[int] = mapped_column(default=0)
    problem: Mapped[str | None]
    try_at: Mapped[dt.datetime]
    updated_at: Mapped[dt.datetime]


class ProForma(Base):
    """The PDF of an order that is not paid, made when somebody wanted it."""

    __tablename__ = "pro_formas"

    order_id: Mapped[str] = mapped_column(ForeignKey("strongroom.orders.id"), primary_key=True)
    content_encrypted: Mapped[bytes | None]
    wanted_at: Mapped[dt.datetime]
    made_at: Mapped[dt.datetime | None]
    problem: Mapped[str | None]
