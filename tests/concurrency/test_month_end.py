"""Finance at a month's end, all at once: each thing happens once, and none past a closing."""

import datetime as dt
import itertools
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from sqlalchemy import Engine

import ledger
from ledger import AccountSpec, Entry, Posted, Posting
from payments.access.caller import Caller, Role
from payments.database import in_transaction, transaction
from payments.errors import ConflictError
from payments.manual_entries.new_entry import NewEntry
from payments.manual_entries.read_entries import read_entry
from payments.manual_entries.request_entry import request_entry
from payments.manual_entries.reverse_due import reverse_due
from tests.conditions import is_lock_waited_for, wait_until
from tests.payments.periods.closing_desk import HALLOWEEN, OCTOBER, ClosingDesk, lines

AT_ONCE = 6
ROUNDS = 5
PEOPLE = [Caller(principal=f"key:{n}", role=Role.FINANCE) for n in range(AT_ONCE)]


@pytest.fixture
def desk(fresh_engine: Engine) -> ClosingDesk:
    return ClosingDesk(fresh_engine)


def race(*works: Callable[[], object]) -> list[str]:
    """Begin all works at one moment; return what became of each."""
    gate = threading.Barrier(len(works))

    def run(work: Callable[[], object]) -> str:
        gate.wait()
        try:
            work()
        except ConflictError as error:
            return error.code
        return "done"

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


def count_manual(desk: ClosingDesk, kind: str) -> int:
    query = "SELECT count(*) FROM ledger.entries WHERE kind = %s"
    with desk.engine.connect() as connection:
        return int(connection.exec_driver_sql(query, (kind,)).scalar_one())


def test_of_many_approvals_at_once_one_posts(desk: ClosingDesk) -> None:
    for done in range(1, ROUNDS + 1):
        entry = desk.ask()
        told = race(*(partial(desk.approve, entry, by=who) for who in PEOPLE))
        assert Counter(told) == {"done": 1, "entry_decided": AT_ONCE - 1}
        assert count_manual(desk, "manual") == done
    desk.check()


def test_of_many_reversals_at_once_one_is_asked_for_and_posted(desk: ClosingDesk) -> None:
    for done in range(1, ROUNDS + 1):
        entry = desk.post()
        told = race(*[partial(desk.ask_reversal, entry)] * AT_ONCE)
        assert Counter(told) == {"done": 1, "entry_reversed": AT_ONCE - 1}
        [number] = {waiting(desk)}
        told = race(*(partial(approve, desk, number, who) for who in PEOPLE))
        assert Counter(told) == {"done": 1, "entry_decided": AT_ONCE - 1}
        assert count_manual(desk, "manual.reversed") == done
    desk.check()


def test_a_day_and_a_person_reverse_an_entry_once(desk: ClosingDesk) -> None:
    due = desk.now.date() - dt.timedelta(days=1)
    for done in range(1, ROUNDS + 1):
        entry = desk.post(auto_reverse_on=due)
        asked = desk.ask_reversal(entry)
        race(
            partial(desk.approve, asked),
            *[lambda: reverse_due(desk.engine, now=desk.now)] * (AT_ONCE - 1),
        )
        assert count_manual(desk, "manual.reversed") == done
    desk.check()


def test_of_an_approval_and_a_closing_at_once_none_is_lost(desk: ClosingDesk) -> None:
    desk.post()
    desk.reconcile()
    entry = desk.ask()

    def close() -> None:
        for _ in itertools.count():
            try:
                desk.close()
            except ConflictError as error:
                if set(error.errors) <= {"no_open_entries", "sealed"}:
                    continue
                raise
            return

    assert race(close, lambda: desk.approve(entry)) == ["done", "done"]
    shown = in_transaction(desk.engine, lambda session: read_entry(session, str(entry.id)))
    assert shown.status == "posted"
    assert desk.closed_through() == OCTOBER.end
    desk.check()


def test_what_is_asked_for_while_a_month_is_closed_keeps_it_open(desk: ClosingDesk) -> None:
    """An entry that is just being asked for is waited for, and seen."""
    desk.post()
    desk.reconcile()
    wait_until(lambda: ledger.seal(desk.engine) > 0)
    told = NewEntry(effective_on=HALLOWEEN, reason="Late.", lines=lines())
    with ThreadPoolExecutor(1) as pool:
        with transaction(desk.engine) as session:
            request_entry(session, caller=PEOPLE[0], reference="late", asked=told, now=desk.now)
            closing = pool.submit(desk.close)
            wait_until(lambda: closing.done() or is_lock_waited_for(desk.engine))
        with pytest.raises(ConflictError) as refused:
            closing.result()
    assert set(refused.value.errors) == {"no_open_entries"}
    assert desk.closed_through() is None
    desk.check()


def test_nothing_is_posted_past_a_closing_and_its_moment_covers_all(desk: ClosingDesk) -> None:
    desk.post()
    desk.reconcile()
    over = threading.Event()
    refused, posted = Counter[str](), []

    def write(writer: int) -> None:
        for n in itertools.count():
            if over.is_set():
                return
            with desk.engine.begin() as connection:
                cash, owed = ledger.open_accounts(
                    connection,
                    [
                        AccountSpec("assets:till", "EUR", "deferred"),
                        AccountSpec("liabilities:one", "EUR", "deferred"),
                    ],
                ).values()
                lines = [Posting(cash, 1), Posting(owed, -1)]
                entry = Entry(f"w:{writer}:{n}", "test", OCTOBER.starts_at, lines)
                [result] = ledger.post_batch(connection, [entry])
            if isinstance(result, Posted):
                posted.append(result.entry_id)
            else:
                refused[result.error.code] += 1
                return

    with ThreadPoolExecutor(4) as pool:
        writers = [pool.submit(write, n) for n in range(4)]
        try:
            closing = desk.close().resource
        finally:
            over.set()
        for writer in writers:
            writer.result()
    assert max(posted) <= closing.ledger_sequence
    assert set(refused) <= {"closed_period"}
    with desk.engine.connect() as connection:
        late = connection.exec_driver_sql(
            "SELECT count(*) FROM ledger.entries WHERE occurred_at <= %s AND recorded_at > %s",
            (OCTOBER.end, closing.as_of),
        ).scalar_one()
    assert late == 0
    desk.check()


def test_of_many_closings_at_once_one_closes(desk: ClosingDesk) -> None:
    desk.post()
    desk.reconcile()
    told = race(*[desk.close] * 4)
    assert Counter(told) == {"done": 1, "period_closed": 3}
    desk.check()


def waiting(desk: ClosingDesk) -> str:
    query = "SELECT id FROM strongroom.manual_entries WHERE status = 'requested'"
    with desk.engine.connect() as connection:
        return str(connection.exec_driver_sql(query).scalar_one())


def approve(desk: ClosingDesk, entry_id: str, who: Caller) -> None:
    shown = in_transaction(desk.engine, lambda session: read_entry(session, entry_id))
    desk.approve(shown, by=who)
