"""What is due is issued by one job for all: in a burst, after a kill, beside what cannot be."""

import dataclasses
import datetime as dt
import multiprocessing
import signal
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Engine, select, text, update
from sqlalchemy.orm import Session

from jobs.context import JobContext, connect_context
from jobs.registry import find_job
from payments import crash_points
from payments.database import in_transaction, transaction
from payments.delivery import outbox
from payments.invoices import issue_due, issue_invoice
from payments.invoices.tables import Invoice
from payments.lifecycle.record_facts import SourcedFact, record_facts
from payments.lifecycle.write_changes import ISSUE_CREDIT_NOTE, ISSUE_INVOICE
from payments.orders.view import OrderView
from payments.parties.tables import Party
from payments.privacy.encryption import FieldCipher
from payments.providers.facts import ChargeSucceeded
from payments.settings import Settings
from tests.jobs.environment import make_settings, owner_of
from tests.payments.invoices.desk import Desk, due, staged
from tests.payments.shop import CIPHER, KEYSET, NOW

SECOND = dt.timedelta(seconds=1)
SOON_AGAIN = 2 * issue_due.FIRST_AGAIN_S * SECOND


@pytest.fixture
def settings(fresh_database_url: str, redis_url: str) -> Settings:
    return make_settings(database_url=fresh_database_url, redis_url=redis_url)


@pytest.fixture
def context(settings: Settings) -> Iterator[JobContext]:
    made = connect_context(settings)
    yield dataclasses.replace(made, cipher=CIPHER, clock=lambda: NOW)
    made.engine.dispose()
    made.bell.close()


def run(
    context: JobContext, job: str = ISSUE_INVOICE, *, after: dt.timedelta = dt.timedelta()
) -> Mapping[str, int]:
    at = dataclasses.replace(context, clock=lambda: NOW + after)
    return find_job(job).run(at, {})


def burst(desk: Desk, size: int) -> list[OrderView]:
    """Return orders that were paid together, as a drain of the inbox records it."""
    orders = [desk.shop.order(10_000) for _ in range(size)]
    facts = []
    for order in orders:
        payment = desk.payments[order.id] = desk.shop.payment(order)
        charged = ChargeSucceeded(**desk.named(payment), amount=order.amount, currency="EUR")
        facts.append(SourcedFact(charged, "test"))
    for at in range(0, size, 100):
        with transaction(desk.engine) as session:
            record_facts(session, facts[at : at + 100], now=NOW)
    return orders


def numbers(engine: Engine) -> list[int]:
    with transaction(engine) as session:
        return list(session.scalars(select(Invoice.number).order_by(Invoice.number)))


def begin(context: JobContext) -> outbox.Leased:
    """Lease the one wake-up that is due, as the relay and a worker do."""

    def lease(session: Session) -> outbox.Leased:
        [leased] = outbox.lease_due(session, limit=9, lease_s=30, now=NOW, jobs=[ISSUE_INVOICE])
        return leased

    return in_transaction(context.engine, lease)


def poison(desk: Desk) -> None:
    """Have nothing issued for this seller, whose name cannot be read."""
    with transaction(desk.engine) as session:
        session.execute(
            update(Party).where(Party.id == desk.seller_id).values(name_encrypted=b"another key's")
        )


