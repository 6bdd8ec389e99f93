"""Captures in part, refunds and disputes: every order of the same facts ends in the same books."""

import datetime as dt
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import Engine, select, text

import ledger
from payments.database import in_transaction, transaction
from payments.delivery.tables import OutboxRow
from payments.intake.read_payment import read_payment
from payments.lifecycle.record_facts import Outcome, SourcedFact, record_facts
from payments.lifecycle.tables import Dispute, Payment, Refund
from payments.orders.read_order import read_order
from payments.providers.facts import (
    Authorized,
    Canceled,
    ChargeSucceeded,
    DisputeReported,
    DisputeStatus,
    Expired,
    Fact,
    Failure,
    PaymentFailed,
    RefundReported,
    RefundStatus,
)
from tests.depth import part_of
from tests.payments.shop import NOW, SERVICE, Shop, open_shop

AMOUNT = 11_900
NO = Failure(code="card_declined", message="No.", next_step="try_another_card")


@dataclass(frozen=True)
class Told:
    """What a provider may tell of one payment."""

    payment: Payment

    def which(self, second: int) -> dict[str, Any]:
        return {
            "provider": "stripe",
            "provider_ref": self.payment.provider_ref,
            "payment_id": self.payment.id,
            "occurred_at": NOW + dt.timedelta(seconds=second),
        }

    def charged(self, second: int = 3, amount: int = AMOUNT) -> Fact:
        return ChargeSucceeded(**self.which(second), amount=amount, currency="EUR")

    def authorized(self, second: int = 2) -> Fact:
        return Authorized(**self.which(second))

    def declined(self, second: int = 1) -> Fact:
        return PaymentFailed(**self.which(second), failure=NO)

    def canceled(self, second: int = 3) -> Fact:
        return Canceled(**self.which(second))

    def refund(
        self,
        status: str,
        *,
        second: int = 4,
        amount: int = 2_500,
        number: int = 1,
        currency: str = "EUR",
    ) -> Fact:
        return RefundReported(
            **self.which(second) | {"payment_id": None},
            refund_ref=f"re_{number}_{self.payment.id}",
            refund_id=None,
            amount=amount,
            currency=currency,
            status=RefundStatus(status),
        )

    def dispute(self, status: str, *, second: int = 5, amount: int = AMOUNT) -> Fact:
        return DisputeReported(
            **self.which(second) | {"payment_id": None},
            dispute_ref=f"dp_{self.payment.id}",
            amount=amount,
            currency="EUR",
            status=DisputeStatus(status),
            reason="fraudulent",
        )


@pytest.fixture(scope="module")
def shop(engine: Engine) -> Shop:
    return open_shop(engine)


def new_payment(shop: Shop, *, capture: str = "automatic") -> Told:
    payment = shop.payment(shop.order())
    if capture == "manual":
        with shop.engine.begin() as connection:
            connection.execute(
                text("UPDATE strongroom.payments SET capture = 'manual' WHERE id = :id"),
                {"id": payment.id},
            )
    return Told(payment)


def record(engine: Engine, facts: Sequence[Fact]) -> list[Outcome]:
    batch = [SourcedFact(fact, "stripe:evt_1") for fact in facts]
    return in_transaction(engine, lambda session: record_facts(session, batch, now=NOW))


def one_by_one(engine: Engine, facts: Sequence[Fact]) -> list[str]:
    outcomes = [record(engine, [fact])[0] for fact in facts]
    return [outcome.reason or outcome.result.value for outcome in outcomes]


