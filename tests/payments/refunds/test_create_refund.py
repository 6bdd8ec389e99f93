"""Refunds: asked for once, made once, found again when nobody answered."""

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import Engine, text

import ledger
from payments.access.caller import Caller
from payments.database import in_transaction, transaction
from payments.errors import (
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    ReferenceReusedError,
    StrongroomError,
    UnavailableError,
)
from payments.idempotency import Answered
from payments.intake.create_intent import create_intent
from payments.intake.read_payment import read_payment
from payments.lifecycle.record_facts import SourcedFact, record_facts
from payments.lifecycle.view import PaymentView, RefundView
from payments.providers.connect import Providers
from payments.providers.facts import ChargeSucceeded, DisputeReported, DisputeStatus
from payments.providers.stripe.client import StripeClient
from payments.refunds.create_refund import create_refund
from payments.refunds.read_refund import list_refunds, read_refund
from payments.refunds.refund_duplicate import refund_duplicate
from payments.refunds.resolve_refunds import resolve_refunds
from tests.payments.conftest import Line
from tests.payments.shop import CIPHER, NOW, SERVICE, Shop, new_reference, open_shop

AMOUNT = 11_900


@dataclass(frozen=True)
class Paid:
    """A payment that was charged, at Stripe and here."""

    engine: Engine
    stripe: StripeClient
    id: str
    order_id: str
    provider_ref: str

    def refund(
        self,
        amount: int | None = None,
        *,
        reference: str | None = None,
        caller: Caller = SERVICE,
        now: dt.datetime = NOW,
    ) -> Answered[RefundView]:
        return create_refund(
            self.engine,
            caller=caller,
            reference=reference or new_reference(),
            payment_id=self.id,
            amount=amount,
            reason="requested_by_customer",
            now=now,
            providers=self.providers,
        )

    @property
    def providers(self) -> Providers:
        return Providers(stripe=self.stripe, banks={})

    def read(self) -> PaymentView:
        with transaction(self.engine) as session:
            return read_payment(session, caller=SERVICE, payment_id=self.id)

    def refunds(self) -> list[RefundView]:
        with transaction(self.engine) as session:
            return list_refunds(session, caller=SERVICE, payment_id=self.id)

    def at_stripe(self) -> list[int]:
        """What Stripe gave back of it."""
        page = self.stripe.v1.refunds.list({"payment_intent": self.provider_ref})
        return sorted(refund.amount for refund in page.data)

    def escrow(self) -> tuple[int, int]:
        """What is held for the order, and what of it is free."""
        name = (f"liabilities:escrow:{self.order_id}", "EUR")
        with self.engine.connect() as connection:
            account_id = ledger.find_account_ids(connection, [name])[name]
            free = ledger.available(connection, account_id)
            return -ledger.balance(connection, account_id), free or 0


@pytest.fixture(scope="module")
def buyers_shop(engine: Engine) -> Shop:
    return open_shop(engine)


@pytest.fixture
def paid(engine: Engine, shop: Shop, stripe: StripeClient) -> Paid:
    return pay(engine, shop, stripe)


def pay(engine: Engine, shop: Shop, stripe: StripeClient, card: str = "pm_card_visa") -> Paid:
    order = shop.order()
    created = create_intent(
        engine,
        caller=SERVICE,
        reference=new_reference(),
        order_id=order.id,
        now=NOW,
        cipher=CIPHER,
        stripe=stripe,
    ).resource
    intent_id = created.client_secret.partition("_secret_")[0]
    stripe.v1.payment_intents.confirm(intent_id, {"payment_method": card, "use_stripe_sdk": True})
    charged = ChargeSucceeded(
        provider="stripe",
        provider_ref=intent_id,
        payment_id=created.payment.id,
        occurred_at=NOW,
        amount=order.amount,
        currency="EUR",
    )
    in_transaction(
        engine, lambda session: record_facts(session, [SourcedFact(charged, "test")], now=NOW)
    )
    return Paid(engine, stripe, created.payment.id, order.id, intent_id)


def test_a_part_and_then_all_that_is_left(paid: Paid) -> None:
    first = paid.refund(2_500)
    assert (first.replayed, first.resource.amount, first.resource.status) == (
        False,
        2_500,
        "succeeded",
    )
    assert (paid.read().status, paid.read().amount_refunded) == ("partially_refunded", 2_500)
    assert paid.escrow() == (9_400, 9_400)
    rest = paid.refund()
    assert rest.resource.amount == 9_400
    assert (paid.read().status, paid.read().amount_refunded) == ("refunded", AMOUNT)
    assert paid.at_stripe() == [2_500, 9_400]
    assert {refund.id for refund in paid.refunds()} == {first.resource.id, rest.resource.id}


