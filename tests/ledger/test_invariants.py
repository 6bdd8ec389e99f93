"""Each invariant is broken on purpose, past all guards, and must say so."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, create_engine

from ledger import (
    AccountSpec,
    Entry,
    Posting,
    broken_invariants,
    close_books,
    open_accounts,
    place_hold,
    post_batch,
    reverse,
    roll_accounts,
    roll_totals,
)
from ledger.invariants import INVARIANTS
from payments.database import connect_engine
from tests.databases import Servers
from tests.ledger.conftest import NOON

BREAK = {
    "every entry balances in every asset":
        "UPDATE ledger.postings SET amount = amount + 1 WHERE entry_id = 1 AND line = 1",
    "every entry has at least two postings, numbered from 1":
        "INSERT INTO ledger.entries SELECT 999, 'x', fingerprint, kind, occurred_at, recorded_at"
        " FROM ledger.entries WHERE id = 1",
    "every posting belongs to an entry and has its time":
        "DELETE FROM ledger.entries WHERE id = 1",
    "every posting has the asset of its account":
        "UPDATE ledger.postings SET asset_id = asset_id + 1 WHERE entry_id = 1",
    "every balance is the sum of its postings":
        "UPDATE ledger.balances SET posted = posted + 1 WHERE mode = 'deferred'",
    "postings of a strict account are numbered without a gap, each with the balance after it":
        "UPDATE ledger.postings SET balance_after = balance_after + 1 WHERE entry_id = 2",
    "the version of a strict balance is the number of its postings":
        "UPDATE ledger.balances SET version = version + 1 WHERE mode = 'strict'",
    "no balance is below its floor, holds taken off":
        "ALTER TABLE ledger.balances DROP CONSTRAINT balances_floor;"
        "UPDATE ledger.balances SET posted = 1 WHERE floor = 0",
    "what is held is what open holds have left":
        "UPDATE ledger.holds SET captured = 1 WHERE state = 'open'",
    "every rolled range is the sum of its postings":
        "UPDATE ledger.roll_ranges SET amount = amount + 1",
    "rolled ranges cover every rolled posting once on each axis":
        "DELETE FROM ledger.roll_ranges WHERE axis = 'occurred'",
    "sums of hours and days are the sums of their ranges":
        "UPDATE ledger.roll_sums SET amount = amount + 1 WHERE grain = 'day'",
    "daily totals are the sums of the postings they say":
        "UPDATE ledger.daily_totals SET debit = debit + 1 WHERE grain = 'month'",
    "every reversal is the exact mirror of what it reverses":
        "UPDATE ledger.postings SET line = 3 - line"
        " WHERE entry_id = (SELECT entry_id FROM ledger.reversals)",
    "nothing was recorded into a period while it was closed":
        "UPDATE ledger.entries SET recorded_at = recorded_at + interval '1 day'",
}  # fmt: skip


@pytest.fixture
def busy(fresh_database_url: str) -> Iterator[Engine]:
    """Books in which every kind of row exists."""
    engine = connect_engine(fresh_database_url)
    with engine.begin() as connection:
        cash, owed = open_accounts(
            connection,
            [
                AccountSpec("assets:till", "USD", "deferred"),
                AccountSpec("liabilities:one", "USD", floor=0),
            ],
        ).values()
        entries = [
            Entry(f"i:{n}", "test", NOON, [Posting(cash, 10), Posting(owed, -10)]) for n in range(4)
        ]
        post_batch(connection, entries)
        reverse(connection, 4, occurred_at=NOON, description="undo")
        place_hold(connection, effect_key="h", account_id=owed, amount=5, now=NOON)
        close_books(connection, NOON)
    while roll_accounts(engine, least=1) or not _rolled(engine):
        pass
    assert roll_totals(engine) == 5
    yield engine
    engine.dispose()


def _rolled(engine: Engine) -> bool:
    with engine.begin() as connection:
        query = "SELECT count(DISTINCT account_id) = 2 FROM ledger.roll_ranges"
        return bool(connection.exec_driver_sql(query).scalar_one())


def test_books_in_order_break_no_invariant(busy: Engine) -> None:
    with busy.begin() as connection:
        assert broken_invariants(connection) == []


def test_there_is_a_way_to_break_each_invariant() -> None:
    assert BREAK.keys() == INVARIANTS.keys()


@pytest.mark.parametrize("name", BREAK)
def test_each_invariant_notices(busy: Engine, servers: Servers, name: str) -> None:
    superuser = create_engine(
        servers.superuser_url_of(busy.url.database or ""),
        connect_args={"options": "-c session_replication_role=replica"},
    )
    with superuser.begin() as connection:
        for statement in BREAK[name].split(";"):
            assert connection.exec_driver_sql(statement).rowcount != 0
    superuser.dispose()

    with busy.begin() as connection:
        assert name in [broken.name for broken in broken_invariants(connection)]