def standing(shop: Shop, told: Told) -> dict[str, Any]:
    """Where a payment stands: its status and amounts, and every account it touched."""
    payment = told.payment
    with transaction(shop.engine) as session:
        view = read_payment(session, caller=SERVICE, payment_id=payment.id)
        refunds = session.scalars(select(Refund).filter_by(payment_id=payment.id)).all()
        disputes = session.scalars(select(Dispute).filter_by(payment_id=payment.id)).all()
        subject_ids = [row.id for row in refunds] + [row.id for row in disputes]
        connection = session.connection()
        rows = connection.execute(
            text("""
                SELECT a.path, sum(p.amount)::bigint AS amount FROM ledger.entries e
                  JOIN ledger.postings p ON p.entry_id = e.id
                  JOIN ledger.accounts a ON a.id = p.account_id
                 WHERE e.metadata->>'payment_id' = :id
                    OR e.effect_key LIKE ANY(CAST(:keys AS text[]))
                 GROUP BY a.path HAVING sum(p.amount) <> 0
            """),
            {"id": payment.id, "keys": [f"{i}:%" for i in subject_ids]},
        )
        held = connection.execute(
            text("""
                SELECT COALESCE(sum(b.held), 0)::bigint FROM ledger.balances b
                  JOIN ledger.accounts a ON a.id = b.account_id
                 WHERE a.path IN (:escrow, :card)
            """),
            {
                "escrow": f"liabilities:escrow:{payment.order_id}",
                "card": f"assets:card-authorizations:{payment.id}",
            },
        ).scalar_one()
    return {
        "status": view.status.value,
        "captured": view.amount_captured,
        "refunded": view.amount_refunded,
        "refunds": sorted((row.amount, row.status) for row in refunds),
        "disputes": [(row.amount, row.status) for row in disputes],
        "held": held,
        **{
            row.path.replace(payment.order_id, "ORDER")
            .replace(payment.id, "PAYMENT")
            .replace(shop.seller_id, "SELLER"): row.amount
            for row in rows
        },
    }


ESCROW, PENDING, DISPUTED, DEBT = (
    "liabilities:escrow:ORDER",
    "assets:stripe:pending",
    "assets:disputes:PAYMENT",
    "assets:debts:SELLER",
)


def test_a_refund_in_part_and_then_the_rest(shop: Shop, engine: Engine) -> None:
    told = new_payment(shop)
    record(engine, [told.charged(), told.refund("succeeded")])
    now = standing(shop, told)
    assert (now["status"], now["refunded"]) == ("partially_refunded", 2_500)
    assert (now[ESCROW], now[PENDING]) == (-9_400, 9_400)
    record(engine, [told.refund("succeeded", amount=9_400, number=2)])
    now = standing(shop, told)
    assert (now["status"], now["refunded"]) == ("refunded", AMOUNT)
    assert ESCROW not in now
    assert PENDING not in now


def test_a_refund_that_comes_back_is_held_for_the_order_again(shop: Shop, engine: Engine) -> None:
    told = new_payment(shop)
    record(engine, [told.charged(), told.refund("succeeded"), told.refund("failed", second=9)])
    now = standing(shop, told)
    assert (now["status"], now["refunded"], now[ESCROW]) == ("succeeded", 0, -AMOUNT)
    assert now["refunds"] == [(2_500, "failed")]


def test_a_pending_refund_keeps_its_money_from_being_released(shop: Shop, engine: Engine) -> None:
    told = new_payment(shop)
    record(engine, [told.charged(), told.refund("pending")])
    assert standing(shop, told)["held"] == 2_500
    record(engine, [told.refund("canceled")])
    now = standing(shop, told)
    assert (now["held"], now["status"], now[ESCROW]) == (0, "succeeded", -AMOUNT)


def test_more_than_was_taken_cannot_go_back(shop: Shop, engine: Engine) -> None:
    told = new_payment(shop)
    facts = [
        told.charged(),
        told.refund("succeeded"),
        told.refund("succeeded", amount=9_401, number=2),
    ]
    outcomes = record(engine, facts)
    assert [outcome.reason for outcome in outcomes] == [None, None, "refund_exceeds_payment"]
    now = standing(shop, told)
    assert (now["refunded"], now["refunds"]) == (2_500, [(2_500, "succeeded")])


def test_a_refund_in_another_currency_or_of_another_amount_is_refused(
    shop: Shop, engine: Engine
) -> None:
    told = new_payment(shop)
    facts = [
        told.charged(),
        told.refund("pending", currency="USD"),
        told.refund("pending"),
        told.refund("succeeded", amount=2_501),
    ]
    assert one_by_one(engine, facts) == ["applied", "currency_differs", "applied", "amount_differs"]
    assert standing(shop, told)["refunds"] == [(2_500, "pending")]


