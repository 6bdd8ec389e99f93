"""Journals for Xero and QuickBooks: balanced by day and asset, and in sum our trial balance."""

import re
from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine

import ledger
from ledger import AccountSpec, Entry, Posting
from ledger.reporting import trial_balance
from payments.access.caller import Caller, Role
from payments.database import transaction
from payments.errors import InvalidRequestError
from payments.identifiers import new_id
from payments.reports.mappings.packages import MappingMissingError, Target, control_of
from payments.reports.mappings.set_mappings import replace_mappings
from tests.payments.reports.busy_month import FIRST, LAST, write_busy_month
from tests.payments.reports.exporting import write
from tests.payments.shop import NOW

FINANCE = Caller(principal="key:finance", role=Role.FINANCE)
MONTH: dict[str, Any] = {"first_day": FIRST, "last_day": LAST, "asset": "EUR"}
PACKAGES = ("xero", "quickbooks")
LONGEST_NUMBER = 21  # characters of a journal number in QuickBooks


@pytest.fixture(scope="module")
def books(engine: Engine) -> Engine:
    write_busy_month(engine)
    return engine


@pytest.fixture(autouse=True)
def _mapped(books: Engine) -> None:
    """Each control account is mapped; two of ours are one of the package's."""
    with transaction(books) as session:
        paths = controls(session.connection())
        targets = {path: Target(code_of(path), "No Tax") for path in paths}
        for package in PACKAGES:
            replace_mappings(session, package, targets, caller=FINANCE, now=NOW)


def controls(connection: Connection) -> list[str]:
    rows = connection.exec_driver_sql("SELECT DISTINCT control FROM ledger.accounts")
    return sorted(rows.scalars())


def code_of(path: str) -> str:
    return "Stripe, all" if path.startswith("assets:stripe") else f"Books:{path}"


def moved(engine: Engine, asset: str, decimals: int) -> dict[str, Decimal]:
    """What our trial balance says that the package's accounts moved in the month."""
    sums: dict[str, Decimal] = defaultdict(Decimal)
    scope = write(engine, "csv", **MONTH | {"asset": asset}).scope
    with engine.connect() as connection:
        for row in trial_balance(connection, scope):
            sums[code_of(row.account)] += Decimal(row.debit - row.credit).scaleb(-decimals)
    return {code: amount for code, amount in sums.items() if amount}


def of_xero(row: Mapping[str, str]) -> tuple[str, str, Decimal]:
    return row["*Narration"] + row["*Date"], row["*AccountCode"], Decimal(row["*Amount"])


def of_quickbooks(row: Mapping[str, str]) -> tuple[str, str, Decimal]:
    assert bool(row["Debits"]) != bool(row["Credits"])
    amount = Decimal(row["Debits"] or 0) - Decimal(row["Credits"] or 0)
    return row["Journal No."] + row["Journal Date"], row["Account Name"], amount


READERS = {"xero": of_xero, "quickbooks": of_quickbooks}


@pytest.mark.parametrize(("asset", "decimals"), [("EUR", 2), ("JPY", 0)])
@pytest.mark.parametrize("package", PACKAGES)
def test_each_journal_balances_and_all_are_our_trial_balance(
    books: Engine, package: str, asset: str, decimals: int
) -> None:
    written = write(books, package, **MONTH | {"asset": asset})
    journals: dict[str, Decimal] = defaultdict(Decimal)
    accounts: dict[str, Decimal] = defaultdict(Decimal)
    for row in written.rows():
        journal, account, amount = READERS[package](row)
        journals[journal] += amount
        accounts[account] += amount
    assert len(journals) > 20
    assert set(journals.values()) == {Decimal()}
    assert {code: amount for code, amount in accounts.items() if amount} == moved(
        books, asset, decimals
    )


def test_dates_and_numbers_are_as_the_packages_want_them(books: Engine) -> None:
    [xero, *_] = write(books, "xero", **MONTH).rows()
    assert xero["*Narration"] == "Strongroom 2026-10-03 EUR"
    assert (xero["*Date"], xero["*TaxRate"]) == ("03/10/2026", "No Tax")
    [*_, quickbooks] = write(books, "quickbooks", **MONTH).rows()
    assert quickbooks["Journal No."] == "SR261031-EUR"
    assert (quickbooks["Journal Date"], quickbooks["Currency Code"]) == ("10/31/2026", "EUR")
    assert len("SR261031-" + "A" * 12) <= LONGEST_NUMBER


