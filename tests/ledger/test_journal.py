"""Entries are found again by their effects and by what they are about."""

import pytest
from sqlalchemy import Engine

from ledger import (
    AccountSpec,
    JournalLine,
    entries_of_effects,
    entries_of_subjects,
    open_accounts,
    post,
    postings_since,
    roll_accounts,
)
from ledger.errors import UnknownAccountError
from tests.conditions import wait_until
from tests.ledger.conftest import NOON, Books


def test_an_entry_is_read_back_with_its_lines(books: Books) -> None:
    cash, debt = books.open("assets:cash"), books.open("liabilities:debt")
    posted = post(books.connection, books.entry((cash, 250), (debt, -250), key="pay_1:charged"))
    [entry] = entries_of_effects(books.connection, ["pay_1:charged", "pay_1:nothing"])
    assert (entry.id, entry.effect_key, entry.kind) == (
        posted.entry_id,
        "pay_1:charged",
        "test",
    )
    assert entry.occurred_at == NOON
    assert entry.lines == (
        JournalLine("assets:cash", "USD", 250),
        JournalLine("liabilities:debt", "USD", -250),
    )


def test_a_subject_finds_all_its_effects_and_no_others(books: Books) -> None:
    cash, debt = books.open("assets:cash"), books.open("liabilities:debt")
    keys = ["pay_1:charged", "pay_1:owed:7", "pay_10:charged", "pay_2:charged", "pay_1"]
    for key in keys:
        post(books.connection, books.entry((cash, 1), (debt, -1), key=key))
    found = entries_of_subjects(books.connection, ["pay_1", "pay_2"])
    assert [entry.effect_key for entry in found] == [keys[0], keys[1], keys[3]]
    assert entries_of_subjects(books.connection, []) == []


def test_the_postings_of_an_account_are_read_on_from_where_one_was(books: Books) -> None:
    cash, debt = books.open("assets:cash"), books.open("liabilities:debt")
    for number in (1, 2, 3):
        post(books.connection, books.entry((cash, number), (debt, -number), key=f"a:{number}"))
    read = postings_since(books.connection, debt, 1, limit=10)
    assert [(row.seq, row.line, row.amount, row.effect_key) for row in read.postings] == [
        (2, 2, -2, "a:2"),
        (3, 2, -3, "a:3"),
    ]
    assert read.postings[0].kind == "test"
    assert read.postings[0].occurred_at == NOON
    assert read.settled_seq == 3
    assert [row.seq for row in postings_since(books.connection, debt, 0, limit=1).postings] == [1]
    with pytest.raises(UnknownAccountError):
        postings_since(books.connection, 10**9, 0, limit=1)


def test_nothing_comes_in_between_what_is_settled(fresh_engine: Engine) -> None:
    with fresh_engine.begin() as connection:
        cash, sales = open_accounts(
            connection,
            [
                AccountSpec("assets:till", "USD", "deferred"),
                AccountSpec("income:sales", "USD", "deferred"),
            ],
        ).values()
    slow = fresh_engine.connect()
    books = Books(slow)
    post(slow, books.entry((cash, 1), (sales, -1), key="slow"))
    with fresh_engine.begin() as connection:
        post(connection, Books(connection).entry((cash, 2), (sales, -2), key="quick"))
    roll_accounts(fresh_engine)
    roll_accounts(fresh_engine)
    with fresh_engine.connect() as connection:
        seen = postings_since(connection, cash, 0, limit=10)
    assert [row.effect_key for row in seen.postings] == ["quick"]
    assert seen.settled_seq < seen.postings[0].seq
    slow.commit()
    slow.close()

    def all_is_settled() -> bool:  # any transaction of the server may hold it up for a moment
        roll_accounts(fresh_engine)
        with fresh_engine.connect() as connection:
            seen = postings_since(connection, cash, 0, limit=10)
        assert [row.effect_key for row in seen.postings] == ["slow", "quick"]
        return seen.settled_seq >= seen.postings[-1].seq

    wait_until(all_is_settled)
