"""Payments by bank for a test, as the intake leaves them, and what may be told of them."""

import datetime as dt
import secrets
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, select, text

import ledger
from payments import invariants
from payments.bank_reference import new_reference
from payments.database import in_transaction, transaction
from payments.identifiers import new_id
from payments.intake.read_payment import read_payment
from payments.lifecycle.record_facts import SourcedFact, record_facts
from payments.lifecycle.tables import BankReceipt, Payment, PaymentEvent
from payments.lifecycle.view import PaymentView
from payments.orders.read_order import read_order
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
from tests.payments.shop import NOW, SERVICE, Shop

AMOUNT = 11_900
ESCROW, CLEARING, SUSPENSE = (
    "liabilities:escrow:ORDER",
    "assets:bank:clearing",
    "assets:suspense:unmatched",
)
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
        provider_ref=f"tl_{secrets.token_hex(16)}",
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

    def asked(self, second: int = 1) -> ActionRequired:
        return ActionRequired(**self.which(second, "authorization_required"))

    def executed(self, second: int = 3) -> Processing:
        return Processing(**self.which(second, "executed"))

    def settled(
        self, second: int = 4, amount: int = AMOUNT, currency: str = "EUR"
    ) -> MoneyReceived:
        return MoneyReceived(
            **self.which(second, "settled"),
            source=self.payment.provider,
            receipt_ref=str(self.payment.provider_ref),
            amount=amount,
            currency=currency,
        )

    def transfer(self, amount: int, *, second: int = 5, number: int = 1) -> MoneyReceived:
        """A line on our bank's statement that quotes the payment's reference."""
        return MoneyReceived(
            **self.which(second) | {"provider_ref": None},
            source="statement",
            receipt_ref=f"stl_{number}_{self.payment.id}",
            amount=amount,
            currency="EUR",
        )

    def failed(self, second: int = 2, *, takes_back: bool = False) -> PaymentFailed:
        which = self.which(second, "failed")
        return PaymentFailed(**which, failure=REFUSED, takes_back=takes_back)

    def canceled(self, second: int = 6) -> Canceled:
        return Canceled(**self.which(second))

    def expired(self, second: int = 6) -> Expired:
        return Expired(**self.which(second))

    def refund(
        self, status: str, *, second: int = 8, amount: int = 2_500, refund_id: str | None = None
    ) -> RefundReported:
        return RefundReported(
            **self.which(second),
            refund_ref=f"re_{refund_id or self.payment.id}",
            refund_id=refund_id,
            amount=amount,
            currency="EUR",
            status=RefundStatus(status),
        )

    def dispute(self, status: str, *, second: int = 9) -> DisputeReported:
        return DisputeReported(
            **self.which(second),
            dispute_ref=f"cb_{self.payment.id}",
            amount=AMOUNT,
            currency="EUR",
            status=DisputeStatus(status),
            reason="charged_back",
        )


@dataclass(frozen=True)
class BankShop:
    """A shop whose payments come by bank."""

    shop: Shop

    @property
    def engine(self) -> Engine:
        return self.shop.engine

    def told(self, provider: str = "truelayer") -> ToldByBank:
        return ToldByBank(bank_payment(self.shop, provider=provider))

    def record(self, *facts: Fact) -> list[str]:
        batch = [SourcedFact(fact, "truelayer:evt_1") for fact in facts]
        outcomes = in_transaction(
            self.engine, lambda session: record_facts(session, batch, now=NOW)
        )
        return [outcome.reason or outcome.result.value for outcome in outcomes]

    def read(self, payment: Payment) -> PaymentView:
        with transaction(self.engine) as session:
            return read_payment(session, caller=SERVICE, payment_id=payment.id)

    def receipts(self, payment: Payment) -> list[tuple[int, int, int, str | None]]:
        """Amount, applied, returned and reason of each, oldest first."""
        found = select(BankReceipt).filter_by(payment_id=payment.id)
        with transaction(self.engine) as session:
            rows = session.scalars(found.order_by(BankReceipt.occurred_at)).all()
        return [(row.amount, row.amount_applied, row.amount_returned, row.reason) for row in rows]

    def books(self, payment: Payment) -> dict[str, int]:
        """What the payment's entries come to on each account, without what is nothing."""
        with self.engine.connect() as connection:
            rows = connection.execute(
                text("""
                    SELECT a.path, sum(p.amount)::bigint AS amount FROM ledger.entries e
                      JOIN ledger.postings p ON p.entry_id = e.id
                      JOIN ledger.accounts a ON a.id = p.account_id
                     WHERE e.metadata->>'payment_id' = :id
                     GROUP BY a.path HAVING sum(p.amount) <> 0
                """),
                {"id": payment.id},
            ).all()
        return {
            row.path.replace(payment.order_id, "ORDER").replace(payment.id, "PAYMENT"): row.amount
            for row in rows
        }

    def order_status(self, payment: Payment) -> str:
        with transaction(self.engine) as session:
            order = read_order(session, caller=SERVICE, order_id=payment.order_id)
        return order.status

    def show(self, payment: Payment) -> dict[str, Any]:
        """What callers are shown of it as of one by bank."""
        shown: dict[str, Any] = self.read(payment).as_event()["bank"]
        return shown

    def receipt_ids(self, payment: Payment) -> list[str]:
        """Its receipts, oldest first."""
        found = select(BankReceipt.id).filter_by(payment_id=payment.id)
        with transaction(self.engine) as session:
            return list(session.scalars(found.order_by(BankReceipt.occurred_at)))

    def assert_invariants(self) -> None:
        with self.engine.connect() as connection:
            assert ledger.broken_invariants(connection) == []
            assert invariants.broken_invariants(connection) == []
