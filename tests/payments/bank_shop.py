"""Payments by bank for a test, as the intake leaves them, and what may be told of them."""

import datetime as dt
import secrets
from dataclasses import dataclass
from typing import Any

from payments.bank_reference import new_reference
from payments.database import transaction
from payments.identifiers import new_id
from payments.lifecycle.tables import Payment, PaymentEvent
from payments.orders.view import OrderView
from payments.providers.facts import (
    ActionRequired,
    Canceled,
    DisputeReported,
    DisputeStatus,
    Expired,
    Fact,
    Failure,
    MoneyReceived,
    PaymentFailed,
    Processing,
    RefundReported,
    RefundStatus,
)
from tests.payments.shop import NOW, Shop

AMOUNT = 11_900
REFUSED = Failure(code="bank_refused", message="No.", next_step="try_again")


def bank_payment(
    shop: Shop, order: OrderView | None = None, *, provider: str = "truelayer"
) -> Payment:
    """Return a payment whose link the payer has."""
    order = order or shop.order()
    row = Payment(
        id=new_id("pay", now=NOW),
        order_id=order.id,
        rail="bank",
        provider=provider,
        provider_ref=f"tl_{secrets.token_hex(8)}",
        capture="automatic",
        status="created",
        amount=order.amount,
        currency=order.currency,
        amount_refunded=0,
        bank_reference=new_reference(),
        expires_at=NOW + dt.timedelta(hours=72),
        created_at=NOW,
        updated_at=NOW,
    )
    created = PaymentEvent(
        payment_id=row.id,
        seq=1,
        to_status="created",
        cause="api:create",
        occurred_at=NOW,
        recorded_at=NOW,
    )
    with transaction(shop.engine) as session:
        session.add(row)
        session.flush()
        session.add(created)
    return row


@dataclass(frozen=True)
class ToldByBank:
    """What a bank's provider, or a statement, may tell of one payment."""

    payment: Payment

    def which(self, second: int, status: str | None = None) -> dict[str, Any]:
        return {
            "provider": self.payment.provider,
            "provider_ref": self.payment.provider_ref,
            "payment_id": self.payment.id,
            "occurred_at": NOW + dt.timedelta(seconds=second),
            "provider_status": status,
        }

    def asked(self, second: int = 1) -> Fact:
        return ActionRequired(**self.which(second, "authorization_required"))

    def executed(self, second: int = 3) -> Fact:
        return Processing(**self.which(second, "executed"))

    def settled(self, second: int = 4, amount: int = AMOUNT, currency: str = "EUR") -> Fact:
        return MoneyReceived(
            **self.which(second, "settled"),
            source=self.payment.provider,
            receipt_ref=str(self.payment.provider_ref),
            amount=amount,
            currency=currency,
        )

    def transfer(self, amount: int, *, second: int = 5, number: int = 1) -> Fact:
        """A line on our bank's statement that quotes the payment's reference."""
        return MoneyReceived(
            **self.which(second) | {"provider_ref": None},
            source="statement",
            receipt_ref=f"stl_{number}_{self.payment.id}",
            amount=amount,
            currency="EUR",
        )

    def failed(self, second: int = 2, *, takes_back: bool = False) -> Fact:
        which = self.which(second, "failed")
        return PaymentFailed(**which, failure=REFUSED, takes_back=takes_back)

    def canceled(self, second: int = 6) -> Fact:
        return Canceled(**self.which(second))

    def expired(self, second: int = 6) -> Fact:
        return Expired(**self.which(second))

    def refund(
        self, status: str, *, second: int = 8, amount: int = 2_500, refund_id: str | None = None
    ) -> Fact:
        return RefundReported(
            **self.which(second),
            refund_ref=f"re_{refund_id or self.payment.id}",
            refund_id=refund_id,
            amount=amount,
            currency="EUR",
            status=RefundStatus(status),
        )

    def dispute(self, status: str, *, second: int = 9) -> Fact:
        return DisputeReported(
            **self.which(second),
            dispute_ref=f"cb_{self.payment.id}",
            amount=AMOUNT,
            currency="EUR",
            status=DisputeStatus(status),
            reason="charged_back",
        )
