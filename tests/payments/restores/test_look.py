"""A look at the providers that a worker makes: one at a time, and how far it is can be read."""

import datetime as dt
from collections.abc import Callable

import psycopg
import pytest
from sqlalchemy import Engine, select

from jobs.registry import JOBS
from payments.database import API_ROLE, WORKER_ROLE, in_transaction, transaction
from payments.delivery.tables import OutboxRow
from payments.errors import ConflictError, UnavailableError
from payments.providers.connect import Providers
from payments.restores import reconcile
from payments.restores.begin_restore import begin_restore
from payments.restores.read_restores import read_restore
from payments.restores.reconcile import reconcile_restore
from payments.restores.request_look import JOB, request_look
from payments.restores.tables import LookStanding, Restore
from payments.restores.turn import LookUnderWayError, is_look_under_way, taking_turn
from tests.conditions import wait_until
from tests.databases import Servers
from tests.payments.conftest import stripe_at
from tests.payments.restores.forgetting import ONE, working_as
from tests.payments.shop import CIPHER, NOW, new_reference

_HANG_UP = """
    SELECT pg_terminate_backend(pid) FROM pg_locks
     WHERE locktype = 'advisory' AND granted
       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


@pytest.fixture
def restore_id(fresh_engine: Engine) -> str:
    return begin_restore(
        fresh_engine,
        caller=ONE,
        reference=new_reference(),
        reason="the disk broke",
        restored_to=NOW - dt.timedelta(hours=1),
        now=NOW,
    ).resource.id


def ask(engine: Engine, restore_id: str, reference: str = "") -> Restore:
    """Ask for a look as web does."""
    with working_as(API_ROLE, engine) as web:
        return in_transaction(
            web,
            lambda session: request_look(
                session,
                caller=ONE,
                reference=reference or new_reference(),
                restore_id=restore_id,
                now=NOW,
                request_id=None,
            ),
        ).resource


def look(engine: Engine, restore_id: str, tell: Callable[[str], None] = lambda _: None) -> None:
    """Look as a worker does, at a Stripe that does not answer unless the steps are others."""
    with working_as(WORKER_ROLE, engine) as worker:
        reconcile_restore(
            worker,
            restore_id=restore_id,
            providers=Providers(stripe_at("http://127.0.0.1:9"), banks={}),
            cipher=CIPHER,
            chains={},
            clock=lambda: NOW,
            tell=tell,
        )


def standing(engine: Engine, restore_id: str) -> LookStanding | None:
    return in_transaction(engine, lambda session: read_restore(session, restore_id).look)


def staged(engine: Engine) -> list[dict[str, str]]:
    with transaction(engine) as session:
        return list(session.scalars(select(OutboxRow.args).filter_by(job=JOB)))


def test_who_asks_twice_has_asked_for_one_look(fresh_engine: Engine, restore_id: str) -> None:
    assert standing(fresh_engine, restore_id) is None
    waiting = LookStanding("waiting", None, None, NOW)
    assert ask(fresh_engine, restore_id, "once").look == waiting
    assert ask(fresh_engine, restore_id, "once").look == waiting
    assert ask(fresh_engine, restore_id).look == waiting
    assert staged(fresh_engine) == [{"restore_id": restore_id}]
    assert JOBS[JOB].timeout_s > JOBS[JOB].queue.timeout_s, "it goes through 90 days"


def test_who_asks_while_somebody_looks_has_asked_for_that_look(
    fresh_engine: Engine, restore_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[object] = []

    def meanwhile() -> None:
        seen.append(ask(fresh_engine, restore_id).look)
        with pytest.raises(LookUnderWayError):
            look(fresh_engine, restore_id)

    monkeypatch.setattr(reconcile, "steps_of", lambda *_: {"banks": meanwhile})
    look(fresh_engine, restore_id)
    assert seen == [LookStanding("running", "banks", None, NOW)]
    assert staged(fresh_engine) == []
    assert standing(fresh_engine, restore_id) == LookStanding("done", None, None, NOW)


def test_why_a_look_broke_off_stands_with_the_restore(
    fresh_engine: Engine, restore_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UnavailableError):
        look(fresh_engine, restore_id)
    failed = standing(fresh_engine, restore_id)
    assert failed is not None
    assert (failed.status, failed.step) == ("failed", "Stripe's events")
    assert "Stripe" in (failed.error or "")

    def break_off() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(reconcile, "steps_of", lambda *_: {"banks": break_off})
    with pytest.raises(KeyboardInterrupt):
        look(fresh_engine, restore_id)
    told = LookStanding("failed", "banks", "It broke off: KeyboardInterrupt.", NOW)
    assert standing(fresh_engine, restore_id) == told
    with transaction(fresh_engine) as session:
        assert read_restore(session, restore_id).reconciled_at is None, "it does not count"
    assert ask(fresh_engine, restore_id).look == LookStanding("waiting", None, None, NOW)


def test_whoever_dies_looking_gives_the_turn_back(
    fresh_engine: Engine, servers: Servers, restore_id: str
) -> None:
    def is_under_way() -> bool:
        return in_transaction(fresh_engine, is_look_under_way)

    with taking_turn(fresh_engine):
        assert is_under_way()
        url = servers.superuser_url_of(fresh_engine.url.database or "")
        with psycopg.connect(url) as connection:
            assert connection.execute(_HANG_UP).fetchall() == [(True,)]
        wait_until(lambda: not is_under_way())
    ask(fresh_engine, restore_id)
    assert len(staged(fresh_engine)) == 1


def test_a_restore_that_is_finished_is_not_looked_at(fresh_engine: Engine, restore_id: str) -> None:
    with transaction(fresh_engine) as session:
        row = session.get_one(Restore, restore_id)
        row.status, row.finish_requested_by, row.finish_requested_at = "finished", "a", NOW
        row.finished_by, row.finished_at, row.reconciled_at = "b", NOW, NOW
    with pytest.raises(ConflictError, match="finished"):
        ask(fresh_engine, restore_id)
    assert staged(fresh_engine) == []
