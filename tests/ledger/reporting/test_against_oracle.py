"""Every report against an oracle in plain Python, over random books.

Entries are written by the owner of the tables, so that they can be recorded at any moment, also
out of the order of their numbers. Part of them is in the daily totals, part is not.
"""

import datetime as dt
import itertools
from collections import defaultdict

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine

from ledger import AccountSpec, broken_invariants, open_accounts
from ledger.reporting import (
    Place,
    Scope,
    balance_sheet,
    daily_movements,
    general_ledger,
    income_statement,
    journal,
    posting_count,
    statement,
    trial_balance,
)
from ledger.reporting.trial_balance import Detail
from tests.depth import IS_DEEP
from tests.ledger.reporting import oracle
from tests.ledger.reporting.oracle import Line, Wanted

BEGIN = dt.datetime(2026, 8, 20, tzinfo=dt.UTC)
ORDERS = [f"ord_01ARZ3NDEKTSV4RRFFQ69G5FA{letter}" for letter in "ABC"]
ACCOUNTS = [
    ("assets:bank:main", "USD"),
    ("assets:bank:main", "EUR"),
    ("assets:bank", "USD"),
    ("assets:bank-old:x", "USD"),
    ("assets:card-authorizations:contra", "USD"),
    *((f"liabilities:escrow:{order}", "USD") for order in ORDERS),
    (f"liabilities:escrow:{ORDERS[0]}", "EUR"),
    ("assets:wallet:0x52908400098527886E0F7030069857D2E4169EE7", "ETH"),
    ("equity:capital", "ETH"),
    ("income:platform-fees", "USD"),
    ("expenses:processing:stripe", "USD"),
    ("expenses:processing:stripe", "EUR"),
]
SINGLE = ACCOUNTS[5][0]
ASSETS = sorted({asset for _, asset in ACCOUNTS})

moments = st.builds(
    lambda days, micros: BEGIN + dt.timedelta(days=days, microseconds=micros),
    st.integers(0, 50),
    st.sampled_from([0, 1, 3_600_000_000, 86_399_999_999]),
)
days = st.none() | moments.map(lambda moment: moment.date())


@st.composite
def drawn_entries(draw: st.DrawFn) -> list[tuple[dt.datetime, dt.datetime, list[tuple[int, int]]]]:
    """Draw entries: when they occurred, when they were recorded, and changes of accounts."""
    entries = []
    for _ in range(draw(st.integers(1, 12))):
        changes: list[tuple[int, int]] = []
        for asset in draw(st.lists(st.sampled_from(ASSETS), min_size=1, max_size=2, unique=True)):
            places = [place for place, name in enumerate(ACCOUNTS) if name[1] == asset]
            amounts = draw(
                st.lists(
                    st.integers(-9, 9).filter(bool) | st.sampled_from([10**40, -(10**40)]),
                    min_size=1,
                    max_size=3,
                )
            )
            if sum(amounts):
                amounts.append(-sum(amounts))
            if len(amounts) > 1:
                changes += [(draw(st.sampled_from(places)), amount) for amount in amounts]
        if changes:
            entries.append((draw(moments), draw(moments), changes))
    return entries


@st.composite
def drawn_wishes(draw: st.DrawFn) -> Wanted:
    """Draw what a report is asked for."""
    first_day, last_day = draw(days), draw(days)
    if first_day and last_day:
        first_day, last_day = min(first_day, last_day), max(first_day, last_day)
    scope = Scope(
        as_of=draw(moments),
        first_day=first_day,
        last_day=last_day,
        axis=draw(st.sampled_from(["occurred", "recorded"])),
        asset=draw(st.sampled_from([None, None, *ASSETS])),
    )
    account = draw(
        st.sampled_from(
            [None, None, "assets", "assets:bank", "liabilities:escrow", SINGLE, "equity:no"]
        )
    )
    control = draw(st.sampled_from([None, None, "liabilities:escrow", "assets:bank"]))
    return Wanted(scope=scope, account=account, control=control)


def write(
    connection: Connection,
    ids: list[int],
    entries: list[tuple[dt.datetime, dt.datetime, list[tuple[int, int]]]],
    reverse: int,
) -> list[Line]:
    """Write the entries as the owner; the first is undone by another one when it is asked for."""
    lines: list[Line] = []
    first: int | None = None
    if reverse and entries:
        occurred, recorded, changes = entries[0]
        mirror = [(place, -amount) for place, amount in changes]
        entries = [*entries, (occurred, recorded + dt.timedelta(days=reverse), mirror)]
    for number, (occurred, recorded, changes) in enumerate(entries):
        entry_id = connection.exec_driver_sql("SELECT nextval('ledger.entry_ids')").scalar_one()
        first = first or entry_id
        reverses = first if reverse and number == len(entries) - 1 else None
        key = f"drawn:{entry_id}"
        connection.exec_driver_sql(
            "INSERT INTO ledger.entries"
            " (id, effect_key, fingerprint, kind, occurred_at, recorded_at)"
            " VALUES (%s, %s, sha256(''), 'test', %s, %s)",
            (entry_id, key, occurred, recorded),
        )
        for line, (place, amount) in enumerate(changes, 1):
            path, asset = ACCOUNTS[place]
            control = path.rsplit(":", 1)[0] if "ord_" in path or "0x" in path else path
            lines.append(
                Line(
                    entry_id, key, occurred, recorded, reverses, line, entry_id * 1024 + line,
                    path, control, asset, amount,
                )
            )  # fmt: skip
        connection.exec_driver_sql(
            "INSERT INTO ledger.postings (entry_id, account_id, seq, occurred_at, recorded_at,"
            " amount, asset_id, line)"
            " SELECT %s, a.id, %s * 1024 + l.line, %s, %s, l.amount, a.asset_id, l.line"
            "   FROM unnest(%s::bigint[], %s::numeric[])"
            "        WITH ORDINALITY AS l (account, amount, line)"
            "   JOIN ledger.accounts a ON a.id = l.account",
            (
                entry_id, entry_id, occurred, recorded,
                [ids[place] for place, _ in changes], [str(amount) for _, amount in changes],
            ),
        )  # fmt: skip
        if reverses is not None:
            connection.exec_driver_sql(
                "INSERT INTO ledger.reversals VALUES (%s, %s)", (entry_id, reverses)
            )
    return lines


