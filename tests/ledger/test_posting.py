import datetime as dt

import pytest

from ledger import Entry, Posted, Posting, Refused, available, balance, post, post_batch
from ledger.errors import (
    ClosedPeriodError,
    EffectKeyReusedError,
    InsufficientFundsError,
    LedgerError,
    MalformedEntryError,
    UnbalancedError,
    UnknownAccountError,
)
from tests.ledger.conftest import NOON, Books


def test_an_entry_moves_money_between_its_accounts(books: Books) -> None:
    cash, owed = books.open("assets:till", deferred=True), books.open("liabilities:escrow:1")

    post(books.connection, books.entry((cash, 12_500), (owed, -12_500)))

    assert balance(books.connection, cash) == 12_500
    assert balance(books.connection, owed) == -12_500


def test_the_same_effect_is_written_once(books: Books) -> None:
    cash, owed = books.open("assets:till"), books.open("liabilities:escrow:1")
    entry = books.entry((cash, 100), (owed, -100))

    first = post(books.connection, entry)
    again = post(books.connection, entry._replace(description="told differently"))

    assert again == Posted(first.entry_id, replayed=True)
    assert balance(books.connection, cash) == 100


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "other"},
        {"occurred_at": NOON + dt.timedelta(microseconds=1)},
        {"postings": [Posting(1, 101), Posting(2, -101)]},
    ],
)
def test_a_key_never_stands_for_another_effect(books: Books, change: dict[str, object]) -> None:
    cash, owed = books.open("assets:till"), books.open("liabilities:escrow:1")
    entry = books.entry((cash, 100), (owed, -100), key="order:1:charged")
    post(books.connection, entry)

    with pytest.raises(EffectKeyReusedError, match="order:1:charged was posted before"):
        post(books.connection, entry._replace(**change))  # type: ignore[arg-type] # any field

    assert balance(books.connection, cash) == 100


@pytest.mark.parametrize("amounts", [(101, -101), (-100, 100), (100, -99, -1)])
def test_a_key_never_stands_for_other_amounts(books: Books, amounts: tuple[int, ...]) -> None:
    cash, owed = books.open("assets:till"), books.open("liabilities:escrow:1")
    entry = books.entry((cash, 100), (owed, -100))
    post(books.connection, entry)
    accounts = (cash, owed, owed)
    changed = [Posting(account, amount) for account, amount in zip(accounts, amounts, strict=False)]

    with pytest.raises(EffectKeyReusedError):
        post(books.connection, entry._replace(postings=changed))


def test_the_same_moment_in_another_time_zone_is_the_same_effect(books: Books) -> None:
    cash, owed = books.open("assets:till"), books.open("liabilities:escrow:1")
    entry = books.entry((cash, 100), (owed, -100))
    post(books.connection, entry)

    tokyo = entry.occurred_at.astimezone(dt.timezone(dt.timedelta(hours=9)))

    assert post(books.connection, entry._replace(occurred_at=tokyo)).replayed


def test_amounts_beyond_bigint_are_kept_to_the_last_wei(books: Books) -> None:
    vault = books.open("assets:chain:local:escrow", "ETH")
    owed = books.open("liabilities:escrow:1", "ETH")
    amount = 10**77 + 1

    post(books.connection, books.entry((vault, amount), (owed, -amount)))

    assert balance(books.connection, vault) == amount


def test_an_entry_balances_in_each_of_its_assets(books: Books) -> None:
    dollars, euros = books.open("assets:bank:main"), books.open("assets:bank:main", "EUR")
    fx_usd, fx_eur = books.open("equity:fx"), books.open("equity:fx", "EUR")

    post(
        books.connection, books.entry((dollars, -110), (fx_usd, 110), (fx_eur, -100), (euros, 100))
    )

    assert balance(books.connection, euros) == 100


def refused(books: Books, *changes: tuple[int, int]) -> type[LedgerError]:
    [result] = post_batch(books.connection, [books.entry(*changes)])
    assert isinstance(result, Refused)
    return type(result.error)


