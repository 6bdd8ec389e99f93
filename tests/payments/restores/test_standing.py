"""While a database stands still, nothing is begun that sends money, whoever tries."""

import datetime as dt

import psycopg
import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.exc import IntegrityError

from payments.database import in_transaction, transaction
from payments.delivery import live_events
from payments.errors import ConflictError, InvalidRequestError
from payments.freezes.covering import refuse_while_frozen
from payments.restores.begin_restore import LEAP, begin_restore
from payments.restores.finish_restore import finish_restore
from payments.restores.read_restores import read_history
from payments.restores.tables import DatabaseHistory
from payments.standstill.standing import StandingStillError, gate, standing_still
from tests.databases import Servers
from tests.payments.restores.forgetting import ONE
from tests.payments.shop import NOW, new_reference, open_shop


def begin(engine: Engine, reference: str = "") -> str:
    begun = begin_restore(
        engine,
        caller=ONE,
        reference=reference or new_reference(),
        reason="the disk broke",
        restored_to=NOW - dt.timedelta(hours=1),
        now=NOW,
    )
    return begun.resource.id


def test_from_the_beginning_on_nothing_is_sent(fresh_engine: Engine) -> None:
    shop = open_shop(fresh_engine)
    payment = shop.payment(shop.order())
    gate(fresh_engine)()  # nothing speaks against it
    before = in_transaction(fresh_engine, live_events.last_position)
    restore_id = begin(fresh_engine, "once")
    assert begin(fresh_engine, "once") == restore_id
    assert in_transaction(fresh_engine, standing_still) == restore_id
    assert in_transaction(fresh_engine, live_events.last_position) == before + LEAP
    with pytest.raises(StandingStillError, match=restore_id):
        gate(fresh_engine)()
    with pytest.raises(ConflictError), transaction(fresh_engine) as session:
        refuse_while_frozen(session, payment.order_id)
    call = text(
        "INSERT INTO strongroom.provider_calls (id, payment_id, operation, idempotency_key, state,"
        " attempts, created_at) VALUES ('call_1', :id, 'refund', 'k', 'intent', 0, now())"
    )
    with pytest.raises(IntegrityError, match="restored"), transaction(fresh_engine) as session:
        session.execute(call, {"id": payment.id})


def test_one_goes_on_at_a_time_and_is_not_ended_unseen(fresh_engine: Engine) -> None:
    begin(fresh_engine)
    with pytest.raises(ConflictError, match="going on"):
        begin(fresh_engine)
    with (
        pytest.raises(ConflictError, match="reconcile first"),
        transaction(fresh_engine) as session,
    ):
        finish_restore(session, caller=ONE, reference="end", restore_id=None, now=NOW)


def test_its_moment_is_not_in_the_future(fresh_engine: Engine) -> None:
    with pytest.raises(InvalidRequestError):
        begin_restore(
            fresh_engine,
            caller=ONE,
            reference="future",
            reason="the disk broke",
            restored_to=NOW + dt.timedelta(hours=1),
            now=NOW,
        )


def test_the_history_that_is_accepted_is_the_one_that_is_asked_for(
    fresh_engine: Engine, servers: Servers
) -> None:
    """Also where a hardened PostgreSQL tells it to the owner alone: else it never ended."""
    name = fresh_engine.url.database or ""
    with psycopg.connect(servers.superuser_url_of(name)) as connection:
        for function in ("pg_control_system", "pg_control_checkpoint"):
            connection.execute(f"REVOKE EXECUTE ON FUNCTION {function}() FROM PUBLIC")
            connection.execute(f"GRANT EXECUTE ON FUNCTION {function}() TO strongroom")
    assert in_transaction(fresh_engine, standing_still) is None
    with transaction(fresh_engine) as session:
        known = session.scalars(select(DatabaseHistory)).one()
        assert read_history(session) == (known.system_identifier, known.timeline)
