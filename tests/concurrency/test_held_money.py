"""Everything that moves held money, at once on a few orders: all ends, and every sum is right."""

import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine

from payments.errors import StrongroomError
from payments.orders.view import OrderView
from payments.releases.decide_release import cancel_release
from payments.releases.tables import Release
from tests.chain import USDC, TestChain, running_chain
from tests.payments.releases.till import Till
from tests.payments.shop import SERVICE, new_reference
from tests.payments.watching.stage import Stage, open_stage

THREADS = 8
TURNS = 20
EXPECTED = {
    "release_exceeds_held",
    "releases_frozen",
    "release_not_approvable",
    "release_not_cancelable",
    "payment_disputed",
    "order_not_paid",
    "funds_released",
    "refund_exceeds_payment",
    "freeze_lifted",
    "not_found",
    "second_person_needed",
    "escrow_not_funded",
    "payment_not_refundable",
}

Act = Callable[[random.Random], object]


def deadlocks(engine: Engine) -> int:
    query = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    with engine.connect() as connection:
        connection.exec_driver_sql("SELECT pg_stat_force_next_flush()")
        return int(connection.exec_driver_sql(query).scalar_one())


def at_once(acts: Sequence[Act], *, seed: int, turns: int = TURNS) -> Counter[str]:
    """Have every thread do some of the acts, each in an order of its own; count what came of it."""

    def work(number: int) -> Counter[str]:
        chance, outcomes = random.Random(f"{seed}:{number}"), Counter[str]()
        for _ in range(turns):
            try:
                chance.choice(acts)(chance)
            except StrongroomError as error:
                outcomes[error.code] += 1
            else:
                outcomes["done"] += 1
        return outcomes

    with ThreadPoolExecutor(THREADS) as threads:
        return sum(threads.map(work, range(THREADS)), Counter[str]())


def test_card_money(engine: Engine) -> None:
    till = Till(engine)
    orders = [till.paid() for _ in range(3)]
    before = deadlocks(engine)

    def some(chance: random.Random) -> OrderView:
        return chance.choice(orders)

    def waiting(chance: random.Random) -> str:
        found = [row for row in till.releases(some(chance)) if row.status == "requested"]
        return chance.choice(found).id if found else "rel_none"

    def refund(chance: random.Random) -> None:
        order, amount = some(chance), chance.randint(1, 900)
        ref = till.refund(order, amount, "pending")
        till.refund(order, amount, chance.choice(["succeeded", "failed"]), ref)

    def dispute(chance: random.Random) -> None:
        order, amount = some(chance), chance.randint(1, 900)
        ref = till.dispute(order, amount)
        till.dispute(order, amount, chance.choice(["won", "lost"]), ref)

    def freeze(chance: random.Random) -> None:
        frozen = till.freeze(chance.choice([*orders, None])).resource
        till.thaw(frozen.id)

    acts: list[Act] = [
        lambda chance: till.release(some(chance), chance.randint(1, 1_500)),
        lambda chance: till.waiting(some(chance), chance.randint(1, 1_500)),
        lambda chance: till.approve(waiting(chance)),
        lambda chance: till.cancel(waiting(chance)),
        refund,
        dispute,
        freeze,
    ]
    outcomes = at_once(acts, seed=1)
    assert outcomes.keys() - {"done"} <= EXPECTED, outcomes
    assert outcomes["done"] > TURNS, outcomes
    assert deadlocks(engine) == before
    till.assert_sound()


@pytest.fixture(scope="module")
def stage(engine: Engine) -> Iterator[Stage]:
    with running_chain() as chain:
        yield open_stage(engine, chain)


def test_money_on_chain(stage: Stage) -> None:
    escrows = [stage.funded() for _ in range(3)]
    before = deadlocks(stage.engine)
    chain: TestChain = stage.chain

    def releases(chance: random.Random) -> Release | None:
        found = [r for r in stage.releases(chance.choice(escrows)) if r.status == "approved"]
        return chance.choice(found) if found else None

    def cancel(chance: random.Random) -> None:
        row = releases(chance)
        if row is not None:
            cancel_release(
                stage.engine,
                caller=SERVICE,
                reference=new_reference(),
                release_id=row.id,
                reason="It came back.",
                chains={stage.settings.name: stage.settings},
                now=stage.now(),
            )

    acts: list[Act] = [
        lambda chance: stage.ask_release(chance.choice(escrows), chance.randint(1, 9) * USDC),
        lambda chance: stage.ask_refund(chance.choice(escrows), chance.randint(1, 9) * USDC),
        cancel,
        lambda _: stage.send(),
        lambda _: chain.mine(1),
        lambda _: stage.watch(),
    ]
    outcomes = at_once(acts, seed=1, turns=10)
    assert outcomes.keys() - {"done"} <= EXPECTED, outcomes
    for _ in range(3):
        stage.send_until_final()
        stage.watch()
    assert deadlocks(stage.engine) == before
    assert stage.broken() == []
    for escrow in escrows:
        assert stage.in_contract(escrow) == stage.remaining(escrow)
        assert stage.held(escrow)[0] == stage.held(escrow)[1] == stage.remaining(escrow)