def test_what_cannot_be_right_is_refused_and_leaves_no_trace(books: Books) -> None:
    cash, euros = books.open("assets:till", floor=0), books.open("assets:till", "EUR")
    owed = books.open("liabilities:escrow:1", floor=0)
    unknown = 2**62

    assert refused(books, (cash, 100), (owed, -99)) is UnbalancedError
    assert refused(books, (cash, 100), (euros, -100)) is UnbalancedError
    assert refused(books, (cash, 100), (unknown, -100)) is UnknownAccountError
    assert refused(books, (cash, -100), (owed, 100)) is InsufficientFundsError
    assert refused(books, (cash, 0), (owed, 0)) is MalformedEntryError
    assert refused(books, (cash, 100)) is MalformedEntryError
    assert refused(books, (cash, 10**78), (owed, -(10**78))) is MalformedEntryError
    assert refused(books, (cash, 1.0), (owed, -1)) is MalformedEntryError  # type: ignore[arg-type] # a float
    assert refused(books, (cash, True), (owed, -1)) is MalformedEntryError
    assert refused(books, (-1, 1), (owed, -1)) is MalformedEntryError
    assert balance(books.connection, cash) == balance(books.connection, owed) == 0


@pytest.mark.parametrize(
    "change",
    [
        {"effect_key": ""},
        {"effect_key": "x" * 256},
        {"effect_key": "a\x00b"},
        {"kind": ""},
        {"occurred_at": NOON.replace(tzinfo=None)},
        {"postings": []},
        {"postings": [Posting(1, 1)] * 1001},
    ],
)
def test_malformed_entries_are_named(books: Books, change: dict[str, object]) -> None:
    cash, owed = books.open("assets:till"), books.open("liabilities:escrow:1")

    with pytest.raises(MalformedEntryError):
        post(books.connection, books.entry((cash, 1), (owed, -1))._replace(**change))  # type: ignore[arg-type] # any field


def test_odd_characters_in_keys_and_texts_survive(books: Books) -> None:
    cash, owed = books.open("assets:till"), books.open("liabilities:escrow:1")
    keys = ['quo"te', "back\\slash", "com,ma", "{brace}", "ünïcode", "new\nline", "NULL"]
    entries = [
        books.entry((cash, 1), (owed, -1), key=key)._replace(
            description=key, metadata={"key": key, "nested": [1, None]}
        )
        for key in keys
    ]

    results = post_batch(books.connection, entries)

    rows = books.connection.exec_driver_sql(
        "SELECT effect_key, description, metadata->>'key' FROM ledger.entries WHERE id = ANY(%s)"
        " ORDER BY id",
        ([result.entry_id for result in results if isinstance(result, Posted)],),
    ).all()
    assert [tuple(row) for row in rows] == [(key, key, key) for key in keys]


def test_a_bad_entry_is_named_and_the_others_are_posted(books: Books) -> None:
    cash, owed = books.open("assets:till"), books.open("liabilities:escrow:1")
    batch = [books.entry((cash, 1), (owed, -1)) for _ in range(100)]
    batch[37] = books.entry((cash, 1), (owed, -2))
    batch[64] = batch[64]._replace(postings=[Posting(cash, 1)])

    results = post_batch(books.connection, batch)

    assert {index for index, result in enumerate(results) if isinstance(result, Refused)} == {
        37,
        64,
    }
    assert balance(books.connection, cash) == 98


def test_a_batch_takes_effect_in_its_order(books: Books) -> None:
    cash = books.open("assets:till", deferred=True)
    owed = books.open("liabilities:escrow:1", floor=0)
    seller = books.open("liabilities:seller:1")
    early = books.entry((owed, 100), (seller, -100))
    funded = books.entry((cash, 100), (owed, -100))
    later = books.entry((owed, 100), (seller, -100))

    results = post_batch(books.connection, [early, funded, later])

    assert [type(result) for result in results] == [Refused, Posted, Posted]
    assert balance(books.connection, seller) == -100


