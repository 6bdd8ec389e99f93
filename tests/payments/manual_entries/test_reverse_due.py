"""Entries that undo themselves on a day: once, whoever else wants to."""

import datetime as dt

import pytest
from sqlalchemy import Engine

import ledger
from payments.database import in_transaction
from payments.errors import ConflictError
from payments.manual_entries.read_entries import read_entry
from payments.manual_entries.reverse_due import reverse_due
from payments.manual_entries.view import EntryView
from tests.payments.periods.closing_desk import HALLOWEEN, OCTOBER, ClosingDesk

DAY = dt.timedelta(days=1)
DUE = dt.date(2026, 11, 10)


@pytest.fixture
def desk(fresh_engine: Engine) -> ClosingDesk:
    desk = ClosingDesk(fresh_engine)
    desk.now = dt.datetime(2026, 11, 2, 9, tzinfo=dt.UTC)
    return desk


def read(desk: ClosingDesk, name: object) -> EntryView:
    return in_transaction(desk.engine, lambda session: read_entry(session, str(name)))


def test_an_entry_undoes_itself_on_its_day_and_never_again(desk: ClosingDesk) -> None:
    entry = desk.post(auto_reverse_on=DUE)
    assert reverse_due(desk.engine, now=desk.now) == {"reversed": 0, "failed": 0}

    desk.now = dt.datetime(2026, 11, 10, tzinfo=dt.UTC)
    assert reverse_due(desk.engine, now=desk.now) == {"reversed": 1, "failed": 0}
    assert reverse_due(desk.engine, now=desk.now) == {"reversed": 0, "failed": 0}

    undone = read(desk, entry.id)
    mirror = read(desk, undone.reversed_by_entry_id)
    assert (mirror.kind, mirror.status) == ("auto_reversal", "posted")
    assert mirror.occurred_at.date() == DUE
    assert [line.amount for line in mirror.lines] == [-line.amount for line in entry.lines]
    desk.check()


def test_a_day_in_a_month_closed_since_is_the_first_open_moment(desk: ClosingDesk) -> None:
    entry = desk.post(HALLOWEEN - 3 * DAY, auto_reverse_on=HALLOWEEN)
    with desk.engine.begin() as connection:
        ledger.close_books(connection, OCTOBER.end)
    reverse_due(desk.engine, now=desk.now)
    mirror = read(desk, read(desk, entry.id).reversed_by_entry_id)
    assert mirror.occurred_at == OCTOBER.end + dt.timedelta(microseconds=1)


def test_what_somebody_reversed_before_is_left_alone(desk: ClosingDesk) -> None:
    entry = desk.post(auto_reverse_on=DUE)
    desk.approve(desk.ask_reversal(entry))
    desk.now += 30 * DAY
    assert reverse_due(desk.engine, now=desk.now) == {"reversed": 0, "failed": 0}
    desk.check()


def test_the_day_comes_before_a_reversal_nobody_decided_on(desk: ClosingDesk) -> None:
    entry = desk.post(auto_reverse_on=DUE)
    waiting = desk.ask_reversal(entry)
    desk.now += 30 * DAY
    assert reverse_due(desk.engine, now=desk.now)["reversed"] == 1
    assert (read(desk, waiting.id).status, read(desk, waiting.id).asked is None) == (
        "rejected",
        False,
    )
    with pytest.raises(ConflictError):
        desk.approve(waiting)
    desk.check()


def test_what_was_not_approved_is_not_undone(desk: ClosingDesk) -> None:
    desk.ask(auto_reverse_on=DUE)
    desk.now += 30 * DAY
    assert reverse_due(desk.engine, now=desk.now) == {"reversed": 0, "failed": 0}
