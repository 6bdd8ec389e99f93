"""Closing a month: what must be true for it, what it changes, and that it happens once."""

import datetime as dt

import pytest
from sqlalchemy import Engine, create_engine, text

import ledger
from payments.database import transaction
from payments.delivery.tables import OutboxRow
from payments.errors import ConflictError, InvalidRequestError, ReferenceReusedError
from payments.manual_entries.reverse_due import reverse_due
from tests.conditions import wait_until
from tests.payments.periods.closing_desk import (
    ADA,
    BOB,
    HALLOWEEN,
    NOVEMBER,
    OCTOBER,
    SEPTEMBER,
    ClosingDesk,
)

DAY = dt.timedelta(days=1)


@pytest.fixture
def desk(fresh_engine: Engine) -> ClosingDesk:
    """October has an entry, and a run was made since."""
    desk = ClosingDesk(fresh_engine)
    desk.post()
    desk.reconcile()
    return desk


def not_ready(desk: ClosingDesk, **asked: object) -> dict[str, list[str]]:
    with pytest.raises(ConflictError) as refused:
        desk.close(**asked)  # type: ignore[arg-type] # as the caller wrote it
    assert refused.value.code == "period_not_ready"
    return refused.value.errors


def test_a_green_month_is_closed(desk: ClosingDesk) -> None:
    closing = desk.close().resource

    assert (closing.month, closing.revision, closing.state) == ("2026-10", 1, "closed")
    assert {item["name"]: item["ok"] for item in closing.checklist} == dict.fromkeys(
        (
            "month_over",
            "earlier_months_closed",
            "reconciled",
            "suspense_explained",
            "no_open_entries",
            "sealed",
            "invariants_hold",
            "chain_unbroken",
        ),
        True,
    )
    assert desk.closed_through() == OCTOBER.end
    with transaction(desk.engine) as session:
        newest = session.execute(text("SELECT max(id) FROM ledger.entries")).scalar_one()
        jobs = [row.args for row in session.query(OutboxRow).filter_by(job="keep_period_reports")]
    assert closing.ledger_sequence == newest
    assert jobs == [{"closing_id": closing.id}]
    desk.check()


def test_what_was_to_undo_itself_in_the_month_must_have(desk: ClosingDesk) -> None:
    entry = desk.post(dt.date(2026, 10, 1), auto_reverse_on=HALLOWEEN)
    [why] = not_ready(desk)["no_open_entries"]
    assert why == f"{entry.id} (is to undo itself on 2026-10-31, and has not yet)"
    assert reverse_due(desk.engine, now=desk.now)["reversed"] == 1
    desk.post(auto_reverse_on=dt.date(2900, 1, 1))
    assert desk.close().resource.state == "closed"


def test_a_closed_month_takes_no_more_entries(desk: ClosingDesk) -> None:
    desk.close()
    with pytest.raises(ConflictError) as refused:
        desk.ask()
    assert refused.value.code == "period_closed"
    assert desk.post(HALLOWEEN + DAY).status == "posted"


def test_a_month_that_is_not_over_is_not_closed(desk: ClosingDesk) -> None:
    desk.close()
    desk.reconcile()
    assert set(not_ready(desk, month=NOVEMBER)) == {"month_over", "reconciled"}


def test_months_are_closed_one_after_the_other(desk: ClosingDesk) -> None:
    desk.post(SEPTEMBER.first_day)
    assert not_ready(desk) == {"earlier_months_closed": ["2026-09 is to be closed first."]}
    desk.close(SEPTEMBER)
    desk.close()
    assert desk.closed_through() == OCTOBER.end


def test_the_first_month_is_that_of_the_oldest_entry_in_rolled_books_too(
    desk: ClosingDesk,
) -> None:
    desk.post(SEPTEMBER.first_day)
    ledger.seal(desk.engine)
    while ledger.roll_totals(desk.engine):
        pass
    assert "earlier_months_closed" in not_ready(desk)


def test_an_entry_that_waits_keeps_its_month_open(desk: ClosingDesk) -> None:
    waiting = desk.ask()
    [told] = not_ready(desk)["no_open_entries"]
    assert str(waiting.id) in told
    desk.approve(waiting)
    desk.close()