def test_a_burst_of_paid_orders_is_one_job_and_every_invoice(
    context: JobContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(issue_due, "LONGEST", 4)
    desk = Desk(owner_of(context.engine))
    burst(desk, 300)
    assert staged(context.engine, ISSUE_INVOICE) == [{}]
    begin(context)
    assert run(context) == {"issued": 200, "failed": 0}
    assert len(staged(context.engine, ISSUE_INVOICE)) == 2  # the first, and one behind the others
    begin(context)
    assert run(context) == {"issued": 100, "failed": 0}
    assert len(staged(context.engine, ISSUE_INVOICE)) == 2
    assert numbers(context.engine) == list(range(1, 301))
    assert due(context.engine, ISSUE_INVOICE) == []
    desk.assert_sound()


def test_a_slow_run_stands_in_line_too(context: JobContext) -> None:
    desk, ticks = Desk(owner_of(context.engine)), iter(range(10_000))
    burst(desk, issue_due.AT_ONCE + 1)
    begin(context)
    slow = dataclasses.replace(context, clock=lambda: NOW + next(ticks) * SECOND)
    assert find_job(ISSUE_INVOICE).run(slow, {})["issued"] == issue_due.AT_ONCE
    assert len(staged(context.engine, ISSUE_INVOICE)) == 2


def test_several_runs_at_once_share_the_work(context: JobContext) -> None:
    desk = Desk(owner_of(context.engine))
    burst(desk, 120)
    with ThreadPoolExecutor(3) as pool:
        runs = [pool.submit(run, context) for _ in range(3)]
        assert sum(one.result()["issued"] for one in runs) == 120
    assert numbers(context.engine) == list(range(1, 121))
    assert due(context.engine, ISSUE_INVOICE) == []


def test_what_is_paid_while_a_run_is_under_way_wakes_the_job_again(context: JobContext) -> None:
    desk = Desk(owner_of(context.engine))
    desk.sold()
    first = begin(context)
    claimed = in_transaction(
        context.engine,
        lambda session: issue_due.claim(session, job=ISSUE_INVOICE, limit=9, now=NOW),
    )
    later = desk.sold()  # after the run has looked
    assert len(claimed) == 1
    with transaction(context.engine) as session:
        outbox.finish(session, row_id=first.id, lease_token=first.lease_token, now=NOW)
    second = begin(context)
    assert second.id != first.id
    assert run(context)["issued"] == 1
    assert len(desk.issued(later)) == 1


def test_what_is_refunded_again_while_it_is_credited_stays_due(context: JobContext) -> None:
    desk = Desk(owner_of(context.engine))
    order = desk.sold()
    desk.issue(order)
    desk.refund(order, 500)
    claimed = in_transaction(
        context.engine,
        lambda session: issue_due.claim(session, job=ISSUE_CREDIT_NOTE, limit=9, now=NOW),
    )
    desk.credit(order)
    desk.refund(order, 300)
    with transaction(context.engine) as session:
        issue_due.forget(session, job=ISSUE_CREDIT_NOTE, done=claimed)
    assert due(context.engine, ISSUE_CREDIT_NOTE) == [order.id]
    assert run(context, ISSUE_CREDIT_NOTE) == {"issued": 1, "failed": 0}
    assert [one.amount for one in desk.issued(order)[1:]] == [500, 300]
    assert due(context.engine, ISSUE_CREDIT_NOTE) == []


@pytest.mark.parametrize("point", ["invoice.numbered", "invoice.inserted"])
def test_who_is_killed_between_leaves_no_gap_and_nothing_undone(
    context: JobContext, settings: Settings, tmp_path: Path, point: str
) -> None:
    desk = Desk(owner_of(context.engine))
    burst(desk, 20)
    dying = multiprocessing.get_context("spawn").Process(
        target=_die, args=(settings, KEYSET, tmp_path / "crash", point)
    )
    dying.start()
    dying.join(60)
    assert dying.exitcode == -signal.SIGKILL
    assert len(numbers(context.engine)) == KILLED_AFTER
    assert len(due(context.engine, ISSUE_INVOICE)) == 20
    assert run(context) == {"issued": 0, "failed": 0}  # they are claimed
    assert run(context, after=SOON_AGAIN) == {"issued": 20 - KILLED_AFTER, "failed": 0}
    assert numbers(context.engine) == list(range(1, 21))
    assert due(context.engine, ISSUE_INVOICE) == []
    desk.assert_sound()


KILLED_AFTER = 7


def _die(settings: Settings, keyset: str, file: Path, point: str) -> None:
    """Run the job in a process that dies at a point of its eighth order."""
    cipher = FieldCipher(keyset)
    context = dataclasses.replace(connect_context(settings), cipher=cipher, clock=lambda: NOW)
    reached = 0

    def reach(name: str) -> None:
        nonlocal reached
        reached += name == point
        if reached > KILLED_AFTER:
            crash_points.reach(name)

    file.write_text(point, encoding="utf-8")
    crash_points.arm(file)
    vars(issue_invoice)["reach"] = reach
    run(context)


def test_what_cannot_be_issued_neither_holds_up_nor_is_tried_hotly(context: JobContext) -> None:
    bad, good = Desk(owner_of(context.engine)), Desk(owner_of(context.engine))
    unreadable = burst(bad, issue_due.AT_ONCE * 2)  # more than are claimed at a time
    poison(bad)
    readable = burst(good, 3)
    assert run(context) == {"issued": 3, "failed": len(unreadable)}
    assert [len(good.issued(order)) for order in readable] == [1, 1, 1]
    assert run(context) == {"issued": 0, "failed": 0}
    assert run(context, after=(issue_due.FIRST_AGAIN_S - 1) * SECOND)["failed"] == 0
    good.sold()
    again = run(context, after=SOON_AGAIN)
    assert again == {"issued": 1, "failed": len(unreadable)}
    assert run(context, after=2 * SOON_AGAIN - SECOND)["failed"] == 0  # later each time
    with transaction(context.engine) as session:
        latest = session.execute(
            text("SELECT max(due_at) FROM strongroom.documents_due")
        ).scalar_one()
    assert latest <= NOW + SOON_AGAIN + 2 * SOON_AGAIN


def test_what_was_never_tried_comes_before_what_failed(context: JobContext) -> None:
    bad, good = Desk(owner_of(context.engine)), Desk(owner_of(context.engine))
    burst(bad, 5)
    poison(bad)
    run(context)
    order = good.sold()
    later = NOW + dt.timedelta(days=1)
    claimed = in_transaction(
        context.engine,
        lambda session: issue_due.claim(session, job=ISSUE_INVOICE, limit=1, now=later),
    )
    assert [one.order_id for one in claimed] == [order.id]


def test_whatever_is_wrong_with_one_order_is_its_own_fault(
    context: JobContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(owner_of(context.engine))
    first, second = desk.sold(), desk.sold()

    def issue(order_id: str) -> int:
        if order_id == first.id:
            raise ZeroDivisionError
        return 1

    monkeypatch.setattr("jobs.issue_invoice._issue", lambda _context, order_id: issue(order_id))
    assert run(context) == {"issued": 1, "failed": 1}
    assert due(context.engine, ISSUE_INVOICE) == [first.id]
    assert second.id != first.id


def test_a_locked_order_keeps_no_other_waiting(context: JobContext) -> None:
    desk = Desk(owner_of(context.engine))
    locked, other = desk.sold(), desk.sold()
    with transaction(context.engine) as session:
        session.execute(
            text("SELECT FROM strongroom.orders WHERE id = :id FOR UPDATE"), {"id": locked.id}
        )
        assert run(context) == {"issued": 1, "failed": 1}
    assert len(desk.issued(other)) == 1
    assert run(context, after=SOON_AGAIN)["issued"] == 1


def test_without_a_database_the_run_is_broken_off(
    context: JobContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(owner_of(context.engine))
    burst(desk, 2)

    def hang_up(_context: JobContext, _order_id: str) -> int:
        with transaction(context.engine) as session:
            session.execute(text("RESET ROLE"))
            session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
        return 0

    monkeypatch.setattr("jobs.issue_invoice._issue", hang_up)
    with pytest.raises(Exception, match="terminating connection"):
        run(context)
    monkeypatch.undo()
    assert run(context, after=SOON_AGAIN)["issued"] == 2
