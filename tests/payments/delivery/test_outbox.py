import datetime as dt
import secrets

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from payments.database import transaction
from payments.delivery import outbox
from payments.delivery.outbox import Leased
from payments.delivery.tables import OutboxRow

NOW = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)
SECOND = dt.timedelta(seconds=1)


@pytest.fixture
def job() -> str:
    """A job name of this test's own, so that other rows do not matter."""
    return f"job_{secrets.token_hex(6)}"


def stage(
    engine: Engine, job: str, *, key: str | None = None, due_at: dt.datetime | None = None
) -> int | None:
    with transaction(engine) as session:
        return outbox.stage(session, job=job, coalesce_key=key, due_at=due_at, now=NOW)


def lease(engine: Engine, job: str, *, now: dt.datetime = NOW, limit: int = 10) -> list[Leased]:
    with transaction(engine) as session:
        return outbox.lease_due(session, limit=limit, lease_s=10, now=now, jobs=[job])


def begin(engine: Engine, leased: Leased, *, now: dt.datetime = NOW) -> Leased | None:
    with transaction(engine) as session:
        return outbox.begin(
            session,
            row_id=leased.id,
            lease_token=leased.lease_token,
            lease_s=45,
            now=now,
        )


def finish(engine: Engine, leased: Leased, *, now: dt.datetime = NOW) -> bool:
    with transaction(engine) as session:
        return outbox.finish(session, row_id=leased.id, lease_token=leased.lease_token, now=now)


def fail(engine: Engine, leased: Leased, *, now: dt.datetime = NOW) -> bool:
    with transaction(engine) as session:
        return outbox.fail(
            session, row_id=leased.id, lease_token=leased.lease_token, error="no luck", now=now
        )


def row(engine: Engine, row_id: int) -> OutboxRow:
    with transaction(engine) as session:
        return session.scalars(select(OutboxRow).where(OutboxRow.id == row_id)).one()


def test_a_job_carries_its_arguments_and_the_request_that_caused_it(
    engine: Engine, job: str
) -> None:
    with transaction(engine) as session:
        outbox.stage(session, job=job, args={"payment": "pay_1"}, request_id="req_1", now=NOW)
    (leased,) = lease(engine, job)
    assert (leased.args, leased.request_id) == ({"payment": "pay_1"}, "req_1")


def test_a_job_of_a_transaction_that_failed_never_was(engine: Engine, job: str) -> None:
    with Session(engine) as session:
        outbox.stage(session, job=job, now=NOW)
        session.rollback()
    assert lease(engine, job) == []


def test_one_waiting_row_stands_for_all_with_its_key(engine: Engine, job: str) -> None:
    first = stage(engine, job, key=job)
    assert first is not None
    assert stage(engine, job, key=job) is None
    assert [leased.id for leased in lease(engine, job)] == [first]


def test_a_leased_row_stands_for_nobody(engine: Engine, job: str) -> None:
    stage(engine, job, key=job)
    lease(engine, job)
    assert stage(engine, job, key=job) is not None


def test_what_is_due_earlier_brings_the_waiting_row_forward(engine: Engine, job: str) -> None:
    first = stage(engine, job, key=job, due_at=NOW + 3600 * SECOND)
    stage(engine, job, key=job, due_at=NOW + 7200 * SECOND)
    assert lease(engine, job) == []
    stage(engine, job, key=job)
    assert [leased.id for leased in lease(engine, job)] == [first]


def test_only_what_is_due_is_leased_oldest_first(engine: Engine, job: str) -> None:
    late = stage(engine, job, due_at=NOW - SECOND)
    later = stage(engine, job, due_at=NOW)
    stage(engine, job, due_at=NOW + SECOND)
    assert [leased.id for leased in lease(engine, job)] == [late, later]


def test_the_limit_holds_for_run_out_and_due_rows_together(engine: Engine, job: str) -> None:
    for _ in range(4):
        stage(engine, job)
    lease(engine, job, limit=2)
    assert len(lease(engine, job, now=NOW + 11 * SECOND, limit=3)) == 3


def test_a_lease_that_ran_out_goes_to_the_next_and_the_old_holder_can_do_no_harm(
    engine: Engine, job: str
) -> None:
    stage(engine, job)
    (old,) = lease(engine, job)
    assert lease(engine, job, now=NOW + 9 * SECOND) == []
    (new,) = lease(engine, job, now=NOW + 11 * SECOND)
    assert new.id == old.id
    assert new.lease_token != old.lease_token
    assert begin(engine, old) is None
    assert not fail(engine, old)
    assert not finish(engine, old)
    assert finish(engine, new)
    assert not finish(engine, new)
    assert row(engine, new.id).state == "done"


