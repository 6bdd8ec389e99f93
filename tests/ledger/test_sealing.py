"""Seals: what was sealed and changed afterwards is found, and an honest chain is not accused."""

from collections.abc import Iterator
from hashlib import sha256

import pytest
from sqlalchemy import Engine, create_engine

from ledger import (
    AccountSpec,
    Entry,
    Posting,
    broken_seals,
    last_seal,
    open_accounts,
    post_batch,
    reverse,
    seal,
)
from tests.databases import Servers
from tests.ledger.conftest import NOON


@pytest.fixture
def tamper(servers: Servers, fresh_engine: Engine) -> Iterator[Engine]:
    """A superuser with all triggers off: who can do this can do anything but go unseen."""
    engine = create_engine(
        servers.superuser_url_of(fresh_engine.url.database or ""),
        connect_args={"options": "-c session_replication_role=replica"},
    )
    yield engine
    engine.dispose()


@pytest.fixture
def sealed(fresh_engine: Engine) -> Engine:
    """A hundred entries in seals of ten."""
    with fresh_engine.begin() as connection:
        cash, owed = open_accounts(
            connection,
            [AccountSpec("assets:till", "USD", "deferred"), AccountSpec("liabilities:one", "USD")],
        ).values()
        post_batch(
            connection,
            [
                Entry(
                    f"s:{n}",
                    "test",
                    NOON,
                    [Posting(cash, n + 1), Posting(owed, -n - 1)],
                    f"sale {n}",
                )
                for n in range(100)
            ],
        )
    while not seal(fresh_engine, block_entries=10):  # entries settle when older transactions end
        pass
    return fresh_engine


def broken(engine: Engine, anchor: tuple[int, bytes] | None = None) -> list[int]:
    with engine.begin() as connection:
        return [seal.number for seal in broken_seals(connection, anchor=anchor)]


def test_an_untouched_journal_is_whole(sealed: Engine) -> None:
    with sealed.begin() as connection:
        seal_now = last_seal(connection)

    assert seal_now is not None
    assert (seal_now.number, seal_now.entry_count) == (10, 10)
    assert broken(sealed, (10, seal_now.chain_hash)) == []
    assert seal(sealed) == 0


def test_later_work_does_not_break_older_seals(sealed: Engine) -> None:
    with sealed.begin() as connection:
        entry_id = connection.exec_driver_sql("SELECT min(id) FROM ledger.entries").scalar_one()
        reverse(connection, entry_id, occurred_at=NOON, description="undo")

    while not seal(sealed):
        pass
    assert broken(sealed) == []


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE ledger.postings SET amount = amount * 2 WHERE entry_id = {inside}",
        "UPDATE ledger.entries SET description = 'other' WHERE id = {inside}",
        "UPDATE ledger.entries SET occurred_at = occurred_at - interval '1s' WHERE id = {inside}",
        "DELETE FROM ledger.entries WHERE id = {inside}",
        "DELETE FROM ledger.postings WHERE entry_id = {inside}",
        "DELETE FROM ledger.seals WHERE number = 5",
        "UPDATE ledger.seals SET chain_hash = block_hash WHERE number = 5",
        "UPDATE ledger.seals SET from_entry = from_entry - 1 WHERE number = 5",
    ],
)
def test_every_change_to_what_was_sealed_is_found(
    sealed: Engine, tamper: Engine, change: str
) -> None:
    with sealed.begin() as connection:
        query = "SELECT from_entry + 2 FROM ledger.seals WHERE number = 5"
        inside = connection.exec_driver_sql(query).scalar_one()
    with tamper.begin() as connection:
        assert connection.exec_driver_sql(change.format(inside=inside)).rowcount >= 1

    assert broken(sealed)[0] == 5


def test_a_chain_made_anew_differs_from_the_anchor(sealed: Engine, tamper: Engine) -> None:
    with sealed.begin() as connection:
        anchor = last_seal(connection)
    assert anchor is not None
    with tamper.begin() as connection:
        connection.exec_driver_sql("UPDATE ledger.entries SET description = 'forged'")
        connection.exec_driver_sql("DELETE FROM ledger.seals")
    while not seal(sealed, block_entries=10):
        pass

    assert broken(sealed) == []
    assert broken(sealed, (anchor.number, anchor.chain_hash)) == [10]
    assert broken(sealed, (11, anchor.chain_hash)) == [11]


def test_the_hash_is_the_documented_one(sealed: Engine) -> None:
    """The chain can be checked without our functions: plain SHA-256 over plain texts."""
    chain = bytes(32)
    with sealed.begin() as connection:
        for row in connection.exec_driver_sql("SELECT * FROM ledger.seals ORDER BY number"):
            chain = sha256(chain + bytes(row.block_hash)).digest()
            assert chain == bytes(row.chain_hash)
