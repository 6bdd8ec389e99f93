"""The same money told in any order, at once or one by one, ends in the same books."""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select

from payments.database import transaction
from payments.lifecycle.tables import BankReceipt, Dispute, Payment, Refund
from payments.providers.facts import Canceled, Expired, Fact, MoneyReceived
from tests.depth import part_of
from tests.payments.bank_shop import AMOUNT, BankShop, ToldByBank
from tests.payments.shop import open_shop


@pytest.fixture(scope="module")
def bank(engine: Engine) -> Iterator[BankShop]:
    bank = BankShop(open_shop(engine))
    yield bank
    bank.assert_invariants()


def standing(bank: BankShop, told: ToldByBank) -> dict[str, Any]:
    """All that is known of a payment, without the names that each payment has of its own."""
    payment = told.payment

    def unnamed(ref: str) -> str:
        return ref.replace(payment.id, "PAYMENT").replace(str(payment.provider_ref), "REF")

    with transaction(bank.engine) as session:
        receipts = session.scalars(select(BankReceipt).filter_by(payment_id=payment.id)).all()
        refunds = session.scalars(select(Refund).filter_by(payment_id=payment.id)).all()
        disputes = session.scalars(select(Dispute).filter_by(payment_id=payment.id)).all()
        row = session.get_one(Payment, payment.id)
    view = bank.read(payment)
    return {
        "status": view.status.value,
        "captured": view.amount_captured,
        "refunded": view.amount_refunded,
        "received": row.amount_received,
        "provider_status": row.provider_status,
        "order": bank.order_status(payment),
        "receipts": sorted(
            (unnamed(r.receipt_ref), r.amount_applied, r.amount_returned, r.reason)
            for r in receipts
        ),
        "refunds": sorted((r.amount, r.status, r.booked) for r in refunds),
        "disputes": sorted((d.amount, d.status, d.booked) for d in disputes),
        "books": bank.books(payment),
    }


def can_be(story: Sequence[Fact]) -> bool:
    """Whether the end is told before money that came after it.

    Money told first would have been taken, and what was taken outweighs an end told later.
    """
    for place, fact in enumerate(story):
        if isinstance(fact, Canceled | Expired):
            later = (f for f in story[:place] if isinstance(f, MoneyReceived))
            if any(f.occurred_at >= fact.occurred_at for f in later):
                return False
    return True


def stories(told: ToldByBank) -> dict[str, list[Fact]]:
    return {
        "settled": [told.asked(1), told.executed(3), told.settled(4), told.refund("succeeded")],
        "short, completed and over": [
            told.executed(1),
            told.transfer(5_000, second=3, number=1),
            told.transfer(6_000, second=4, number=2),
            told.transfer(4_000, second=5, number=3),
            told.transfer(100, second=6, number=4),
        ],
        "twice": [
            told.settled(4),
            told.transfer(AMOUNT, second=5),
            told.executed(3),
            told.dispute("open", second=7),
        ],
        "late": [
            told.asked(1),
            told.transfer(4_000, second=3),
            told.expired(5),
            told.transfer(7_900, second=6, number=2),
            told.settled(8),
        ],
        "in time, and once more": [
            told.failed(2),
            told.settled(4),
            told.canceled(5),
            told.transfer(AMOUNT, second=6),
        ],
        "taken back": [
            told.executed(2),
            told.settled(4),
            told.failed(7, takes_back=True),
        ],
    }


NAMES = list(stories(ToldByBank(Payment(id="pay_x", provider="truelayer", provider_ref="x"))))


@pytest.mark.parametrize("name", NAMES)
def test_every_order_of_a_story_ends_in_the_same_books(bank: BankShop, name: str) -> None:
    length = len(stories(bank.told("gocardless"))[name])
    endings = []
    for order in part_of(itertools.permutations(range(length))):
        told = bank.told("gocardless")
        story = [stories(told)[name][index] for index in order]
        if not can_be(story):
            continue
        for fact in story:
            assert bank.record(fact)[0] in ("applied", "unchanged")
        endings.append(standing(bank, told))
        assert set(bank.record(*story)) == {"unchanged"}
    assert len(endings) > 1
    for ending in endings:
        assert ending == endings[0]


AMOUNTS = st.sampled_from([100, 3_900, 4_000, 7_900, AMOUNT, 12_000])


@settings(max_examples=40, deadline=None)
@given(
    amounts=st.lists(AMOUNTS, min_size=1, max_size=5),
    by_provider=st.booleans(),
    ended=st.sampled_from([None, "expired", "canceled"]),
    ended_at=st.integers(1, 8),
    taken_back_at=st.none() | st.integers(2, 9),
    data=st.data(),
)
def test_any_money_in_any_order(
    bank: BankShop,
    amounts: list[int],
    by_provider: bool,  # noqa: FBT001 - hypothesis passes by name
    ended: str | None,
    ended_at: int,
    taken_back_at: int | None,
    data: st.DataObject,
) -> None:
    if taken_back_at is not None:  # a provider takes back the one payment it told of
        amounts, by_provider, ended = [AMOUNT], True, None
    seconds = data.draw(st.permutations(range(1, len(amounts) + 1)))
    shuffled = st.permutations(range(len(amounts) + 3))

    def story(told: ToldByBank, order: Sequence[int]) -> list[Fact]:
        facts: list[Fact] = [
            told.transfer(amount, second=second, number=number)
            for number, (amount, second) in enumerate(zip(amounts, seconds, strict=True))
        ]
        if by_provider:
            facts[0] = told.settled(seconds[0], amount=amounts[0])
        facts.append(told.executed(2))
        if ended is not None:
            facts.append(told.expired(ended_at) if ended == "expired" else told.canceled(ended_at))
        if taken_back_at is not None:
            facts.append(told.failed(taken_back_at, takes_back=True))
        return [facts[index] for index in order if index < len(facts)]

    def ending(order: Sequence[int], *, at_once: bool) -> dict[str, Any] | None:
        told = bank.told("gocardless")
        facts = story(told, order)
        if not can_be(facts):
            return None
        for batch in [facts] if at_once else [[fact] for fact in facts]:
            assert set(bank.record(*batch)) <= {"applied", "unchanged"}
        return standing(bank, told)

    first = ending(data.draw(shuffled), at_once=True)
    second = ending(data.draw(shuffled), at_once=False)
    if first is not None and second is not None:
        assert first == second
