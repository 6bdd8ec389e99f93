import datetime as dt
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, select

from jobs.registry import JOBS
from jobs.schedule import SCHEDULE, Periodic, stage_periodic
from payments.database import connect_engine, transaction
from payments.delivery.tables import OutboxRow

NOW = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)
MINUTELY = Periodic("seal_ledger", dt.timedelta(minutes=1))


@pytest.fixture
def engine(fresh_database_url: str) -> Iterator[Engine]:
    engine = connect_engine(fresh_database_url)
    yield engine
    engine.dispose()


def stage(engine: Engine, *, after_s: float = 0) -> list[str]:
    with transaction(engine) as session:
        return stage_periodic(session, now=NOW + dt.timedelta(seconds=after_s), schedule=[MINUTELY])


def rows(engine: Engine) -> Counter[str]:
    with transaction(engine) as session:
        return Counter(session.scalars(select(OutboxRow.job)))


def test_every_periodic_job_is_a_job() -> None:
    assert {periodic.job for periodic in SCHEDULE} <= set(JOBS)


def test_a_job_is_staged_at_once_and_then_every_so_often(engine: Engine) -> None:
    assert stage(engine) == ["seal_ledger"]
    assert stage(engine, after_s=59) == []
    assert stage(engine, after_s=60) == ["seal_ledger"]


def test_one_that_still_waits_is_not_added_again(engine: Engine) -> None:
    stage(engine)
    stage(engine, after_s=60)
    assert rows(engine) == {"seal_ledger": 1}


def test_a_clock_that_was_a_day_ahead_stops_nothing_once_it_is_right(engine: Engine) -> None:
    stage(engine, after_s=86_400)
    assert stage(engine) == ["seal_ledger"]
    assert stage(engine, after_s=59) == []
    assert stage(engine, after_s=60) == ["seal_ledger"]


def test_relays_whose_clocks_differ_a_little_stage_a_job_once(engine: Engine) -> None:
    assert stage(engine, after_s=30) == ["seal_ledger"]
    assert stage(engine) == []


def test_relays_at_once_stage_a_job_once(engine: Engine) -> None:
    together = threading.Barrier(4)

    def relay(_number: int) -> list[str]:
        together.wait()
        return stage(engine)

    with ThreadPoolExecutor(4) as pool:
        staged = list(pool.map(relay, range(4)))
    assert sorted(staged) == [[], [], [], ["seal_ledger"]]
