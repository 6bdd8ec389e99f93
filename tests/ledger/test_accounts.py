import pytest
from sqlalchemy.exc import IntegrityError

from ledger import AccountSpec, Asset, assets, define_asset, find_account_ids, open_accounts
from ledger.errors import AccountDiffersError, UnknownAssetError
from tests.ledger.conftest import Books


def test_opening_an_account_again_finds_it(books: Books) -> None:
    spec = AccountSpec("liabilities:escrow:ord_1", "USD", floor=0)

    first = open_accounts(books.connection, [spec, spec])

    assert open_accounts(books.connection, [spec]) == first
    assert find_account_ids(books.connection, [("liabilities:escrow:ord_1", "USD")]) == first


def test_one_path_holds_one_account_for_each_asset(books: Books) -> None:
    found = open_accounts(
        books.connection, [AccountSpec("assets:bank:x", "USD"), AccountSpec("assets:bank:x", "EUR")]
    )

    assert len(set(found.values())) == 2


@pytest.mark.parametrize(
    "other",
    [
        AccountSpec("liabilities:escrow:x", "USD", floor=1),
        AccountSpec("liabilities:escrow:x", "USD", floor=None),
        AccountSpec("liabilities:escrow:x", "USD", "deferred"),
    ],
)
def test_an_account_keeps_its_mode_and_floor(books: Books, other: AccountSpec) -> None:
    open_accounts(books.connection, [AccountSpec("liabilities:escrow:x", "USD", floor=0)])

    with pytest.raises(AccountDiffersError, match="is strict with floor 0"):
        open_accounts(books.connection, [other])


def test_unknown_assets_are_named(books: Books) -> None:
    with pytest.raises(UnknownAssetError, match="no asset DOUBLOON"):
        open_accounts(books.connection, [AccountSpec("assets:chest", "DOUBLOON")])


@pytest.mark.parametrize(
    "path", ["assets", "things:x", "assets:", "assets:a b", "Assets:x", "assets::x"]
)
def test_paths_have_a_class_and_plain_parts(books: Books, path: str) -> None:
    with pytest.raises(IntegrityError):
        open_accounts(books.connection, [AccountSpec(path, "USD")])


def test_deferred_accounts_have_no_floor(books: Books) -> None:
    with pytest.raises(IntegrityError):
        open_accounts(books.connection, [AccountSpec("assets:hot", "USD", "deferred", 0)])


def test_tokens_can_be_added_once(books: Books) -> None:
    define_asset(books.connection, code="TESTCOIN", exponent=8)
    define_asset(books.connection, code="TESTCOIN", exponent=8)

    assert assets(books.connection)["TESTCOIN"].exponent == 8
    with pytest.raises(UnknownAssetError, match="has 8 decimals"):
        define_asset(books.connection, code="TESTCOIN", exponent=18)


@pytest.mark.parametrize(
    ("exponent", "amount", "text"),
    [
        (2, 12345, "123.45"),
        (2, -5, "-0.05"),
        (2, 0, "0.00"),
        (0, 500, "500"),
        (3, 1, "0.001"),
        (18, 10**18 + 1, "1.000000000000000001"),
    ],
)
def test_amounts_are_shown_with_their_decimals(exponent: int, amount: int, text: str) -> None:
    assert Asset(1, "XXX", exponent).display(amount) == text
