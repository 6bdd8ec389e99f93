import datetime as dt

import pytest

from ledger import (
    Hold,
    available,
    balance,
    capture_hold,
    expire_holds,
    find_hold,
    place_hold,
    post,
    void_hold,
)
from ledger.errors import (
    EffectKeyReusedError,
    HoldClosedError,
    HoldExceededError,
    InsufficientFundsError,
    MalformedEntryError,
    UnbalancedError,
    UnknownAccountError,
    UnknownHoldError,
)
from tests.ledger.conftest import NOON, Books

HOUR = dt.timedelta(hours=1)


class Escrow:
    """An escrow account that holds 1000 for an order, and the seller's account."""

    def __init__(self, books: Books) -> None:
        self.books, self.connection = books, books.connection
        cash = books.open("assets:till", deferred=True)
        self.owed = books.open("liabilities:escrow:1", floor=0)
        self.seller = books.open("liabilities:seller:1")
        post(self.connection, books.entry((cash, 1000), (self.owed, -1000)))

    def hold(self, amount: int, key: str = "hold:1", expires_at: dt.datetime | None = None) -> Hold:
        return place_hold(
            self.connection,
            effect_key=key,
            account_id=self.owed,
            amount=amount,
            now=NOON,
            expires_at=expires_at,
        )

    def capture(
        self, hold: Hold, amount: int, *, release_rest: bool = False, key: str = "capture:1"
    ) -> bool:
        entry = self.books.entry((self.owed, amount), (self.seller, -amount), key=key)
        return capture_hold(
            self.connection, hold.id, entry, amount=amount, now=NOON, release_rest=release_rest
        ).replayed

    @property
    def available(self) -> int | None:
        return available(self.connection, self.owed)


@pytest.fixture
def escrow(books: Books) -> Escrow:
    return Escrow(books)


def test_a_hold_counts_against_what_is_available(escrow: Escrow) -> None:
    escrow.hold(600)

    assert escrow.available == 400
    with pytest.raises(InsufficientFundsError):
        escrow.hold(401, key="hold:2")
    with pytest.raises(InsufficientFundsError):
        post(escrow.connection, escrow.books.entry((escrow.owed, 401), (escrow.seller, -401)))


def test_the_same_hold_is_placed_once(escrow: Escrow) -> None:
    assert escrow.hold(600) == escrow.hold(600)
    assert escrow.available == 400
    with pytest.raises(EffectKeyReusedError):
        escrow.hold(601)


def test_a_hold_is_captured_in_parts_up_to_its_amount(escrow: Escrow) -> None:
    hold = escrow.hold(600)

    escrow.capture(hold, 200, key="capture:1")
    escrow.capture(hold, 400, key="capture:2")

    assert find_hold(escrow.connection, hold.id).state == "captured"
    assert (escrow.available, balance(escrow.connection, escrow.seller)) == (400, -600)
    with pytest.raises(HoldClosedError):
        escrow.capture(hold, 1, key="capture:3")


def test_capturing_less_can_give_back_the_rest(escrow: Escrow) -> None:
    hold = escrow.hold(600)

    escrow.capture(hold, 200, release_rest=True)

    assert escrow.available == 800


def test_a_capture_is_a_replay_the_second_time(escrow: Escrow) -> None:
    hold = escrow.hold(600)

    assert [escrow.capture(hold, 200), escrow.capture(hold, 200)] == [False, True]
    assert find_hold(escrow.connection, hold.id).captured == 200


def test_no_more_is_captured_than_held(escrow: Escrow) -> None:
    hold = escrow.hold(600)

    with pytest.raises(HoldExceededError, match="600 left"):
        escrow.capture(hold, 601)


def test_the_entry_takes_exactly_what_is_captured(escrow: Escrow) -> None:
    hold = escrow.hold(600)
    entry = escrow.books.entry((escrow.owed, 500), (escrow.seller, -500))

    with pytest.raises(MalformedEntryError, match=r"takes 500 .* not 400"):
        capture_hold(escrow.connection, hold.id, entry, amount=400, now=NOON)


def test_a_refused_capture_leaves_the_hold_as_it_was(escrow: Escrow) -> None:
    hold = escrow.hold(600)
    lame = escrow.books.entry((escrow.owed, 100), (escrow.seller, -99))

    with pytest.raises(UnbalancedError):
        capture_hold(escrow.connection, hold.id, lame, amount=100, now=NOON)

    assert find_hold(escrow.connection, hold.id) == hold
    assert escrow.available == 400


def test_a_voided_hold_gives_its_money_back_once(escrow: Escrow) -> None:
    hold = escrow.hold(600)
    escrow.capture(hold, 100)

    assert void_hold(escrow.connection, hold.id, now=NOON)
    assert not void_hold(escrow.connection, hold.id, now=NOON)
    assert escrow.available == 900
    with pytest.raises(HoldClosedError, match="voided"):
        escrow.capture(hold, 100, key="capture:2")


def test_a_hold_expires_on_time_even_if_nobody_looks(escrow: Escrow) -> None:
    hold = escrow.hold(600, expires_at=NOON + HOUR)
    entry = escrow.books.entry((escrow.owed, 600), (escrow.seller, -600))

    with pytest.raises(HoldClosedError, match="expired"):
        capture_hold(escrow.connection, hold.id, entry, amount=600, now=NOON + HOUR)

    assert expire_holds(escrow.connection, now=NOON + HOUR - dt.timedelta(seconds=1)) == []
    assert expire_holds(escrow.connection, now=NOON + HOUR) == [hold.id]
    assert escrow.available == 1000


def test_what_cannot_be_held_is_refused(escrow: Escrow) -> None:
    hot = escrow.books.open("assets:till", deferred=True)

    def place(account_id: int, amount: int) -> Hold:
        return place_hold(
            escrow.connection, effect_key="h", account_id=account_id, amount=amount, now=NOON
        )

    for amount in (0, -1, 1.5, True):
        with pytest.raises(MalformedEntryError):
            place(escrow.owed, amount)  # type: ignore[arg-type] # a float among them
    with pytest.raises(MalformedEntryError, match="deferred"):
        place(hot, 1)
    with pytest.raises(UnknownAccountError):
        place(2**62, 1)
    with pytest.raises(UnknownHoldError):
        void_hold(escrow.connection, 2**62, now=NOON)