def test_the_same_reference_gives_the_same_refund(paid: Paid) -> None:
    first = paid.refund(2_500, reference="refund-7")
    again = paid.refund(2_500, reference="refund-7")
    assert (again.replayed, again.resource.id) == (True, first.resource.id)
    assert paid.at_stripe() == [2_500]
    with pytest.raises(ReferenceReusedError):
        paid.refund(2_501, reference="refund-7")


@pytest.mark.parametrize("amount", [AMOUNT + 1, 10**40])
def test_more_than_was_paid_is_refused_by_name(paid: Paid, amount: int) -> None:
    with pytest.raises(ConflictError) as refused:
        paid.refund(amount)
    assert refused.value.code == "refund_exceeds_payment"
    assert refused.value.errors == {"amount": ["At most 11900 is left to refund."]}
    assert paid.escrow() == (AMOUNT, AMOUNT)


def test_nothing_is_left_after_a_whole_refund(paid: Paid) -> None:
    paid.refund()
    with pytest.raises(ConflictError) as refused:
        paid.refund(1)
    assert refused.value.errors == {"amount": ["All of it was refunded before."]}


def test_a_refund_of_nothing_is_refused(paid: Paid) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        paid.refund(0)
    assert "amount" in refused.value.errors


def test_what_was_not_paid_cannot_be_refunded(
    engine: Engine, shop: Shop, stripe: StripeClient
) -> None:
    payment = shop.payment(shop.order())
    with pytest.raises(ConflictError) as refused:
        Paid(engine, stripe, payment.id, payment.order_id, "").refund()
    assert refused.value.code == "payment_not_refundable"


def test_a_payment_of_others_is_not_there(paid: Paid, shop: Shop) -> None:
    with pytest.raises(NotFoundError):
        paid.refund(caller=shop.buyer)
    with pytest.raises(NotFoundError):
        Paid(paid.engine, paid.stripe, "pay_none", "", "").refund()


def test_its_parties_see_a_refund_and_nobody_else_does(
    engine: Engine, paid: Paid, shop: Shop, buyers_shop: Shop
) -> None:
    refund = paid.refund(100).resource
    with transaction(engine) as session:
        for caller in (shop.buyer, shop.seller, SERVICE):
            assert read_refund(session, caller=caller, refund_id=refund.id) == refund
        with pytest.raises(NotFoundError):
            read_refund(session, caller=buyers_shop.buyer, refund_id=refund.id)
        with pytest.raises(NotFoundError):
            list_refunds(session, caller=buyers_shop.buyer, payment_id=paid.id)


def test_a_disputed_payment_is_not_refunded_as_well(engine: Engine, paid: Paid) -> None:
    dispute = DisputeReported(
        provider="stripe",
        provider_ref=paid.provider_ref,
        payment_id=None,
        occurred_at=NOW,
        dispute_ref=f"dp_{paid.id}",
        amount=AMOUNT,
        currency="EUR",
        status=DisputeStatus.OPEN,
        reason="fraudulent",
    )
    in_transaction(
        engine, lambda session: record_facts(session, [SourcedFact(dispute, "test")], now=NOW)
    )
    with pytest.raises(ConflictError) as refused:
        paid.refund()
    assert refused.value.code == "payment_disputed"


def test_what_was_released_is_not_refunded_behind_the_sellers_back(
    engine: Engine, shop: Shop, paid: Paid
) -> None:
    escrow = (f"liabilities:escrow:{paid.order_id}", "EUR")
    seller = ledger.AccountSpec(f"liabilities:seller:{shop.seller_id}", "EUR")
    with engine.begin() as connection:
        ids = ledger.open_accounts(connection, [seller])
        ids |= ledger.find_account_ids(connection, [escrow])
        lines = [
            ledger.Posting(ids[escrow], 5_000),
            ledger.Posting(ids[seller.path, "EUR"], -5_000),
        ]
        ledger.post(connection, ledger.Entry(f"rel_{paid.id}", "release", NOW, lines))
    with pytest.raises(ConflictError) as refused:
        paid.refund()
    assert refused.value.code == "funds_released"
    assert paid.refund(6_900).resource.status == "succeeded"


def test_callers_at_once_never_give_back_more_than_was_paid(paid: Paid) -> None:
    def ask(_: int) -> int:
        try:
            return paid.refund(2_000).resource.amount
        except StrongroomError:
            return 0

    with ThreadPoolExecutor(8) as callers:
        amounts = list(callers.map(ask, range(10)))
    assert sum(amounts) == sum(paid.at_stripe()) == paid.read().amount_refunded == 10_000
    assert paid.escrow() == (1_900, 1_900)


