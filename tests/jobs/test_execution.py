import datetime as dt
import io
import uuid
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, create_engine

from jobs.context import JobContext, connect_context
from jobs.execution import run_leased
from jobs.queues import PICK_UP_S
from ledger import open_accounts
from payments.accounting.chart_of_accounts import order_escrow
from payments.database import transaction
from payments.delivery import outbox
from payments.delivery.outbox import Leased
from payments.delivery.tables import OutboxRow
from tests.jobs.environment import make_settings

NOW = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)


@pytest.fixture
def context(fresh_database_url: str, redis_url: str) -> Iterator[JobContext]:
    made = connect_context(make_settings(database_url=fresh_database_url, redis_url=redis_url))
    yield made
    made.engine.dispose()
    made.bell.close()


def lease(engine: Engine, job: str, *, now: dt.datetime) -> Leased:
    with transaction(engine) as session:
        outbox.stage(session, job=job, request_id="req_of_the_cause", now=now)
        (leased,) = outbox.lease_due(session, limit=1, lease_s=PICK_UP_S, now=now)
    return leased


def row(engine: Engine, leased: Leased) -> OutboxRow:
    with transaction(engine) as session:
        return session.get_one(OutboxRow, leased.id)


def test_a_job_runs_and_its_row_is_done(context: JobContext) -> None:
    leased = lease(context.engine, "expire_holds", now=context.clock())
    run_leased(context, row_id=leased.id, lease_token=leased.lease_token)
    assert row(context.engine, leased).state == "done"
    assert row(context.engine, leased).attempts == 1


def test_a_stale_token_runs_nothing(context: JobContext) -> None:
    leased = lease(context.engine, "expire_holds", now=context.clock())
    run_leased(context, row_id=leased.id, lease_token=uuid.uuid4())
    assert (row(context.engine, leased).state, row(context.engine, leased).attempts) == (
        "leased",
        0,
    )


def test_a_job_nobody_knows_fails_and_says_so(context: JobContext, log_lines: io.StringIO) -> None:
    leased = lease(context.engine, "nonsense", now=context.clock())
    run_leased(context, row_id=leased.id, lease_token=leased.lease_token)
    failed = row(context.engine, leased)
    assert failed.state == "waiting"
    assert failed.error == "UnknownJobError: no job is called nonsense"
    failures = [line for line in log_lines.getvalue().splitlines() if "job_failed" in line]
    assert "req_of_the_cause" in failures[-1]


def test_what_a_failed_job_leaves_behind_holds_no_card_number(
    context: JobContext, owner: Engine
) -> None:
    with owner.begin() as connection:
        connection.exec_driver_sql(
            "CREATE FUNCTION strongroom.break() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'card 4242 4242 4242 4242 is cursed'; END $$;"
            " CREATE TRIGGER broken BEFORE DELETE ON strongroom.sessions"
            " FOR EACH STATEMENT EXECUTE FUNCTION strongroom.break()"
        )
    leased = lease(context.engine, "prune_records", now=context.clock())
    run_leased(context, row_id=leased.id, lease_token=leased.lease_token)
    error = row(context.engine, leased).error or ""
    assert "cursed" in error
    assert "4242 4242 4242" not in error


@pytest.fixture
def owner(fresh_database_url: str) -> Iterator[Engine]:
    engine = create_engine(fresh_database_url)
    yield engine
    engine.dispose()


@pytest.mark.parametrize(
    "job", ["roll_ledger", "seal_ledger", "audit_ledger", "expire_holds", "prune_records"]
)
def test_every_periodic_job_runs_on_an_empty_system(context: JobContext, job: str) -> None:
    leased = lease(context.engine, job, now=context.clock())
    run_leased(context, row_id=leased.id, lease_token=leased.lease_token)
    assert row(context.engine, leased).state == "done"


def test_an_audit_of_a_damaged_ledger_is_heard(
    context: JobContext, owner: Engine, log_lines: io.StringIO
) -> None:
    with context.engine.begin() as connection:
        open_accounts(connection, [order_escrow("ord_1", "EUR")])
    with owner.begin() as connection:
        connection.exec_driver_sql(
            "ALTER TABLE ledger.balances DISABLE TRIGGER USER;"
            " UPDATE ledger.balances SET posted = -5"
        )
    leased = lease(context.engine, "audit_ledger", now=context.clock())
    run_leased(context, row_id=leased.id, lease_token=leased.lease_token)
    assert "invariant_broken" in log_lines.getvalue()
