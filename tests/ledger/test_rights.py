"""What the database refuses, whoever asks: the application's role, and the owner of the tables."""

import datetime as dt
import secrets

import psycopg
import pytest
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from ledger import AccountSpec, Entry, Posting, open_accounts, post

NOW = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
TABLES = [
    "accounts", "assets", "balances", "closed_periods", "daily_totals", "daily_totals_cursor",
    "entries", "holds", "postings", "reversals", "roll_ranges", "roll_sums", "seals", "watermark",
]  # fmt: skip


@pytest.fixture
def written(engine: Engine) -> tuple[int, int, int]:
    """An entry with its two accounts, committed."""
    name = secrets.token_hex(6)
    with engine.begin() as connection:
        specs = [
            AccountSpec(f"assets:rights-{name}", "USD"),
            AccountSpec(f"liabilities:rights-{name}", "USD"),
        ]
        cash, owed = open_accounts(connection, specs).values()
        entry = Entry(f"rights:{name}", "test", NOW, [Posting(cash, 5), Posting(owed, -5)])
        return post(connection, entry).entry_id, cash, owed


def refused(connection: Connection, statement: str) -> str:
    with pytest.raises(DBAPIError) as caught, connection.begin():
        connection.exec_driver_sql(statement)
    assert isinstance(caught.value.orig, psycopg.Error)
    return caught.value.orig.sqlstate or ""


def test_the_application_works_as_its_role(engine: Engine) -> None:
    with engine.begin() as connection:
        assert connection.exec_driver_sql("SELECT current_user").scalar() == "strongroom_app"


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("verb", ["INSERT INTO {} DEFAULT VALUES", "DELETE FROM {}", "TRUNCATE {}"])
def test_the_application_cannot_write_past_the_functions(
    engine: Engine, table: str, verb: str
) -> None:
    with engine.connect() as connection:
        assert refused(connection, verb.format(f"ledger.{table}")) == "42501"


@pytest.mark.parametrize(
    "change",
    [
        "ledger.postings SET amount = amount",
        "ledger.entries SET kind = 'x'",
        "ledger.balances SET posted = posted",
        "ledger.holds SET state = 'open'",
        "ledger.accounts SET path = 'assets:x'",
        "ledger.closed_periods SET closed_through = now()",
        "ledger.seals SET number = 1",
        "ledger.watermark SET settled_to = 0",
    ],
)
def test_the_application_cannot_update(engine: Engine, change: str) -> None:
    with engine.connect() as connection:
        assert refused(connection, f"UPDATE {change}") == "42501"


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT nextval('ledger.entry_ids')",
        "SELECT setval('ledger.entry_ids', 1)",
        "ALTER TABLE ledger.postings DISABLE TRIGGER ALL",
        "DROP TRIGGER append_only ON ledger.postings",
        "CREATE TABLE ledger.mine (x int)",
        "SET session_replication_role = replica",
        "SELECT ledger.below_floor(1)",
    ],
)
def test_the_application_cannot_switch_the_guards_off(engine: Engine, statement: str) -> None:
    with engine.connect() as connection:
        assert refused(connection, statement) == "42501"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger.postings SET amount = amount + 1 WHERE entry_id = {entry}",
        "DELETE FROM ledger.postings WHERE entry_id = {entry}",
        "TRUNCATE ledger.postings",
        "UPDATE ledger.entries SET description = 'x' WHERE id = {entry}",
        "DELETE FROM ledger.entries WHERE id = {entry}",
        "TRUNCATE ledger.entries CASCADE",
        "UPDATE ledger.accounts SET asset_id = 1 WHERE id = {cash}",
        "DELETE FROM ledger.balances WHERE account_id = {cash}",
        "UPDATE ledger.balances SET side = -side WHERE account_id = {cash}",
        "DELETE FROM ledger.closed_periods",
        "UPDATE ledger.assets SET exponent = 3",
    ],
)
def test_not_even_the_owner_changes_what_is_written(
    owner_engine: Engine, written: tuple[int, int, int], statement: str
) -> None:
    entry, cash, owed = written
    with owner_engine.connect() as connection:
        assert refused(connection, statement.format(entry=entry, cash=cash, owed=owed)) == "42501"


_POSTING = """
    INSERT INTO ledger.postings
      (entry_id, account_id, seq, occurred_at, recorded_at, amount, balance_after, asset_id, line)
    SELECT {entry}, {account}, 1000000 + {line}, e.occurred_at, now(), {amount}, 0, {asset}, {line}
      FROM (SELECT coalesce((SELECT occurred_at FROM ledger.entries WHERE id = {entry}), now()))
        AS e (occurred_at)
"""


@pytest.mark.parametrize(
    ("change", "sqlstate"),
    [
        ({"amount": 7}, "LE001"),  # unbalanced
        ({"entry": 2**60, "amount": 7}, "LE001"),  # no such entry, and unbalanced
        ({"asset": "(SELECT id FROM ledger.assets WHERE code = 'EUR')"}, "LE001"),
        ({"account": 2**60}, "LE002"),
        ({"amount": "1.5"}, "23514"),
        ({"amount": "'NaN'"}, "23514"),
        ({"amount": "'Infinity'"}, "23514"),
        ({"amount": 0}, "23514"),
    ],
)
def test_not_even_the_owner_inserts_what_is_wrong(
    owner_engine: Engine,
    written: tuple[int, int, int],
    change: dict[str, object],
    sqlstate: str,
) -> None:
    entry, cash, _ = written
    usd = "(SELECT id FROM ledger.assets WHERE code = 'USD')"
    values = {"entry": entry, "account": cash, "amount": 5, "asset": usd, "line": 3} | change
    with owner_engine.connect() as connection:
        assert refused(connection, _POSTING.format(**values)) == sqlstate


@pytest.mark.parametrize(
    ("change", "sqlstate"),
    [
        ({"account": 2**60}, "LE002"),
        ({"asset": "(SELECT id FROM ledger.assets WHERE code = 'EUR')"}, "LE004"),
    ],
)
def test_not_even_the_owner_balances_an_entry_on_wrong_accounts(
    owner_engine: Engine,
    written: tuple[int, int, int],
    change: dict[str, object],
    sqlstate: str,
) -> None:
    entry, cash, _ = written
    usd = "(SELECT id FROM ledger.assets WHERE code = 'USD')"
    values = {"entry": entry, "account": cash, "asset": usd} | change
    lines = [_POSTING.format(**values, amount=amount, line=amount + 5) for amount in (1, -1)]
    first, second = (line.partition("SELECT")[::2] for line in lines)
    with owner_engine.connect() as connection:
        both = f"{first[0]} SELECT {first[1]} UNION ALL SELECT {second[1]}"
        assert refused(connection, both) == sqlstate


def test_not_even_the_owner_ties_a_reversal_to_what_it_does_not_mirror(
    engine: Engine, owner_engine: Engine, written: tuple[int, int, int]
) -> None:
    entry, cash, owed = written
    with engine.begin() as connection:
        other = post(
            connection,
            Entry(
                f"rights:{secrets.token_hex(6)}", "test", NOW, [Posting(cash, -4), Posting(owed, 4)]
            ),
        )
    with owner_engine.connect() as connection:
        assert (
            refused(connection, f"INSERT INTO ledger.reversals VALUES ({other.entry_id}, {entry})")
            == "LE005"
        )
