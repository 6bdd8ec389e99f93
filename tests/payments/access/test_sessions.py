import datetime as dt

import pytest
from sqlalchemy import Engine, text

from payments.access.caller import Caller, Role
from payments.access.sessions import (
    end_session,
    find_session,
    forget_ended_sessions,
    start_session,
)
from payments.database import transaction
from payments.errors import UnauthorizedError

NOW = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)
BUYER = Caller(principal="party:pty_1", role=Role.BUYER, party_id="pty_1")


def start(engine: Engine) -> str:
    with transaction(engine) as session:
        return start_session(session, BUYER, now=NOW)


def test_the_cookie_names_who_signed_in_for_twelve_hours(engine: Engine) -> None:
    value = start(engine)
    assert find_session(engine, value, now=NOW + dt.timedelta(hours=11, minutes=59)) == BUYER
    with pytest.raises(UnauthorizedError):
        find_session(engine, value, now=NOW + dt.timedelta(hours=12))


def test_cookie_values_are_long_different_and_not_stored(engine: Engine) -> None:
    values = {start(engine) for _ in range(5)}
    assert len(values) == 5
    assert all(len(value) == 43 for value in values)
    with engine.connect() as connection:
        rows = str(connection.execute(text("SELECT s::text FROM strongroom.sessions s")).all())
    assert not [value for value in values if value in rows or value.encode().hex() in rows]


def test_signing_out_ends_it_at_once(engine: Engine) -> None:
    value, other = start(engine), start(engine)
    for _ in range(2):
        with transaction(engine) as session:
            end_session(session, value, now=NOW)
    with pytest.raises(UnauthorizedError):
        find_session(engine, value, now=NOW)
    assert find_session(engine, other, now=NOW) == BUYER


@pytest.mark.parametrize("value", ["", "x", "\x00", "é" * 43, "a" * 43])
def test_an_unknown_cookie_is_refused(engine: Engine, value: str) -> None:
    with pytest.raises(UnauthorizedError):
        find_session(engine, value, now=NOW)


def test_old_sessions_are_forgotten(engine: Engine) -> None:
    start(engine)
    with transaction(engine) as session:
        assert forget_ended_sessions(session, now=NOW + dt.timedelta(hours=12)) >= 1
