"""All that happened to a payment stands in one list, by time, and nothing of another one."""

import datetime as dt
from collections import Counter

import pytest
from sqlalchemy import Engine, text

from payments.access.caller import Caller, Role
from payments.database import in_transaction, transaction
from payments.delivery.outbox import stage
from payments.errors import NotFoundError
from payments.history.read_history import History, read_history
from payments.history.read_order_file import read_order_file
from tests.payments.releases.till import Till
from tests.payments.shop import NOW

SUPPORT = Caller(principal="party:pty_support", role=Role.SUPPORT)


@pytest.fixture
def till(engine: Engine) -> Till:
    return Till(engine)


def history_of(engine: Engine, payment_id: str) -> History:
    return in_transaction(
        engine, lambda session: read_history(session, caller=SUPPORT, payment_id=payment_id)
    )


def add_webhook(engine: Engine, payment_id: str, event_id: str) -> None:
    """An event of Stripe that moved the payment, and the job that its request made necessary."""
    with transaction(engine) as session:
        session.execute(
            text("""
                INSERT INTO strongroom.webhook_inbox (provider, event_id, event_type, occurred_at,
                       request_id, received_at, state, attempts, due_at, finished_at)
                VALUES ('stripe', :event_id, 'charge.updated', :now, :request_id, :now, 'done', 1,
                        :now, :later)
            """),
            {
                "event_id": event_id,
                "request_id": f"req_{event_id}",
                "now": NOW,
                "later": NOW + dt.timedelta(seconds=2),
            },
        )
        session.execute(
            text("""
                INSERT INTO strongroom.payment_events (payment_id, seq, from_status, to_status,
                       cause, occurred_at, recorded_at)
                VALUES (:payment_id, 90, 'succeeded', 'disputed', :cause, :early, :now)
            """),
            {
                "payment_id": payment_id,
                "cause": f"stripe:{event_id}",
                "early": NOW - dt.timedelta(hours=1),
                "now": NOW,
            },
        )
        stage(session, job="drain_webhooks", now=NOW, request_id=f"req_{event_id}")


def add_notice(engine: Engine, notice_id: str, subject_id: str) -> None:
    with transaction(engine) as session:
        session.execute(
            text("""
                INSERT INTO strongroom.notices (id, type, subject_id, body, created_at)
                VALUES (:id, 'payment.updated', :subject_id, '{}', :now)
            """),
            {"id": notice_id, "subject_id": subject_id, "now": NOW},
        )


def test_steps_money_webhooks_jobs_and_notices_stand_in_one_list(
    engine: Engine, till: Till
) -> None:
    order = till.paid()
    other = till.paid()
    till.release(order, 1_000)
    till.refund(order, 500)
    payment_id = till.payment_of(order).id
    add_webhook(engine, payment_id, f"evt_{payment_id[-8:]}")
    add_webhook(engine, till.payment_of(other).id, f"evt_{other.id[-8:]}")
    add_notice(engine, f"ntc_{payment_id[-8:]}", payment_id)
    add_notice(engine, f"ntc_{other.id[-8:]}", other.id)
    lines = history_of(engine, payment_id).lines
    kinds = Counter(line.kind for line in lines)
    assert kinds["step"] >= 2
    assert kinds["ledger"] >= 3
    assert [kinds[kind] for kind in ("refund", "release", "webhook", "job", "notice")] == [1] * 5
    assert [line.at for line in lines] == sorted(line.at for line in lines)
    told = {line.kind: line for line in lines}
    assert told["webhook"].lasted == dt.timedelta(seconds=2)
    assert told["notice"].note == "No endpoint takes it."
    booked = [line for line in lines if line.kind == "ledger"]
    assert all(sum(posting.amount for posting in line.postings) == 0 for line in booked)


def test_a_step_that_was_told_late_says_when_it_happened(engine: Engine, till: Till) -> None:
    payment_id = till.payment_of(till.paid()).id
    add_webhook(engine, payment_id, "evt_late")
    late = [
        line
        for line in history_of(engine, payment_id).lines
        if line.kind == "step" and line.outcome == "disputed"
    ]
    assert late[0].note is not None
    assert "it happened at 2026-11-22 11:00:00" in late[0].note


def test_an_order_says_what_was_taken_and_where_it_went(engine: Engine, till: Till) -> None:
    order = till.paid()
    till.release(order, 1_000)
    till.refund(order, 500)
    file = in_transaction(
        engine, lambda session: read_order_file(session, caller=SUPPORT, order_id=order.id)
    )
    assert (file.captured, file.refunded, file.released) == (order.amount, 500, 1_000)
    assert file.held == till.held(order)[0]


def test_there_is_no_history_of_nothing(engine: Engine) -> None:
    with pytest.raises(NotFoundError):
        history_of(engine, "pay_nothing")