def test_no_entry_inside_a_batch_may_dip_below_the_floor(books: Books) -> None:
    cash = books.open("assets:till", floor=0)
    other = books.open("assets:bank")
    out, back = books.entry((cash, -100), (other, 100)), books.entry((cash, 100), (other, -100))

    results = post_batch(books.connection, [out, back])

    assert [type(result) for result in results] == [Refused, Posted]


def test_an_entry_may_dip_below_the_floor_within_itself(books: Books) -> None:
    cash, other = books.open("assets:till", floor=0), books.open("assets:bank")

    post(books.connection, books.entry((cash, -100), (cash, 100), (other, 1), (other, -1)))

    assert available(books.connection, cash) == 0


def test_a_batch_knows_its_own_and_earlier_keys(books: Books) -> None:
    cash, owed = books.open("assets:till"), books.open("liabilities:escrow:1")
    earlier = books.entry((cash, 1), (owed, -1))
    first = post(books.connection, earlier)
    fresh = books.entry((cash, 2), (owed, -2))
    clash = fresh._replace(kind="other")

    results = post_batch(books.connection, [earlier, fresh, fresh, clash, earlier])

    assert results[0] == results[4] == Posted(first.entry_id, replayed=True)
    assert isinstance(results[1], Posted)
    assert results[2] == Posted(results[1].entry_id, replayed=True)
    assert isinstance(results[3], Refused)
    assert results[3].reason_code == "effect_key_reused"
    assert balance(books.connection, cash) == 3


def test_a_key_whose_first_use_was_refused_is_free(books: Books) -> None:
    cash, owed = books.open("assets:till"), books.open("liabilities:escrow:1")
    lame = books.entry((cash, 1), (owed, -2), key="order:9:charged")
    sound = books.entry((cash, 1), (owed, -1), key="order:9:charged")

    results = post_batch(books.connection, [lame, sound])

    assert [type(result) for result in results] == [Refused, Posted]


def test_refusals_say_what_is_free(books: Books) -> None:
    owed, seller = books.open("liabilities:escrow:7", floor=0), books.open("liabilities:seller:7")

    with pytest.raises(InsufficientFundsError, match=r"escrow:7 \(USD\) has 0 free .* by -5"):
        post(books.connection, books.entry((owed, 5), (seller, -5)))


def test_a_refusal_leaves_the_callers_transaction_usable(books: Books) -> None:
    cash, owed = books.open("assets:till"), books.open("liabilities:escrow:1")
    with pytest.raises(UnbalancedError):
        post(books.connection, books.entry((cash, 1), (owed, -2)))

    assert post(books.connection, books.entry((cash, 1), (owed, -1))).entry_id > 0


def test_nothing_at_all_is_posted_without_complaint(books: Books) -> None:
    assert post_batch(books.connection, []) == []


def test_a_batch_has_a_limit(books: Books) -> None:
    with pytest.raises(ValueError, match="at most 10000"):
        post_batch(books.connection, [Entry("k", "k", NOON, [])] * 10_001)


def test_an_entry_can_touch_many_accounts(books: Books) -> None:
    cash = books.open("assets:till", deferred=True)
    sellers = [books.open(f"liabilities:seller:{n}") for n in range(999)]

    post(books.connection, books.entry((cash, 999), *((seller, -1) for seller in sellers)))

    assert balance(books.connection, cash) == 999


def test_closed_books_refuse_and_still_replay(books: Books) -> None:
    cash, owed = books.open("assets:till"), books.open("liabilities:escrow:1")
    entry = books.entry((cash, 1), (owed, -1))
    post(books.connection, entry)
    books.connection.exec_driver_sql("SELECT ledger.close_books(%s)", (NOON,))

    with pytest.raises(ClosedPeriodError, match="closed through"):
        post(books.connection, books.entry((cash, 1), (owed, -1)))
    assert post(books.connection, entry).replayed
    later = NOON + dt.timedelta(microseconds=1)
    assert not post(books.connection, books.entry((cash, 1), (owed, -1), at=later)).replayed