def roll(connection: Connection, upto: int) -> None:
    """Have the totals go up to an entry, in two steps."""
    connection.exec_driver_sql("UPDATE ledger.watermark SET settled_to = %s", (upto,))
    connection.exec_driver_sql("SELECT ledger.roll_totals(3)")
    connection.exec_driver_sql("SELECT ledger.roll_totals(1000)")


def compare(connection: Connection, lines: list[Line], wanted: Wanted) -> None:
    scope = wanted.scope
    details: tuple[Detail, ...] = ("control", "account")
    for detail in details:
        found = list(
            trial_balance(
                connection, scope, detail=detail, account=wanted.account, control=wanted.control
            )
        )
        single = wanted.account == SINGLE  # is shown as what it is
        assert found == oracle.trial_balance(lines, wanted, detail="account" if single else detail)
    of_all = Wanted(scope=scope)
    assert list(income_statement(connection, scope)) == oracle.income_statement(lines, of_all)
    assert list(balance_sheet(connection, scope)) == oracle.balance_sheet(lines, of_all)
    assert list(daily_movements(connection, scope)) == oracle.daily_movements(lines, of_all)
    assert list(
        journal(connection, scope, account=wanted.account, control=wanted.control)
    ) == oracle.journal(lines, wanted)
    ledger_rows = list(oracle.general_ledger(lines, wanted))
    assert (
        list(general_ledger(connection, scope, account=wanted.account, control=wanted.control))
        == ledger_rows
    )
    counted = [row for row in ledger_rows if row.entry_id is not None]
    assert posting_count(connection, scope, account=wanted.account, control=wanted.control) == len(
        counted
    )
    newest = max((line.entry_id for line in lines if line.recorded_at <= scope.as_of), default=None)
    sequence = connection.exec_driver_sql("SELECT ledger.sequence_as_of(%s)", (scope.as_of,))
    assert sequence.scalar() == newest


def compare_pages(connection: Connection, lines: list[Line], wanted: Wanted, size: int) -> None:
    scope = wanted.scope
    whole = oracle.journal(lines, wanted)
    after = None
    for start in itertools.count(0, size):
        page = list(
            journal(
                connection,
                scope,
                account=wanted.account,
                control=wanted.control,
                after=after,
                limit=size,
            )
        )
        assert page == whole[start : start + size]
        if not page:
            break
        after = (page[-1].entry_id, page[-1].line)
    rows = list(oracle.general_ledger(lines, wanted))
    place = None
    for start in itertools.count(0, size):
        shown = list(
            general_ledger(
                connection,
                scope,
                account=wanted.account,
                control=wanted.control,
                after=place,
                limit=size,
            )
        )
        assert shown == rows[start : start + size]
        if not shown:
            break
        place = Place(*shown[-1][:3])


def compare_statements(connection: Connection, lines: list[Line], wanted: Wanted) -> None:
    of_account = defaultdict(list)
    for line in lines:
        if line.recorded_at <= wanted.scope.as_of:
            of_account[line.path, line.asset].append(line)
    for name in ACCOUNTS:
        mine = of_account[name]
        opening = sum(line.amount for line in mine if wanted.when(line) == "before")
        moved = [line for line in mine if wanted.when(line) == "in"]
        expected = list(oracle.account(name, opening, moved, axis=wanted.scope.axis))
        assert list(statement(connection, wanted.scope, *name)) == expected


def test_reports_say_what_the_oracle_says(owner_engine: Engine) -> None:
    @settings(
        max_examples=120 if IS_DEEP else 40,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],  # what it finds is small enough, and shrinking takes minutes
    )
    @given(
        entries=drawn_entries(),
        rolled=st.integers(0, 14),
        reverse=st.integers(0, 3),
        wishes=st.lists(drawn_wishes(), min_size=3, max_size=3),
        size=st.integers(1, 4),
    )
    def check(
        entries: list[tuple[dt.datetime, dt.datetime, list[tuple[int, int]]]],
        rolled: int,
        reverse: int,
        wishes: list[Wanted],
        size: int,
    ) -> None:
        with owner_engine.connect() as connection, connection.begin() as transaction:
            specs = [AccountSpec(path, asset, "deferred") for path, asset in ACCOUNTS]
            opened = open_accounts(connection, specs)
            ids = [opened[name] for name in ACCOUNTS]
            lines = write(connection, ids, entries, reverse)
            numbers = sorted({line.entry_id for line in lines})
            if rolled and numbers:
                roll(connection, numbers[min(rolled, len(numbers)) - 1])
            connection.exec_driver_sql("SET LOCAL ROLE strongroom_app")
            for wanted in wishes:
                compare(connection, lines, wanted)
            compare_pages(connection, lines, wishes[0], size)
            compare_statements(connection, lines, wishes[0])
            assert broken_invariants(connection) == []
            transaction.rollback()

    check()
