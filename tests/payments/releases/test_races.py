"""Many at once for the same money: at most what is held leaves, and one wins by the database."""

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier

import pytest
from sqlalchemy import Engine

from payments.errors import ConflictError, StrongroomError
from payments.providers.stripe.client import StripeClient
from tests.payments.refunds.test_create_refund import pay
from tests.payments.releases.till import Till
from tests.payments.shop import new_reference

AMOUNT = 11_900
CALLERS = 64


def at_once(*calls: Callable[[], object]) -> list[str]:
    """Make all calls at the same moment; return what became of each: `done`, or the code."""
    start = Barrier(len(calls))

    def make(call: Callable[[], object]) -> str:
        start.wait()
        try:
            call()
        except StrongroomError as error:
            return error.code
        return "done"

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(make, calls))


def test_many_callers_with_one_reference_release_once(till: Till) -> None:
    order, reference = till.paid(), new_reference()
    found: list[str] = []

    def release() -> None:
        found.append(till.release(order, 3_000, reference=reference).resource.id)

    assert at_once(*[release] * CALLERS) == ["done"] * CALLERS
    assert len(set(found)) == 1
    assert till.held(order) == (AMOUNT - 3_000, AMOUNT - 3_000)
    assert len(till.releases(order)) == 1
    till.assert_sound()


def test_many_callers_with_references_of_their_own_release_no_more_than_is_held(
    till: Till,
) -> None:
    order = till.paid()
    outcomes = Counter(at_once(*[lambda: till.release(order, 1_000)] * CALLERS))
    assert outcomes == {"done": 11, "release_exceeds_held": CALLERS - 11}
    assert till.held(order) == (900, 900)
    till.assert_sound()


def test_orders_of_one_seller_set_a_debt_off_once(till: Till) -> None:
    lost = till.paid()
    till.release(lost)
    till.dispute(lost, AMOUNT, "lost")
    orders = [till.paid() for _ in range(12)]
    calls = [partial(till.release, order) for order in orders]
    assert at_once(*calls) == ["done"] * len(orders)
    set_off = [release.set_off for order in orders for release in till.releases(order)]
    assert (sum(set_off), till.debt()) == (AMOUNT, 0)
    till.assert_sound()


@pytest.mark.parametrize("round_", range(6))
def test_of_a_refund_and_a_release_of_the_same_money_one_wins(
    engine: Engine, till: Till, stripe: StripeClient, round_: int
) -> None:
    paid = pay(engine, till.shop, stripe)
    calls: Sequence[Callable[[], object]] = [
        lambda: till.release(None, order_id=paid.order_id),
        paid.refund,
    ]
    outcomes = at_once(*(calls if round_ % 2 else reversed(calls)))
    assert outcomes.count("done") == 1
    assert set(outcomes) < {"done", "funds_released", "release_exceeds_held"}
    till.assert_sound()


def test_disputes_and_releases_share_what_is_held(till: Till) -> None:
    for _ in range(4):
        order = till.paid()
        outcomes = at_once(
            partial(till.release, order, 8_000),
            partial(till.dispute, order, 8_000),
        )
        assert set(outcomes) <= {"done", "release_exceeds_held"}
        assert outcomes[1] == "done"
        assert till.held(order)[1] == (0 if outcomes[0] == "done" else AMOUNT - 8_000)
    till.assert_sound()


def test_a_release_is_approved_or_taken_back_and_never_both(till: Till) -> None:
    for _ in range(6):
        order = till.paid()
        waiting = till.waiting(order)
        outcomes = at_once(
            partial(till.approve, waiting.id),
            partial(till.cancel, waiting.id),
        )
        assert outcomes.count("done") == 1
        assert set(outcomes) < {"done", "release_not_approvable", "release_not_cancelable"}
    till.assert_sound()


def test_many_approvals_carry_it_out_once(till: Till) -> None:
    order = till.paid()
    waiting = till.waiting(order)
    outcomes = Counter(at_once(*[lambda: till.approve(waiting.id)] * 16))
    assert outcomes == {"done": 1, "release_not_approvable": 15}
    assert till.owed() == 9_500
    with pytest.raises(ConflictError):
        till.release(order)
    till.assert_sound()