def test_what_was_released_before_a_refund_or_a_lost_dispute_is_a_debt_of_the_seller(
    shop: Shop, engine: Engine
) -> None:
    told = new_payment(shop)
    record(engine, [told.charged()])
    release(engine, shop, told, AMOUNT - 1_000)
    record(engine, [told.refund("succeeded")])
    now = standing(shop, told)
    assert (now[DEBT], now[PENDING]) == (1_500, AMOUNT - 2_500)
    record(engine, [told.dispute("open", amount=9_400), told.dispute("lost", amount=9_400)])
    now = standing(shop, told)
    assert (now[DEBT], now["status"]) == (1_500 + 9_400, "disputed")
    assert DISPUTED not in now
    record(engine, [told.refund("failed", second=9)])
    assert standing(shop, told)[DEBT] == 9_400 - 1_000  # what comes back pays what is owed


def release(engine: Engine, shop: Shop, told: Told, amount: int) -> None:
    escrow = ledger.AccountSpec(f"liabilities:escrow:{told.payment.order_id}", "EUR", floor=0)
    seller = ledger.AccountSpec(f"liabilities:seller:{shop.seller_id}", "EUR")
    with engine.begin() as connection:
        ids = ledger.open_accounts(connection, [escrow, seller])
        ledger.post(
            connection,
            ledger.Entry(
                effect_key=f"rel_{told.payment.id}",
                kind="release",
                occurred_at=NOW,
                postings=[
                    ledger.Posting(ids[escrow.path, "EUR"], amount),
                    ledger.Posting(ids[seller.path, "EUR"], -amount),
                ],
            ),
        )


def test_a_dispute_keeps_the_escrow_back_until_it_is_won(shop: Shop, engine: Engine) -> None:
    told = new_payment(shop)
    record(engine, [told.charged(), told.dispute("warning")])
    assert standing(shop, told)["status"] == "succeeded"
    record(engine, [told.dispute("open")])
    now = standing(shop, told)
    assert (now["status"], now["held"], now[DISPUTED]) == ("disputed", AMOUNT, AMOUNT)
    assert PENDING not in now
    record(engine, [told.dispute("won")])
    now = standing(shop, told)
    assert (now["status"], now["held"], now[PENDING]) == ("succeeded", 0, AMOUNT)


def test_a_lost_dispute_is_paid_by_the_escrow(shop: Shop, engine: Engine) -> None:
    told = new_payment(shop)
    record(engine, [told.charged(), told.dispute("open"), told.dispute("lost")])
    now = standing(shop, told)
    assert (now["status"], now["held"], now["disputes"]) == ("disputed", 0, [(AMOUNT, "lost")])
    assert not {ESCROW, PENDING, DISPUTED, DEBT} & now.keys()


def test_a_dispute_cannot_be_both_won_and_lost(shop: Shop, engine: Engine) -> None:
    told = new_payment(shop)
    facts = [told.charged(), told.dispute("won"), told.dispute("lost")]
    assert one_by_one(engine, facts) == ["applied", "applied", "dispute_closed_twice"]


@pytest.mark.parametrize("captured", [AMOUNT, 4_000])
def test_a_capture_takes_from_what_was_reserved(shop: Shop, engine: Engine, captured: int) -> None:
    told = new_payment(shop, capture="manual")
    record(engine, [told.authorized()])
    now = standing(shop, told)
    assert (now["status"], now["captured"], now["held"]) == ("processing", 0, AMOUNT)
    assert PENDING not in now
    record(engine, [told.charged(amount=captured)])
    now = standing(shop, told)
    assert (now["status"], now["captured"], now["held"]) == ("succeeded", captured, 0)
    assert (now[ESCROW], now[PENDING]) == (-captured, captured)
    assert not any(path.startswith("assets:card") for path in now)


