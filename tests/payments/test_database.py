"""The way to the database: least rights, amounts that stay whole, and work that is repeated."""

import secrets

import pytest
from sqlalchemy import Engine, column, literal, select, text
from sqlalchemy.exc import OperationalError, StatementError
from sqlalchemy.orm import Session

from payments.database import MinorUnits, in_transaction, transaction


def test_every_connection_works_as_the_applications_role(engine: Engine) -> None:
    with transaction(engine) as session:
        assert session.scalar(text("SELECT current_user")) == "strongroom_app"


def test_connections_that_the_server_closed_are_replaced_unnoticed(
    engine: Engine, owner_engine: Engine
) -> None:
    with transaction(engine) as one, transaction(engine) as other:
        pids = [session.scalar(text("SELECT pg_backend_pid()")) for session in (one, other)]
    with owner_engine.connect() as connection:
        for pid in pids:
            connection.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})
    for _ in pids:
        with transaction(engine) as session:
            assert session.scalar(text("SELECT pg_backend_pid()")) not in pids


@pytest.mark.parametrize("amount", [0, 12500, 10**77, None])
def test_amounts_come_back_as_they_were_given(engine: Engine, amount: int | None) -> None:
    with transaction(engine) as session:
        found = session.scalar(select(literal(amount, MinorUnits)))

    assert found == amount
    assert type(found) is type(amount)


@pytest.mark.parametrize("amount", [1.5, 1.0, True, "12"])
def test_what_is_no_whole_number_is_no_amount(engine: Engine, amount: object) -> None:
    with (
        pytest.raises(StatementError, match="an int in minor units"),
        transaction(engine) as session,
    ):
        session.scalar(select(literal(amount, MinorUnits)))


def test_what_raises_leaves_nothing_behind(engine: Engine) -> None:
    key = secrets.token_hex(16)

    def work(session: Session) -> float:
        _insert_periodic(session, key)
        return 1 / 0

    with pytest.raises(ZeroDivisionError):
        in_transaction(engine, work)

    with transaction(engine) as session:
        assert not _periodic_exists(session, key)


def test_work_is_repeated_when_postgresql_asks_for_it(engine: Engine) -> None:
    runs = []

    def work(session: Session) -> int:
        runs.append(1)
        if len(runs) < 3:
            session.execute(text("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '40P01'; END $$"))
        return len(runs)

    assert in_transaction(engine, work) == 3


def test_other_faults_are_not_repeated(engine: Engine) -> None:
    runs = []

    def work(session: Session) -> None:
        runs.append(1)
        session.execute(text("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '57014'; END $$"))

    with pytest.raises(OperationalError):
        in_transaction(engine, work)
    assert len(runs) == 1


def test_errors_do_not_tell_what_people_entered(engine: Engine) -> None:
    with pytest.raises(Exception, match="hidden") as caught, transaction(engine) as session:
        session.execute(text("SELECT 1 / (length(:name) - 12)"), {"name": "Ada Example."})

    assert "Ada Example" not in str(caught.value)


def _insert_periodic(session: Session, job: str) -> None:
    session.execute(
        text("INSERT INTO strongroom.periodic_jobs (job, next_at) VALUES (:job, now())"),
        {"job": job},
    )


def _periodic_exists(session: Session, job: str) -> bool:
    table = text("strongroom.periodic_jobs")
    query = select(literal(1)).select_from(table).where(column("job") == job)
    return session.scalar(query) is not None
