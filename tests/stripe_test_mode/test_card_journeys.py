"""Card payments through the use cases and the SDK: the same at the simulated and the real Stripe.

Run at the real one's test mode by `make test-stripe`, and at the simulated one by `make test`.
"""

import datetime as dt

import pytest
from sqlalchemy import Engine

from payments.database import transaction
from payments.errors import ConflictError, DeclinedError
from payments.idempotency import Answered
from payments.intake.cancel_payment import cancel_payment
from payments.intake.capture_payment import capture_payment
from payments.intake.confirm_payment import confirm_payment
from payments.intake.create_checkout import create_checkout
from payments.intake.create_intent import create_intent
from payments.lifecycle.tables import Payment
from payments.lifecycle.view import PaymentView
from payments.providers.connect import Providers
from payments.providers.facts import ChargeSucceeded
from payments.providers.stripe import balance, event_list, intents
from payments.providers.stripe.client import StripeClient
from payments.providers.stripe.intent_facts import facts_of_intent
from payments.providers.stripe.intents import Capture
from payments.refunds.create_refund import create_refund
from tests.conditions import wait_until
from tests.payments.shop import CIPHER, SERVICE, Shop, new_reference
from tests.stripe_test_mode.conftest import KeyOfTestMode

AMOUNT = 11_900
ASKS_BANK = "pm_card_authenticationRequired"
NO_MONEY = "pm_card_visa_chargeDeclinedInsufficientFunds"
BACK = "https://shop.test/orders/1"


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)  # noqa: TID251 - Stripe dates by the real clock


class Desk:
    """Acts as the platform's backend, each time under a new reference."""

    def __init__(self, engine: Engine, shop: Shop, stripe: StripeClient) -> None:
        self.engine = engine
        self.stripe = stripe
        self._shop = shop

    def start(self, *, capture: Capture = "automatic", reference: str | None = None) -> PaymentView:
        return create_intent(
            self.engine,
            caller=SERVICE,
            reference=reference or new_reference(),
            order_id=self._shop.order().id,
            capture=capture,
            now=now(),
            cipher=CIPHER,
            stripe=self.stripe,
        ).resource.payment

    def confirm(
        self,
        payment: PaymentView,
        card: str = "pm_card_visa",
        *,
        reference: str | None = None,
        return_url: str | None = None,
    ) -> Answered[PaymentView]:
        return confirm_payment(
            self.engine,
            caller=SERVICE,
            reference=reference or new_reference(),
            payment_id=payment.id,
            payment_method=card,
            return_url=return_url,
            trusted_origins={"https://shop.test"},
            now=now(),
            stripe=self.stripe,
        )

    def capture(self, payment: PaymentView, amount: int | None) -> PaymentView:
        return capture_payment(
            self.engine,
            caller=SERVICE,
            reference=new_reference(),
            payment_id=payment.id,
            amount=amount,
            now=now(),
            stripe=self.stripe,
        ).resource

    def cancel(self, payment: PaymentView) -> PaymentView:
        return cancel_payment(
            self.engine,
            caller=SERVICE,
            reference=new_reference(),
            payment_id=payment.id,
            reason="requested_by_customer",
            now=now(),
            providers=Providers(self.stripe, banks={}),
        ).resource

    def refund(self, payment: PaymentView, amount: int | None) -> str:
        refund = create_refund(
            self.engine,
            caller=SERVICE,
            reference=new_reference(),
            payment_id=payment.id,
            amount=amount,
            reason="requested_by_customer",
            now=now(),
            providers=Providers(self.stripe, banks={}),
        ).resource
        return refund.status

    def intent_of(self, payment: PaymentView) -> intents.Intent:
        """Ask Stripe for the payment's intent."""
        with transaction(self.engine) as session:
            ref = session.get_one(Payment, payment.id).provider_ref
        assert ref is not None
        return intents.retrieve(self.stripe, provider_ref=ref)


@pytest.fixture
def desk(engine: Engine, shop: Shop, stripe: StripeClient) -> Desk:
    return Desk(engine, shop, stripe)


def test_a_card_is_charged_and_stripe_shows_the_same(desk: Desk) -> None:
    payment = desk.start()
    reference = new_reference()
    paid = desk.confirm(payment, reference=reference)
    assert (paid.resource.status, paid.resource.amount_captured) == ("succeeded", AMOUNT)
    again = desk.confirm(payment, reference=reference)
    assert (again.replayed, again.resource) == (True, paid.resource)
    [fact] = facts_of_intent(desk.intent_of(payment).shown, seen_at=now())
    assert isinstance(fact, ChargeSucceeded)
    assert (fact.payment_id, fact.amount, fact.currency) == (payment.id, AMOUNT, "EUR")


