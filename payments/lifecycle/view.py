"""A payment as callers and live events show it."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row

from payments.lifecycle.stages import Status
from payments.lifecycle.tables import Payment, Refund
from payments.providers.facts import Failure


@dataclass(frozen=True)
class BankView:
    """What of a payment is the bank rail's alone.

    `provider_status` is the provider's own word, `received` the minor units that arrived for it,
    whatever became of them.
    """

    reference: str
    provider_status: str | None
    expires_at: dt.datetime
    received: int

    def as_json(self) -> dict[str, Any]:
        """Return it as the API writes it."""
        return {
            "reference": self.reference,
            "provider_status": self.provider_status,
            "expires_at": rfc_3339(self.expires_at),
            "amount_received": str(self.received),
        }


@dataclass(frozen=True)
class PaymentView:
    """A payment; amounts in minor units of `currency`."""

    id: str
    order_id: str
    rail: str
    status: Status
    amount: int
    currency: str
    amount_captured: int
    amount_refunded: int
    failure: Failure | None
    created_at: dt.datetime
    updated_at: dt.datetime
    asked_action: Mapping[str, Any] | None = None
    bank: BankView | None = None
    escrow_id: str | None = None

    @property
    def next_action(self) -> dict[str, Any] | None:
        """What the payer's browser must do now; Stripe.js takes it from the intent itself.

        A payer by bank has the link that was answered when it was made; it is not shown again. What
        a wallet sends to an escrow is shown with the escrow.
        """
        if self.status is not Status.REQUIRES_ACTION or self.rail != "card":
            return None
        return dict(self.asked_action or {"type": "use_stripe_sdk"})

    def as_event(self) -> dict[str, Any]:
        """Return the payment as API.md writes it: amounts as digits, times in RFC 3339."""
        failure = self.failure
        return {
            "id": self.id,
            "order_id": self.order_id,
            "rail": self.rail,
            "status": self.status.value,
            "amount": str(self.amount),
            "currency": self.currency,
            "amount_captured": str(self.amount_captured),
            "amount_refunded": str(self.amount_refunded),
            "failure": None
            if failure is None
            else {
                "code": failure.code,
                "stripe_code": failure.stripe_code,
                "message": failure.message,
                "next_step": failure.next_step,
            },
            "next_action": self.next_action,
            "bank": None if self.bank is None else self.bank.as_json(),
            "escrow_id": self.escrow_id,
            "created_at": rfc_3339(self.created_at),
            "updated_at": rfc_3339(self.updated_at),
        }


def view_payment(row: Payment | Row[Any]) -> PaymentView:
    """Return the payment of a row, whether read as an object or as columns."""
    failure = None
    if row.failure_code is not None:
        failure = Failure(
            code=row.failure_code,
            message=row.failure_message or "",
            next_step=row.failure_next_step or "",
            stripe_code=row.stripe_code,
        )
    return PaymentView(
        id=row.id,
        order_id=row.order_id,
        rail=row.rail,
        status=Status(row.status),
        amount=row.amount,
        currency=row.currency,
        amount_captured=row.amount_captured,
        amount_refunded=row.amount_refunded,
        failure=failure,
        created_at=row.created_at,
        updated_at=row.updated_at,
        asked_action=row.next_action,
        bank=_view_bank(row),
        escrow_id=row.escrow_id,
    )


def _view_bank(row: Payment | Row[Any]) -> BankView | None:
    if row.bank_reference is None or row.expires_at is None:
        return None
    return BankView(
        reference=row.bank_reference,
        provider_status=row.provider_status,
        expires_at=row.expires_at,
        received=int(row.amount_received),
    )


@dataclass(frozen=True)
class RefundView:
    """A refund; `amount` in minor units of `currency`.

    With a `receipt_id` it gives back money that no order got, and nothing of the payment.
    """

    id: str
    payment_id: str
    order_id: str
    amount: int
    currency: str
    status: str
    reason: str | None
    failure_code: str | None
    receipt_id: str | None
    created_at: dt.datetime
    updated_at: dt.datetime

    def as_json(self) -> dict[str, Any]:
        """Return the refund as the API writes it: amounts as digits, times in RFC 3339."""
        again = "is held for the order again" if self.receipt_id is None else "waits again"
        failure = {
            "code": self.failure_code,
            "message": f"The refund did not arrive; the money {again}.",
        }
        return {
            "id": self.id,
            "payment_id": self.payment_id,
            "order_id": self.order_id,
            "amount": str(self.amount),
            "currency": self.currency,
            "status": self.status,
            "reason": self.reason,
            "failure": None if self.failure_code is None else failure,
            "receipt_id": self.receipt_id,
            "created_at": rfc_3339(self.created_at),
            "updated_at": rfc_3339(self.updated_at),
        }


def view_refund(row: Refund, *, order_id: str) -> RefundView:
    """Return the refund of a row."""
    return RefundView(
        id=row.id,
        payment_id=row.payment_id,
        order_id=order_id,
        amount=row.amount,
        currency=row.currency,
        status=row.status,
        reason=row.reason,
        failure_code=row.failure_code,
        receipt_id=row.receipt_id,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def rfc_3339(moment: dt.datetime) -> str:
    """Return a moment in UTC, as `2026-11-22T12:00:00Z`."""
    return moment.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")