def test_books_that_nobody_reconciled_are_not_closed(fresh_engine: Engine) -> None:
    desk = ClosingDesk(fresh_engine)
    desk.post()
    assert not_ready(desk) == {"reconciled": ["No run was made yet; make one."]}
    desk.now = OCTOBER.end
    desk.reconcile()
    desk.now += 20 * DAY
    assert "older" in not_ready(desk)["reconciled"][0]


def test_what_a_month_leaves_in_suspense_is_explained_or_keeps_it_open(desk: ClosingDesk) -> None:
    suspense, cash = "assets:suspense:stripe", "equity:owners"
    with transaction(desk.engine) as session:
        connection = session.connection()
        accounts = ledger.open_accounts(
            connection,
            [ledger.AccountSpec(path, "EUR", "deferred") for path in (suspense, cash)],
        )
        ledger.post(
            connection,
            ledger.Entry(
                "x:odd",
                "test",
                OCTOBER.starts_at,
                [
                    ledger.Posting(accounts[suspense, "EUR"], 5),
                    ledger.Posting(accounts[cash, "EUR"], -5),
                ],
            ),
        )
    [told] = not_ready(desk)["suspense_explained"]
    assert f"{suspense} EUR (a balance of 0.05)" in told

    closing = desk.close(explanations={f"{suspense} EUR": "Stripe answers in November."}).resource

    assert closing.explanations == {f"{suspense} EUR": "Stripe answers in November."}


def test_books_that_were_changed_behind_our_back_are_not_closed(
    desk: ClosingDesk, fresh_database_url: str
) -> None:
    wait_until(lambda: ledger.seal(desk.engine) > 0)
    owner = create_engine(fresh_database_url)
    with owner.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE ledger.entries DISABLE TRIGGER append_only")
        connection.exec_driver_sql("UPDATE ledger.entries SET description = 'Other words'")
    owner.dispose()
    assert set(not_ready(desk)) == {"chain_unbroken"}


def test_the_same_reference_closes_once(desk: ClosingDesk) -> None:
    first = desk.close(reference="october")
    again = desk.close(reference="october")
    assert (first.replayed, again.replayed) == (False, True)
    assert first.resource.id == again.resource.id
    with pytest.raises(ReferenceReusedError):
        desk.close(reference="october", explanations={"x": "Because."})
    with pytest.raises(ConflictError) as refused:
        desk.close(reference="another")
    assert refused.value.code == "period_closed"


def test_a_reference_that_was_refused_may_be_used_again(fresh_engine: Engine) -> None:
    desk = ClosingDesk(fresh_engine)
    desk.post()
    with pytest.raises(ConflictError):
        desk.close(reference="october")
    desk.reconcile()
    assert not desk.close(reference="october").replayed


def test_what_explains_nothing_is_refused(desk: ClosingDesk) -> None:
    with pytest.raises(InvalidRequestError):
        desk.close(explanations={"stl_1": " "})


def test_two_reopen_a_month_and_closing_it_again_is_another_revision(desk: ClosingDesk) -> None:
    desk.close()
    asked = desk.reopen(by=ADA).resource
    assert (asked.state, desk.closed_through()) == ("reopening", OCTOBER.end)
    with pytest.raises(ConflictError) as refused:
        desk.reopen(by=ADA)
    assert refused.value.code == "second_person_needed"

    done = desk.reopen(by=BOB, reference="bob").resource
    assert (done.state, done.reopened_by) == ("reopened", BOB.principal)
    assert desk.reopen(by=BOB, reference="bob").replayed
    assert desk.closed_through() is None
    desk.post()

    assert desk.close().resource.revision == 2
    desk.check()


def test_only_the_month_that_was_closed_last_is_reopened(desk: ClosingDesk) -> None:
    desk.post(SEPTEMBER.first_day)
    for month in (SEPTEMBER, OCTOBER):
        desk.close(month)
    for month in (SEPTEMBER, NOVEMBER):
        with pytest.raises(ConflictError) as refused:
            desk.reopen(month, by=ADA)
        assert refused.value.code == "period_not_closed"
    for month in (OCTOBER, SEPTEMBER):
        desk.reopen(month, by=ADA)
        desk.reopen(month, by=BOB)
    assert desk.closed_through() is None


def test_a_month_the_ledger_closed_by_itself_can_be_closed_with_its_checklist(
    desk: ClosingDesk,
) -> None:
    with desk.engine.begin() as connection:
        ledger.close_books(connection, OCTOBER.end)
    assert desk.close().resource.state == "closed"
