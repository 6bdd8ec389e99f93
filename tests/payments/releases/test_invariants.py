"""The invariants of releases hold after every story, and each notices what it is there for."""

from typing import NamedTuple

import pytest
from sqlalchemy import Engine

from payments.invariants import broken_invariants
from payments.releases.invariants import INVARIANTS
from tests.payments.releases.till import Till

RELEASE = "UPDATE strongroom.releases SET {} WHERE id = %(posted)s"
SABOTAGE = {
    "a release is posted if and only if its entry is": RELEASE.format(
        "status = 'canceled', posted_at = NULL"
    ),
    "the parts of a release add up to it, and are what was posted": RELEASE.format(
        "platform_fee = platform_fee - 1, tax = tax + 1"
    ),
    "an order's releases are no more than the order, nor their fees and taxes than its": (
        "UPDATE strongroom.orders SET platform_fee = 0 WHERE id = %(order)s"
    ),
    "a release under way has its money held, and one that is over does not": (
        "UPDATE ledger.holds SET state = 'voided', closed_at = now() WHERE id ="
        " (SELECT hold_id FROM strongroom.releases WHERE id = %(waiting)s)"
    ),
    "what is held for an order is what was paid, less what was released and went back": (
        "UPDATE strongroom.payments SET amount_captured = amount_captured - 1"
        " WHERE order_id = %(order)s"
    ),
    "what sellers owe is what was missing or paid past us, less what was set off": (
        "UPDATE strongroom.disputes SET owed = owed - 1 WHERE owed > 0"
    ),
    "a release of our money has one payout of what it owes its seller": RELEASE.format(
        "set_off = set_off - 1"
    ),
    "nothing is posted while it is frozen": (
        "UPDATE strongroom.freezes SET in_force_after = 0, lifted_after = 1000000"
        " WHERE order_id = %(order)s"
    ),
    "no release is first sent while it is frozen": """
        INSERT INTO strongroom.chain_intents (id, chain, signer, kind, subject_id, to_address,
          calldata, state, nonce, broadcast_at, due_at, created_at, updated_at)
        SELECT 'cti_1', 'base', a, 'release', %(waiting)s, a, '', 'broadcast', 0,
               f.created_at + interval '2 minutes', now(), now(), now()
          FROM strongroom.freezes f, (VALUES ('0x' || repeat('a', 40))) AS one (a)
         WHERE f.order_id = %(waits)s""",
}


GUARDED = (
    "strongroom.releases",
    "strongroom.freezes",
    "strongroom.orders",
    "strongroom.chain_intents",
    "ledger.holds",
)
"""Tables whose triggers would refuse the sabotage themselves."""


class Story(NamedTuple):
    """A release that is posted and one that waits, with their orders."""

    posted: str
    order: str
    waiting: str
    waits: str


@pytest.fixture(scope="module")
def story(engine: Engine) -> Story:
    """Debts that were set off, a freeze that was lifted, releases that wait and were canceled."""
    till = Till(engine)
    lost = till.paid()
    till.release(lost, 11_000)
    till.dispute(lost, 11_900, "lost")
    order = till.paid()
    till.thaw(till.freeze(order).resource.id)
    till.release(order, 4_000)
    till.cancel(till.waiting(order, 100).id)
    till.refund(order, 1_000)
    posted = till.release(order).resource
    other = till.paid()
    waiting = till.waiting(other, 5_000)
    till.freeze(other)
    till.assert_sound()
    return Story(posted.id, order.id, waiting.id, other.id)


@pytest.mark.parametrize("name", INVARIANTS)
def test_each_notices_what_it_is_there_for(story: Story, owner_engine: Engine, name: str) -> None:
    with owner_engine.connect() as connection:
        assert broken_invariants(connection) == []
        for table in GUARDED:
            connection.exec_driver_sql(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        assert connection.exec_driver_sql(SABOTAGE[name], story._asdict()).rowcount > 0
        broken = {found.name for found in broken_invariants(connection)}
    assert name in broken