def test_more_than_was_reserved_cannot_be_captured(shop: Shop, engine: Engine) -> None:
    told = new_payment(shop, capture="manual")
    facts = [told.authorized(), told.charged(amount=AMOUNT + 1), told.charged(amount=AMOUNT)]
    assert one_by_one(engine, facts) == ["applied", "amount_differs", "applied"]


def test_what_is_not_captured_is_let_go(shop: Shop, engine: Engine) -> None:
    told = new_payment(shop, capture="manual")
    record(engine, [told.authorized(), told.canceled()])
    now = standing(shop, told)
    assert (now["status"], now["held"]) == ("canceled", 0)
    assert not any(path.startswith("assets:") for path in now)


def test_a_card_is_authorized_though_another_was_declined_in_the_same_second(
    shop: Shop, engine: Engine
) -> None:
    told = new_payment(shop, capture="manual")
    record(engine, [told.authorized(1), told.declined(1)])
    assert standing(shop, told)["status"] == "processing"


STORIES: dict[str, Callable[[Told], list[Fact]]] = {
    "refunded in parts": lambda told: [
        told.declined(1),
        told.charged(3),
        told.refund("pending", second=4),
        told.refund("succeeded", second=5),
        told.refund("succeeded", second=6, amount=1_000, number=2),
    ],
    "a refund comes back while a dispute is lost": lambda told: [
        told.charged(3),
        told.refund("succeeded", second=4),
        told.refund("failed", second=6),
        told.dispute("open", second=7),
        told.dispute("lost", second=8),
    ],
    "a dispute is won and the rest refunded": lambda told: [
        told.charged(3),
        told.dispute("warning", second=4),
        told.dispute("open", second=5),
        told.dispute("won", second=6),
        told.refund("succeeded", second=7, amount=AMOUNT),
    ],
    "captured in part": lambda told: [
        told.declined(1),
        told.authorized(2),
        told.charged(3, amount=4_000),
        told.refund("succeeded", second=4, amount=1_500),
        told.dispute("open", second=5, amount=2_500),
    ],
    "given up": lambda told: [
        told.declined(1),
        told.authorized(2),
        told.canceled(3),
        Expired(**told.which(4)),
    ],
}


@pytest.mark.parametrize("name", STORIES)
def test_every_order_of_a_story_ends_in_the_same_books(
    shop: Shop, engine: Engine, name: str
) -> None:
    story = STORIES[name]
    capture = "manual" if name in ("captured in part", "given up") else "automatic"
    length = len(story(new_payment(shop)))
    orders = part_of(itertools.permutations(range(length)))
    payments = [new_payment(shop, capture=capture) for _ in orders]
    stories = [story(told) for told in payments]
    for step in range(length):
        told_now = [facts[order[step]] for facts, order in zip(stories, orders, strict=True)]
        outcomes = record(engine, told_now)
        assert {outcome.reason for outcome in outcomes} == {None}
    endings = [standing(shop, told) for told in payments]
    assert all(ending == endings[0] for ending in endings)
    again = record(engine, stories[0])
    assert {outcome.result.value for outcome in again} == {"unchanged"}
    with engine.connect() as connection:
        assert ledger.broken_invariants(connection) == []


def test_the_second_payment_of_an_order_is_put_up_to_be_given_back(
    shop: Shop, engine: Engine
) -> None:
    first = new_payment(shop)
    order_id = first.payment.order_id
    with transaction(engine) as session:
        second = Told(shop_payment_of(shop, session, order_id))
    record(engine, [second.charged(), first.charged()])
    with transaction(engine) as session:
        staged = session.scalars(select(OutboxRow).filter_by(job="refund_duplicate")).all()
    mine = [row.args["payment_id"] for row in staged]
    assert sorted({first.payment.id, second.payment.id} & set(mine)) == [
        max(first.payment.id, second.payment.id)
    ]


def shop_payment_of(shop: Shop, session: Any, order_id: str) -> Payment:
    return shop.payment(read_order(session, caller=SERVICE, order_id=order_id))
