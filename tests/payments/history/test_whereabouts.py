"""Where a payment's money is, in words: each penny in one place."""

import dataclasses
from types import SimpleNamespace
from typing import Any

import pytest

from payments.history.whereabouts import Place, whereabouts
from payments.lifecycle.stages import Status
from payments.lifecycle.view import PaymentView
from payments.providers.facts import Failure
from tests.payments.shop import NOW

PAID = PaymentView(
    id="pay_1",
    order_id="ord_1",
    rail="card",
    status=Status.SUCCEEDED,
    amount=100,
    currency="EUR",
    amount_captured=100,
    amount_refunded=0,
    failure=None,
    created_at=NOW,
    updated_at=NOW,
)


def places(payment: PaymentView, *, releases: Any = (), payouts: Any = ()) -> list[Place]:
    return whereabouts(payment, releases, payouts)


def row(**fields: Any) -> Any:
    return SimpleNamespace(**fields)


@pytest.mark.parametrize("rail", ["card", "bank", "crypto"])
@pytest.mark.parametrize("status", list(Status))
def test_there_is_a_word_for_every_status_of_every_rail(rail: str, status: Status) -> None:
    found = places(dataclasses.replace(PAID, rail=rail, status=status))
    assert found
    assert all(place.text for place in found)


def test_what_is_held_released_paid_out_and_given_back_adds_up() -> None:
    payment = dataclasses.replace(PAID, status=Status.PARTIALLY_REFUNDED, amount_refunded=10)
    found = places(
        payment,
        releases=[row(status="posted", amount=60), row(status="failed", amount=500)],
        payouts=[row(status="paid", amount=30, amount_paid=30)],
    )
    amounts = [place.amount for place in found]
    assert amounts == [10, 30, 60, 30]
    assert "held" in found[1].text


def test_a_release_under_way_is_said_of_what_is_held() -> None:
    [held] = places(PAID, releases=[row(status="requested", amount=100)])
    assert held.amount == 100
    assert "on its way" in held.text


@pytest.mark.parametrize(
    ("status", "said", "tone"),
    [
        ("waiting", "name an account", "wait"),
        ("unknown", "has not said", "wait"),
        ("pending", "on its way", "wait"),
        ("failed", "refused", "bad"),
    ],
)
def test_a_payout_says_how_far_it_is(status: str, said: str, tone: str) -> None:
    payout = row(status=status, amount=95, amount_paid=0)
    *_, last = places(PAID, releases=[row(status="posted", amount=100)], payouts=[payout])
    assert (last.amount, last.tone) == (95, tone)
    assert said in last.text


def test_what_the_payer_was_told_is_repeated() -> None:
    failure = Failure(code="card_declined", message="Your card was declined.", next_step="x")
    [place] = places(dataclasses.replace(PAID, status=Status.FAILED, failure=failure))
    assert place.text.endswith("Your card was declined.")
    assert place.amount is None