def test_money_goes_back_in_parts_and_no_further(desk: Desk) -> None:
    payment = desk.start()
    desk.confirm(payment)
    assert desk.refund(payment, 4_000) == "succeeded"
    assert desk.refund(payment, None) == "succeeded"
    with pytest.raises(ConflictError) as refused:
        desk.refund(payment, 1)
    assert refused.value.code == "refund_exceeds_payment"


@pytest.mark.parametrize(
    ("card", "stripe_code", "next_step"),
    [
        (NO_MONEY, "insufficient_funds", "try_another_card"),
        ("pm_card_visa_chargeDeclined", "generic_decline", "try_another_card"),
        ("pm_card_visa_chargeDeclinedLostCard", "generic_decline", "try_another_card"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", "try_another_card"),
        ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", "check_card_details"),
        ("pm_card_chargeDeclinedProcessingError", "processing_error", "try_again"),
    ],
)
def test_a_decline_says_what_to_do_and_another_card_pays(
    desk: Desk, card: str, stripe_code: str, next_step: str
) -> None:
    payment = desk.start()
    with pytest.raises(DeclinedError) as declined:
        desk.confirm(payment, card)
    assert (declined.value.stripe_code, declined.value.next_step) == (stripe_code, next_step)
    assert desk.intent_of(payment).status == "requires_payment_method"
    assert desk.confirm(payment).resource.status == "succeeded"


def test_the_bank_asks_through_stripe_js_and_another_card_takes_its_place(desk: Desk) -> None:
    payment = desk.start()
    asked = desk.confirm(payment, ASKS_BANK).resource
    assert (asked.status, asked.next_action) == ("requires_action", {"type": "use_stripe_sdk"})
    assert desk.confirm(payment).resource.status == "succeeded"


def test_the_bank_asks_on_a_page_of_its_own(desk: Desk) -> None:
    payment = desk.start()
    asked = desk.confirm(payment, ASKS_BANK, return_url=BACK).resource
    assert asked.next_action is not None
    assert asked.next_action["type"] == "redirect_to_url"
    assert asked.next_action["url"].startswith("http")


def test_what_is_reserved_is_captured_in_part(desk: Desk) -> None:
    payment = desk.start(capture="manual")
    assert desk.confirm(payment).resource.status == "processing"
    assert desk.intent_of(payment).status == "requires_capture"
    taken = desk.capture(payment, 9_000)
    assert (taken.status, taken.amount, taken.amount_captured) == ("succeeded", AMOUNT, 9_000)
    assert desk.refund(payment, None) == "succeeded"


def test_a_payment_is_given_up(desk: Desk) -> None:
    payment = desk.start()
    assert desk.cancel(payment).status == "canceled"
    assert desk.intent_of(payment).status == "canceled"


def test_a_page_is_made_and_closed(desk: Desk, engine: Engine, shop: Shop) -> None:
    made = create_checkout(
        engine,
        caller=SERVICE,
        reference=new_reference(),
        order_id=shop.order().id,
        success_url=BACK,
        cancel_url=BACK,
        trusted_origins={"https://shop.test"},
        now=now(),
        cipher=CIPHER,
        stripe=desk.stripe,
    ).resource
    assert made.url is not None
    assert made.session_ref.startswith("cs_")
    assert desk.cancel(made.payment).status == "canceled"


def test_stripes_balance_shows_the_charge_and_its_fee(desk: Desk) -> None:
    since = now() - dt.timedelta(minutes=5)
    payment = desk.start()
    desk.confirm(payment)

    def charges() -> list[balance.BalanceTransaction]:
        page = balance.list_transactions(desk.stripe, since=since)
        return [
            item
            for item in page.transactions
            if item.source is not None and item.source.payment_id == payment.id
        ]

    wait_until(lambda: bool(charges()), timeout_s=30)
    [charge] = charges()
    assert charge.net == charge.amount - charge.fee
    assert charge.fee > 0


def test_stripes_events_tell_of_the_payment(desk: Desk) -> None:
    since = now() - dt.timedelta(minutes=5)
    payment = desk.start()
    desk.confirm(payment)

    def told() -> list[str]:
        page = event_list.next_page(
            desk.stripe, from_at=since, to_at=now() + dt.timedelta(minutes=1)
        )
        return [event.type for event in page if payment.id.encode() in event.payload]

    wait_until(lambda: "payment_intent.succeeded" in told(), timeout_s=60)
    assert "payment_intent.created" in told()


@pytest.mark.parametrize("text", ["sk_live_1", "rk_live_1", "pk_test_1", "whatever"])
def test_only_test_keys_are_taken(text: str) -> None:
    with pytest.raises(ValueError, match="no test key"):
        KeyOfTestMode(text)
