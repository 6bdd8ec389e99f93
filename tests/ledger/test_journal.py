"""Entries are found again by their effects and by what they are about."""

from ledger import JournalLine, entries_of_effects, entries_of_subjects, post
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