# ---- when Stripe does not answer ---------------------------------------------------------------


def test_a_lost_answer_is_found_by_the_same_request(paid: Paid, line: Line) -> None:
    line.fault = "lost_answer"
    with pytest.raises(UnavailableError):
        paid.refund(2_500, reference="lost")
    line.fault = None
    assert paid.escrow() == (AMOUNT, AMOUNT - 2_500)  # nobody else may have it meanwhile
    again = paid.refund(2_500, reference="lost")
    assert again.resource.status == "succeeded"
    assert paid.at_stripe() == [2_500]
    assert paid.escrow() == (9_400, 9_400)


def test_a_lost_answer_is_looked_up_if_nobody_asks_again(paid: Paid, line: Line) -> None:
    line.fault = "lost_answer"
    with pytest.raises(UnavailableError):
        paid.refund(2_500)
    line.fault = None
    assert resolve(paid, NOW)["resolved"] == 0, "it is not due yet"
    assert resolve(paid, NOW + dt.timedelta(minutes=2))["resolved"] == 1
    assert [refund.status for refund in paid.refunds()] == ["succeeded"]
    assert paid.at_stripe() == [2_500]


def test_a_refund_that_never_reached_stripe_is_made_while_keys_are_remembered(
    paid: Paid, line: Line
) -> None:
    line.fault = 503
    with pytest.raises(UnavailableError):
        paid.refund(2_500)
    line.fault = None
    assert paid.at_stripe() == []
    assert resolve(paid, NOW + dt.timedelta(minutes=2))["resolved"] == 1
    assert paid.at_stripe() == [2_500]


def test_a_refund_that_never_reached_stripe_fails_when_keys_are_forgotten(
    paid: Paid, line: Line
) -> None:
    line.fault = 503
    with pytest.raises(UnavailableError):
        paid.refund(2_500, reference="forgotten")
    line.fault = None
    assert resolve(paid, NOW + dt.timedelta(days=2))["resolved"] == 1
    assert [refund.status for refund in paid.refunds()] == ["failed"]
    assert paid.at_stripe() == []
    assert paid.escrow() == (AMOUNT, AMOUNT)
    assert paid.refund(2_500, reference="forgotten").replayed is False


def test_while_stripe_is_away_nothing_is_concluded(paid: Paid, line: Line) -> None:
    line.fault = "lost_answer"
    with pytest.raises(UnavailableError):
        paid.refund(2_500)
    line.lookups_fail = True
    later = NOW + dt.timedelta(minutes=2)
    assert resolve(paid, later)["still_unknown"] == 1
    assert resolve(paid, later)["still_unknown"] == 0, "asked again too soon"
    line.lookups_fail, line.fault = False, None
    assert resolve(paid, later + dt.timedelta(minutes=10))["resolved"] == 1
    assert paid.at_stripe() == [2_500]


def resolve(paid: Paid, now: dt.datetime) -> dict[str, int]:
    """Look up what is due of this payment alone: other tests leave their own behind."""
    with paid.engine.begin() as connection:
        connection.execute(
            text("""
                UPDATE strongroom.provider_calls SET due_at = '3000-01-01'
                 WHERE operation = 'refund' AND payment_id <> :id AND state IN ('intent', 'unknown')
            """),
            {"id": paid.id},
        )
    return resolve_refunds(paid.engine, providers=paid.providers, now=now, limit=10)


def test_what_stripe_refuses_gives_everything_back(paid: Paid) -> None:
    paid.stripe.v1.refunds.create({"payment_intent": paid.provider_ref, "amount": AMOUNT})
    with pytest.raises(ConflictError) as refused:
        paid.refund(2_500, reference="refused")
    assert refused.value.code == "provider_refused"
    assert [refund.status for refund in paid.refunds()] == ["failed"]
    assert paid.escrow() == (AMOUNT, AMOUNT)


def test_what_was_paid_twice_goes_back_once(paid: Paid) -> None:
    def run() -> bool:
        return refund_duplicate(paid.engine, payment_id=paid.id, now=NOW, providers=paid.providers)

    assert [run(), run()] == [True, True]
    assert paid.at_stripe() == [AMOUNT]


def test_views_are_as_the_api_writes_them(paid: Paid) -> None:
    shown: dict[str, Any] = paid.refund(2_500).resource.as_json()
    assert (shown["amount"], shown["currency"], shown["failure"]) == ("2500", "EUR", None)
    assert shown["created_at"] == "2026-11-22T12:00:00Z"
