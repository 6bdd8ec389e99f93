"""Payments, the history of their status, and what may follow a charge: refunds and disputes."""

import datetime as dt
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Identity
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from payments.database import Base, MinorUnits


class Payment(Base):
    """One attempt of a buyer to pay an order over one rail.

    `amount_captured` is what was taken, `amount_refunded` what of it went back; `poll_at` is when
    to ask the provider next, None when there is nothing to learn. Of the bank rail alone: the
    provider's own word for where it stands and of when, the reference its transfer quotes,
    until when it may be paid, and `amount_received`, the sum of its receipts; `taken_back_at`, when
    the provider took back what it had told to have come by then. Of the crypto rail: its escrow.
    """

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
    amount_captured: Mapped[int] = mapped_column(MinorUnits, default=0)
    amount_refunded: Mapped[int] = mapped_column(MinorUnits, default=0)
    authorized_at: Mapped[dt.datetime | None]
    failure_code: Mapped[str | None]
    stripe_code: Mapped[str | None]
    failure_message: Mapped[str | None]
    failure_next_step: Mapped[str | None]
    next_action: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    client_secret_encrypted: Mapped[bytes | None]
    checkout_session_ref: Mapped[str | None]
    checkout_url_encrypted: Mapped[bytes | None]
    provider_status: Mapped[str | None]
    provider_status_at: Mapped[dt.datetime | None]
    taken_back_at: Mapped[dt.datetime | None]
    bank_reference: Mapped[str | None]
    link_url_encrypted: Mapped[bytes | None]
    expires_at: Mapped[dt.datetime | None]
    amount_received: Mapped[int] = mapped_column(MinorUnits, default=0)
    escrow_id: Mapped[str | None]
    poll_at: Mapped[dt.datetime | None]
    polls: Mapped[int] = mapped_column(default=0)
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


class PaymentDecline(Base):
    """A failed attempt to pay as its payer was told it, and who told us: append-only."""

    __tablename__ = "payment_declines"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    payment_id: Mapped[str] = mapped_column(ForeignKey("strongroom.payments.id"))
    cause: Mapped[str]
    code: Mapped[str]
    stripe_code: Mapped[str | None]
    message: Mapped[str]
    next_step: Mapped[str]
    occurred_at: Mapped[dt.datetime]
    recorded_at: Mapped[dt.datetime]


class Refund(Base):
    """Money going back to the buyer; `origin` is `api` when we asked for it, else `provider`.

    `status`: `pending`, `succeeded`, `failed` or `canceled`. `booked` is how far the ledger is:
    `nothing`, `held` in the escrow, `refunded`, `returned` (it had been refunded and came back),
    or `released` (it had been held and is not any more). `owed` is what of it the escrow lacked
    and the seller owes. With a `receipt_id` it comes out of suspense instead of the escrow.
    `poll_at` is when to ask the provider what became of it.
    """

    __tablename__ = "refunds"

    id: Mapped[str] = mapped_column(primary_key=True)
    payment_id: Mapped[str] = mapped_column(ForeignKey("strongroom.payments.id"))
    provider: Mapped[str]
    provider_ref: Mapped[str | None]
    origin: Mapped[str]
    amount: Mapped[int] = mapped_column(MinorUnits)
    currency: Mapped[str]
    status: Mapped[str]
    reason: Mapped[str | None]
    failure_code: Mapped[str | None]
    occurred_at: Mapped[dt.datetime]
    booked: Mapped[str] = mapped_column(default="nothing")
    hold_id: Mapped[int | None] = mapped_column(BigInteger)
    owed: Mapped[int] = mapped_column(MinorUnits, default=0)
    receipt_id: Mapped[str | None] = mapped_column(ForeignKey("strongroom.bank_receipts.id"))
    poll_at: Mapped[dt.datetime | None]
    created_at: Mapped[dt.datetime]
    updated_at: Mapped[dt.datetime]


class BankReceipt(Base):
    """Money that arrived at our bank for a payment; what is neither applied nor returned waits.

    `amount_applied` is held for the order, `amount_returned` went back or is going back; the rest
    is in suspense, and `reason` says why: `short`, `over`, `twice` or `late`.
    """

    __tablename__ = "bank_receipts"

    id: Mapped[str] = mapped_column(primary_key=True)
    payment_id: Mapped[str] = mapped_column(ForeignKey("strongroom.payments.id"))
    source: Mapped[str]
    receipt_ref: Mapped[str]
    amount: Mapped[int] = mapped_column(MinorUnits)
    currency: Mapped[str]
    occurred_at: Mapped[dt.datetime]
    amount_applied: Mapped[int] = mapped_column(MinorUnits, default=0)
    amount_returned: Mapped[int] = mapped_column(MinorUnits, default=0)
    reason: Mapped[str | None]
    created_at: Mapped[dt.datetime]
    updated_at: Mapped[dt.datetime]


class DeadlineExtension(Base):
    """A deadline put off: of one payment, or of all that a provider carries; append-only.

    Those of one `batch_id` were asked for at once.
    """

    __tablename__ = "deadline_extensions"

    id: Mapped[str] = mapped_column(primary_key=True)
    batch_id: Mapped[str]
    payment_id: Mapped[str | None] = mapped_column(ForeignKey("strongroom.payments.id"))
    provider: Mapped[str | None]
    extended_until: Mapped[dt.datetime]
    reason: Mapped[str]
    created_by: Mapped[str]
    created_at: Mapped[dt.datetime]


class Dispute(Base):
    """A buyer's bank asks for the money back.

    `status`: `warning` (questions only), `warning_closed`, `open` (the money is gone for now),
    `won` or `lost`. `booked` is how far the ledger is: `nothing`, `open`, `won` or `lost`.
    `owed` is what of it the escrow lacked and the seller owes.
    """

    __tablename__ = "disputes"

    id: Mapped[str] = mapped_column(primary_key=True)
    payment_id: Mapped[str] = mapped_column(ForeignKey("strongroom.payments.id"))
    provider: Mapped[str]
    provider_ref: Mapped[str]
    amount: Mapped[int] = mapped_column(MinorUnits)
    currency: Mapped[str]
    status: Mapped[str]
    reason: Mapped[str]
    evidence_due_by: Mapped[dt.datetime | None]
    occurred_at: Mapped[dt.datetime]
    booked: Mapped[str] = mapped_column(default="nothing")
    hold_id: Mapped[int | None] = mapped_column(BigInteger)
    owed: Mapped[int] = mapped_column(MinorUnits, default=0)
    created_at: Mapped[dt.datetime]
    updated_at: Mapped[dt.datetime]