@pytest.mark.parametrize("package", PACKAGES)
def test_what_a_package_would_round_is_refused(books: Engine, package: str) -> None:
    with pytest.raises(InvalidRequestError, match="ETH, USDC has more") as caught:
        write(books, package, **MONTH | {"asset": None})
    assert set(caught.value.errors) == {"asset"}


def test_all_accounts_that_lack_are_named_at_once(books: Engine) -> None:
    with transaction(books) as session:
        kept = {"liabilities:escrow": Target("1", "No Tax")}
        replace_mappings(session, "xero", kept, caller=FINANCE, now=NOW)
    with pytest.raises(MappingMissingError) as caught:
        write(books, "xero", **MONTH)
    with books.connect() as connection:
        rows = trial_balance(connection, write(books, "csv", **MONTH).scope)
        expected = {row.account for row in rows if row.debit or row.credit}
    assert set(caught.value.errors) == expected - kept.keys()


def test_an_account_of_its_own_goes_before_its_control_account(books: Engine) -> None:
    with transaction(books) as session:
        connection = session.connection()
        seller = connection.exec_driver_sql(
            "SELECT a.path FROM ledger.accounts a JOIN ledger.postings p ON p.account_id = a.id"
            " JOIN ledger.assets s ON s.id = a.asset_id AND s.code = 'EUR'"
            " WHERE a.control = 'liabilities:seller' AND p.occurred_at >= '2026-10-01' LIMIT 1"
        ).scalar_one()
        targets = {path: Target("all", "No Tax") for path in controls(connection)}
        targets[seller] = Target("one seller", "No Tax")
        replace_mappings(session, "xero", targets, caller=FINANCE, now=NOW)
    rows = write(books, "xero", **MONTH).rows()
    assert {row["Description"] for row in rows if row["*AccountCode"] == "one seller"} == {seller}
    assert any(row["Description"] == "liabilities:seller" for row in rows)


def test_an_account_of_a_party_s_order_is_found_by_what_both_are_under(
    fresh_engine: Engine,
) -> None:
    path = f"expenses:gifts:{new_id('pty', now=NOW)}:{new_id('ord', now=NOW)}"
    with fresh_engine.begin() as connection:
        specs = [AccountSpec(name, "EUR", mode="deferred") for name in (path, "equity:own")]
        ids = ledger.open_accounts(connection, specs)
        postings = [Posting(ids[path, "EUR"], 5), Posting(ids["equity:own", "EUR"], -5)]
        ledger.post(connection, Entry("test_gift", "test", NOW, postings))
    with transaction(fresh_engine) as session:
        targets = {name: Target(name, "No Tax") for name in ("expenses:gifts", "equity:own")}
        replace_mappings(session, "xero", targets, caller=FINANCE, now=NOW)
    rows = write(fresh_engine, "xero", asset="EUR").rows()
    assert {row["*AccountCode"] for row in rows} == {"expenses:gifts", "equity:own"}


_PARTS = st.one_of(
    st.from_regex(r"[A-Za-z0-9_.-]{1,8}", fullmatch=True),
    st.from_regex(r"[a-z]{2,5}_[0-9A-Z]{26}", fullmatch=True),
    st.from_regex(r"0x[0-9A-Fa-f]{40}", fullmatch=True),
)


@given(paths=st.lists(st.lists(_PARTS, min_size=1, max_size=3), min_size=1, max_size=20))
def test_control_accounts_are_those_of_the_database(engine: Engine, paths: list[list[str]]) -> None:
    names = ["assets:" + ":".join(parts) for parts in paths]
    pattern = ":([a-z]{2,5}_[0-9A-Z]{26}|0x[0-9A-Fa-f]{40})$"
    with engine.connect() as connection:
        definition = connection.exec_driver_sql(
            "SELECT generation_expression FROM information_schema.columns WHERE table_schema ="
            " 'ledger' AND table_name = 'accounts' AND column_name = 'control'"
        ).scalar_one()
        found = connection.exec_driver_sql(
            "SELECT regexp_replace(path, %s, '') FROM unnest(%s::text[]) WITH ORDINALITY"
            " AS u (path, n) ORDER BY n",
            (pattern, names),
        ).scalars()
        assert [control_of(name) for name in names] == list(found)
    assert re.search(re.escape(pattern), definition)
