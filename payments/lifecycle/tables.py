"""Payments, the history of their status, and every call made to a provider."""

import datetime as dt

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from payments.database import Base, MinorUnits


class Payment(Base):
    """One attempt of a buyer to pay an order over one rail."""

    __tablename__ = "payments"

    id: Mapped[str] = mapped_column(primary_key=True)
    order_id: Mapped[str] = mapped_column(ForeignKey("strongroom.orders.id"))
    rail: Mapped[str]
    provider: Mapped[str]
    provider_ref: Mapped[str | None]
    capture: Mapped[str]
    status: Mapped[str]
    amount: Mapped[int] = mapped_column(MinorUnits)
    currency: Mapped[str]
    amount_refunded: Mapped[int] = mapped_column(MinorUnits)
    failure_code: Mapped[str | None]
    stripe_code: Mapped[str | None]
    failure_message: Mapped[str | None]
    failure_next_step: Mapped[str | None]
    client_secret_encrypted: Mapped[bytes | None]
    created_at: Mapped[dt.datetime]
    updated_at: Mapped[dt.datetime]


class PaymentEvent(Base):
    """One step of a payment's life: append-only, numbered from 1."""

    __tablename__ = "payment_events"

    payment_id: Mapped[str] = mapped_column(ForeignKey("strongroom.payments.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    from_status: Mapped[str | None]
    to_status: Mapped[str]
    cause: Mapped[str]
    occurred_at: Mapped[dt.datetime]
    recorded_at: Mapped[dt.datetime]


class ProviderCall(Base):
    """The intent of one call to a provider, committed before the call is made.

    `state`: `intent` (committed, perhaps sent), `done`, `refused`, or `unknown` (no answer).
    """

    __tablename__ = "provider_calls"

    id: Mapped[str] = mapped_column(primary_key=True)
    payment_id: Mapped[str] = mapped_column(ForeignKey("strongroom.payments.id"))
    operation: Mapped[str]
    idempotency_key: Mapped[str]
    state: Mapped[str]
    error: Mapped[str | None]
    created_at: Mapped[dt.datetime]
    finished_at: Mapped[dt.datetime | None]
