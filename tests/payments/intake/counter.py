"""A counter at which a test pays: payments started and acted on through one line to Stripe."""

import datetime as dt
from typing import Any

from sqlalchemy import select

from payments.calls.tables import ProviderCall
from payments.database import transaction
from payments.idempotency import Answered
from payments.intake.cancel_payment import cancel_payment
from payments.intake.capture_payment import capture_payment
from payments.intake.confirm_payment import confirm_payment
from payments.intake.create_bank_link import CreatedLink, create_bank_link
from payments.intake.create_intent import create_intent
from payments.lifecycle.tables import Payment, PaymentEvent
from payments.lifecycle.view import PaymentView
from payments.orders.view import OrderView
from payments.providers.connect import Providers
from payments.providers.stripe.client import StripeClient
from tests.payments.shop import CIPHER, NOW, SERVICE, Shop, new_reference

ORIGINS = ("https://shop.test",)
BACK = "https://shop.test/orders/1?by=bank"
OPEN_FOR = dt.timedelta(hours=72)


class Counter:
    """Does what a caller asks for, by default as the platform's backend."""

    def __init__(self, shop: Shop, stripe: StripeClient) -> None:
        self.shop = shop
        self.stripe = stripe
        self.providers = Providers(stripe, banks={})
        self.now = NOW

    def wait(self, **time: int) -> None:
        self.now += dt.timedelta(**time)

    def start(self, order: OrderView | None = None, *, capture: Any = "automatic") -> PaymentView:
        self.wait(seconds=1)  # of two payments the later one is the newer one
        return create_intent(
            self.shop.engine,
            caller=self.shop.buyer,
            reference=new_reference(),
            order_id=(order or self.shop.order()).id,
            capture=capture,
            now=self.now,
            cipher=CIPHER,
            stripe=self.stripe,
        ).resource.payment

    def link(self, order: OrderView | None = None, **changed: Any) -> Answered[CreatedLink]:
        self.wait(seconds=1)
        call: dict[str, Any] = {
            "order_id": (order or self.shop.order()).id,
            "caller": self.shop.buyer,
            "reference": new_reference(),
            "return_url": BACK,
            "open_for": OPEN_FOR,
            "providers": self.providers,
        }
        return create_bank_link(
            self.shop.engine,
            trusted_origins=ORIGINS,
            now=self.now,
            cipher=CIPHER,
            **(call | changed),
        )

    def confirm(
        self, payment_id: str, card: str = "pm_card_visa", **changed: Any
    ) -> Answered[PaymentView]:
        call: dict[str, Any] = {"return_url": None, "caller": SERVICE, "reference": new_reference()}
        return confirm_payment(
            self.shop.engine,
            payment_id=payment_id,
            payment_method=card,
            trusted_origins=ORIGINS,
            now=self.now,
            stripe=self.stripe,
            **(call | changed),
        )

    def cancel(self, payment_id: str, **changed: Any) -> Answered[PaymentView]:
        call: dict[str, Any] = {"caller": SERVICE, "reference": new_reference()} | changed
        return cancel_payment(
            self.shop.engine, payment_id=payment_id, now=self.now, providers=self.providers, **call
        )

    def capture(
        self, payment_id: str, amount: int | None = None, **changed: Any
    ) -> Answered[PaymentView]:
        call: dict[str, Any] = {"caller": SERVICE, "reference": new_reference()} | changed
        return capture_payment(
            self.shop.engine,
            payment_id=payment_id,
            amount=amount,
            now=self.now,
            stripe=self.stripe,
            **call,
        )

    def let_stripe_forget(self, payment_id: str) -> None:
        with transaction(self.shop.engine) as session:
            row = session.get_one(Payment, payment_id)
            row.provider_ref = f"{row.provider_ref}_that_stripe_never_made"

    def row(self, payment_id: str) -> Payment:
        with transaction(self.shop.engine) as session:
            return session.get_one(Payment, payment_id)

    def calls(self, payment_id: str, operation: str) -> list[ProviderCall]:
        found = select(ProviderCall).filter_by(payment_id=payment_id, operation=operation)
        with transaction(self.shop.engine) as session:
            return list(session.scalars(found.order_by(ProviderCall.id)))

    def history(self, payment_id: str) -> list[tuple[str, str]]:
        found = select(PaymentEvent).filter_by(payment_id=payment_id).order_by(PaymentEvent.seq)
        with transaction(self.shop.engine) as session:
            return [(step.to_status, step.cause) for step in session.scalars(found)]
