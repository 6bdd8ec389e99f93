"""Deciding on entries by hand: by another, once, and only where people may post."""

import datetime as dt

import pytest
from sqlalchemy import Engine

import ledger
from payments.database import in_transaction
from payments.errors import ConflictError, InvalidRequestError, NotFoundError
from payments.manual_entries.decide_entry import reject_entry
from payments.manual_entries.open_accounts import CLOSED, OPEN, why_closed
from payments.manual_entries.read_entries import list_entries, read_entry
from payments.manual_entries.view import EntryView
from payments.orders.view import OrderView
from tests.payments.periods.closing_desk import (
    ADA,
    BOB,
    HALLOWEEN,
    OCTOBER,
    ClosingDesk,
    lines,
)
from tests.payments.releases.till import Till


@pytest.fixture
def desk(engine: Engine) -> ClosingDesk:
    return ClosingDesk(engine)


def refusal(error: pytest.ExceptionInfo[ConflictError]) -> str:
    return error.value.code


def test_an_entry_is_decided_on_once(desk: ClosingDesk) -> None:
    entry = desk.post()
    with pytest.raises(ConflictError) as refused:
        desk.approve(entry)
    assert refusal(refused) == "entry_decided"
    desk.check()


def test_a_rejected_entry_stays_out_of_the_books(desk: ClosingDesk) -> None:
    entry = desk.ask()
    assert entry.id is not None
    rejected = reject_entry(
        desk.engine, caller=BOB, reference="no", entry_id=entry.id, reason="No.", now=desk.now
    ).resource
    assert (rejected.status, rejected.entry_id) == ("rejected", None)
    with pytest.raises(ConflictError):
        desk.approve(entry)
    desk.check()


def test_what_the_ledger_refuses_is_refused_for_good(fresh_engine: Engine) -> None:
    desk = ClosingDesk(fresh_engine)
    entry = desk.ask()
    with fresh_engine.begin() as connection:  # past the month's checklist, which would wait
        ledger.close_books(connection, OCTOBER.end)
    refused = desk.approve(entry)
    assert (refused.status, refused.entry_id) == ("refused", None)
    assert refused.asked is not None
    assert "closed through" in str(refused.asked.refusal)
    desk.check()


def test_an_entry_by_hand_is_reversed_once(desk: ClosingDesk) -> None:
    entry = desk.post()
    waiting = desk.ask_reversal(entry)
    with pytest.raises(ConflictError) as refused:
        desk.ask_reversal(entry)
    assert refusal(refused) == "entry_reversed"
    mirror = desk.approve(waiting)

    with pytest.raises(ConflictError) as refused:
        desk.ask_reversal(entry)
    assert refusal(refused) == "entry_reversed"
    assert mirror.kind == "reversal"
    assert [line.amount for line in mirror.lines] == [-line.amount for line in entry.lines]
    with pytest.raises(ConflictError) as refused:
        desk.ask_reversal(mirror)
    assert refusal(refused) == "entry_not_reversible"
    desk.check()


def test_a_reversal_that_was_rejected_may_be_asked_for_again(desk: ClosingDesk) -> None:
    entry = desk.post()
    waiting = desk.ask_reversal(entry)
    reject_entry(
        desk.engine,
        caller=BOB,
        reference="not-now",
        entry_id=str(waiting.id),
        reason="Not yet.",
        now=desk.now,
    )
    assert desk.approve(desk.ask_reversal(entry)).status == "posted"


def test_what_a_payment_booked_is_not_reversed_by_hand(desk: ClosingDesk) -> None:
    till = Till(desk.engine)
    order: OrderView = till.paid()
    assert order.id
    with desk.engine.connect() as connection:
        number = connection.exec_driver_sql(
            "SELECT max(id) FROM ledger.entries WHERE kind = 'charge'"
        ).scalar_one()
    charge = in_transaction(desk.engine, lambda session: read_entry(session, str(number)))
    assert (charge.id, charge.kind, charge.asked) == (None, "charge", None)
    with pytest.raises(ConflictError) as refused:
        desk.ask_reversal(charge)
    assert refusal(refused) == "entry_not_reversible"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"lines": lines()[:1]}, "lines"),
        ({"lines": (*lines(), lines()[0])}, "lines"),
        ({"lines": lines(accounts=("liabilities:escrow:ord_1", "equity:x"))}, "lines.0.account"),
        ({"lines": lines(accounts=("expenses:rent", "rent"))}, "lines.1.account"),
        ({"day": dt.date(2999, 1, 1)}, "effective_on"),
        ({"day": dt.date(206, 10, 31)}, "effective_on"),  # no month could be closed before those
        ({"auto_reverse_on": HALLOWEEN}, "auto_reverse_on"),
    ],
)
def test_what_cannot_be_right_is_refused(
    desk: ClosingDesk, changes: dict[str, object], field: str
) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        desk.ask(**changes)  # type: ignore[arg-type] # as the case says
    assert field in refused.value.errors


def test_no_account_that_other_rows_answer_for_is_open_to_people() -> None:
    for path in CLOSED:
        assert why_closed(f"{path}:anything"), path
        assert why_closed(path), path
    for path in OPEN:
        expected = path != "assets:chain:operator"  # the chain's name stands in between
        assert (why_closed(f"{path}:anything") is None) == expected, path
    assert why_closed("assets:chain:base:operator:0xabc") is None
    assert why_closed("assets:chain:base:escrow:0xabc")
    assert why_closed("expensesx:rent")


def test_entries_are_listed_newest_first(desk: ClosingDesk) -> None:
    made: list[EntryView] = [desk.ask() for _ in range(3)]

    def page(after: str | None) -> list[str | None]:
        found = in_transaction(
            desk.engine,
            lambda session: list_entries(session, status="requested", limit=2, after=after),
        )
        return [one.id for one in found.data]

    newest = sorted((str(one.id) for one in made), reverse=True)
    assert page(None)[:2] == newest[:2]
    assert page(newest[1])[0] == newest[2]


@pytest.mark.parametrize("name", ["jrn_nothing", "999999999"])
def test_what_is_not_there_is_not_found(desk: ClosingDesk, name: str) -> None:
    with pytest.raises(NotFoundError):
        in_transaction(desk.engine, lambda session: read_entry(session, name))


def test_the_one_who_asked_does_not_decide(desk: ClosingDesk) -> None:
    entry = desk.ask()
    with pytest.raises(ConflictError) as refused:
        desk.approve(entry, by=ADA)
    assert refusal(refused) == "second_person_needed"