def test_beginning_holds_the_row_for_as_long_as_the_job_may_take(engine: Engine, job: str) -> None:
    stage(engine, job)
    (leased,) = lease(engine, job)
    assert begin(engine, leased) is not None
    assert lease(engine, job, now=NOW + 44 * SECOND) == []
    assert len(lease(engine, job, now=NOW + 46 * SECOND)) == 1


def test_a_failed_job_is_tried_eight_times_with_growing_pauses(engine: Engine, job: str) -> None:
    stage(engine, job)
    now, pauses = NOW, []
    for _ in range(outbox.MAX_ATTEMPTS):
        (leased,) = lease(engine, job, now=now)
        begin(engine, leased, now=now)
        assert fail(engine, leased, now=now)
        pauses.append(row(engine, leased.id).due_at - now)
        now += 3600 * SECOND
    assert pauses[:4] == [SECOND, 2 * SECOND, 4 * SECOND, 8 * SECOND]
    dead = row(engine, leased.id)
    assert (dead.state, dead.attempts, dead.error) == ("dead", 8, "no luck")
    assert lease(engine, job, now=now) == []


def test_the_pause_has_a_cap() -> None:
    assert outbox.back_off(100) == dt.timedelta(minutes=5)


def test_a_job_that_kills_its_worker_each_time_dies_too(engine: Engine, job: str) -> None:
    stage(engine, job)
    now = NOW
    for _ in range(outbox.MAX_ATTEMPTS):
        (leased,) = lease(engine, job, now=now)
        begin(engine, leased, now=now)
        now += 60 * SECOND
    assert lease(engine, job, now=now) == []
    assert row(engine, leased.id).state == "dead"


def test_a_lease_that_redis_lost_is_not_an_attempt(engine: Engine, job: str) -> None:
    stage(engine, job)
    for minute in range(20):
        (leased,) = lease(engine, job, now=NOW + minute * 60 * SECOND)
    assert row(engine, leased.id).attempts == 0


def test_a_retry_does_not_hold_up_new_work_of_its_kind(engine: Engine, job: str) -> None:
    stage(engine, job, key=job)
    (leased,) = lease(engine, job)
    begin(engine, leased)
    successor = stage(engine, job, key=job)
    fail(engine, leased)
    assert [row.id for row in lease(engine, job)] == [successor]
    assert len(lease(engine, job, now=NOW + SECOND)) == 1


def test_relays_at_once_lease_each_row_once_and_wait_for_nobody(engine: Engine, job: str) -> None:
    staged = [stage(engine, job) for _ in range(5)]
    with Session(engine) as one, Session(engine) as other:
        first, second = (
            outbox.lease_due(session, limit=limit, lease_s=10, now=NOW, jobs=[job])
            for session, limit in ((one, 3), (other, 5))
        )
        one.commit()
        other.commit()
    assert [leased.id for leased in first] == staged[:3]
    assert [leased.id for leased in second] == staged[3:]


def test_old_done_rows_are_pruned_and_dead_ones_stay(engine: Engine, job: str) -> None:
    stage(engine, job)
    (done,) = lease(engine, job)
    finish(engine, done, now=NOW - dt.timedelta(days=400))
    stage(engine, job)
    (kept,) = lease(engine, job)
    finish(engine, kept)
    with transaction(engine) as session:
        outbox.prune(session, done_before=NOW - dt.timedelta(days=399), limit=1000)
        left = session.scalars(select(OutboxRow.id).where(OutboxRow.job == job)).all()
    assert left == [kept.id]


def test_a_lease_is_renewed_by_its_holder_only(engine: Engine, job: str) -> None:
    stage(engine, job)
    (held,) = lease(engine, job)

    def renew(leased: Leased, *, now: dt.datetime) -> bool:
        with transaction(engine) as session:
            return outbox.renew(
                session, row_id=leased.id, lease_token=leased.lease_token, lease_s=30, now=now
            )

    assert renew(held, now=NOW + 9 * SECOND)
    assert lease(engine, job, now=NOW + 38 * SECOND) == []
    (taken_over,) = lease(engine, job, now=NOW + 39 * SECOND)
    assert not renew(held, now=NOW + 40 * SECOND)
    assert finish(engine, taken_over)
    assert not renew(taken_over, now=NOW + 41 * SECOND)
