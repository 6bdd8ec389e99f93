import datetime as dt

import pytest

from ledger import Posted, balance, post, reverse
from ledger.errors import ClosedPeriodError, InsufficientFundsError, UnknownEntryError
from tests.ledger.conftest import NOON, Books

LATER = NOON + dt.timedelta(days=1)


def test_a_reversal_is_the_mirror_and_happens_once(books: Books) -> None:
    cash, owed = books.open("assets:till"), books.open("liabilities:escrow:1")
    wrong = post(books.connection, books.entry((cash, 70), (owed, -70)))

    first = reverse(books.connection, wrong.entry_id, occurred_at=LATER, description="typo")
    again = reverse(books.connection, wrong.entry_id, occurred_at=NOON, description="again")

    assert again == Posted(first.entry_id, replayed=True)
    assert balance(books.connection, cash) == balance(books.connection, owed) == 0


def test_a_reversal_can_itself_be_reversed_once(books: Books) -> None:
    cash, owed = books.open("assets:till"), books.open("liabilities:escrow:1")
    entry = post(books.connection, books.entry((cash, 70), (owed, -70)))
    undone = reverse(books.connection, entry.entry_id, occurred_at=LATER, description="undo")

    reverse(books.connection, undone.entry_id, occurred_at=LATER, description="redo")

    assert balance(books.connection, cash) == 70


def test_money_that_has_left_cannot_be_reversed(books: Books) -> None:
    cash, owed = books.open("assets:till"), books.open("liabilities:escrow:1", floor=0)
    seller = books.open("liabilities:seller:1")
    charge = post(books.connection, books.entry((cash, 70), (owed, -70)))
    post(books.connection, books.entry((owed, 70), (seller, -70)))

    with pytest.raises(InsufficientFundsError):
        reverse(books.connection, charge.entry_id, occurred_at=LATER, description="too late")


def test_a_reversal_respects_closed_books(books: Books) -> None:
    cash, owed = books.open("assets:till"), books.open("liabilities:escrow:1")
    entry = post(books.connection, books.entry((cash, 70), (owed, -70)))
    books.connection.exec_driver_sql("SELECT ledger.close_books(%s)", (NOON,))

    with pytest.raises(ClosedPeriodError):
        reverse(books.connection, entry.entry_id, occurred_at=NOON, description="back-dated")
    reverse(books.connection, entry.entry_id, occurred_at=LATER, description="in the open month")


def test_there_must_be_something_to_reverse(books: Books) -> None:
    with pytest.raises(UnknownEntryError):
        reverse(books.connection, 2**60, occurred_at=LATER, description="nothing")
