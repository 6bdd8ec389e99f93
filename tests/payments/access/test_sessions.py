import datetime as dt
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, text

from payments.access.caller import Caller, Role
from payments.access.end_access import end_access, hold_access
from payments.access.sessions import (
    end_session,
    end_sessions,
    find_session,
    forget_ended_sessions,
    start_session,
)
from payments.database import transaction
from payments.errors import UnauthorizedError
from payments.secret_versions.source import LiveSecret
from tests.conditions import wait_until

KEY, NEXT = LiveSecret("sec_1", "key"), LiveSecret("sec_2", "next")
NOW = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)
BUYER = Caller(principal="party:pty_1", role=Role.BUYER, party_id="pty_1")


def start(engine: Engine) -> str:
    with transaction(engine) as session:
        return start_session(session, BUYER, key=KEY, now=NOW)


def test_the_cookie_names_who_signed_in_for_twelve_hours(engine: Engine) -> None:
    value = start(engine)
    almost = NOW + dt.timedelta(hours=11, minutes=59)
    assert find_session(engine, value, keys=[KEY], now=almost) == BUYER
    with pytest.raises(UnauthorizedError):
        find_session(engine, value, keys=[KEY], now=NOW + dt.timedelta(hours=12))


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
            end_session(session, value, keys=[KEY], now=NOW)
    with pytest.raises(UnauthorizedError):
        find_session(engine, value, keys=[KEY], now=NOW)
    assert find_session(engine, other, keys=[KEY], now=NOW) == BUYER


@pytest.mark.parametrize("value", ["", "x", "\x00", "é" * 43, "a" * 43])
def test_an_unknown_cookie_is_refused(engine: Engine, value: str) -> None:
    with pytest.raises(UnauthorizedError):
        find_session(engine, value, keys=[KEY], now=NOW)


def test_a_session_goes_on_under_a_newer_key_and_ends_with_its_own(engine: Engine) -> None:
    value = start(engine)
    assert find_session(engine, value, keys=[NEXT, KEY], now=NOW) == BUYER
    with pytest.raises(UnauthorizedError):
        find_session(engine, value, keys=[NEXT], now=NOW)
    with pytest.raises(UnauthorizedError):
        find_session(engine, value, keys=[], now=NOW)


def test_all_sessions_of_a_party_or_of_everybody_are_ended(engine: Engine) -> None:
    value, other = start(engine), start(engine)
    with transaction(engine) as session:
        assert end_sessions(session, party_id="pty_2", now=NOW) == 0
        assert end_sessions(session, party_id="pty_1", now=NOW) >= 2
    for ended in (value, other):
        with pytest.raises(UnauthorizedError):
            find_session(engine, ended, keys=[KEY], now=NOW)
    start(engine)
    with transaction(engine) as session:
        assert end_sessions(session, party_id=None, now=NOW) == 1


def test_old_sessions_are_forgotten(engine: Engine) -> None:
    start(engine)
    with transaction(engine) as session:
        assert forget_ended_sessions(session, now=NOW + dt.timedelta(hours=12)) >= 1


def test_no_session_slips_in_while_access_is_ended(engine: Engine) -> None:
    """Begun a moment before, it is ended too; a moment after, it is refused."""
    values: list[str] = []

    def sign_in() -> None:
        with transaction(engine) as session:
            hold_access(session, principal=BUYER.principal, issued_at=NOW)
            values.append(start_session(session, BUYER, key=KEY, now=NOW))

    def end() -> None:
        with transaction(engine) as session:
            end_access(session, party_id="pty_1", by="party:pty_2", now=NOW)

    with ThreadPoolExecutor(1) as aside:
        with transaction(engine) as session:
            hold_access(session, principal=BUYER.principal, issued_at=NOW)
            ending = aside.submit(end)
            wait_until(lambda: is_anybody_waiting(engine))
            value = start_session(session, BUYER, key=KEY, now=NOW)
        ending.result()
        with pytest.raises(UnauthorizedError):
            find_session(engine, value, keys=[KEY], now=NOW)
        with transaction(engine) as session:
            end_access(session, party_id="pty_1", by="party:pty_2", now=NOW)
            signing_in = aside.submit(sign_in)
            wait_until(lambda: is_anybody_waiting(engine))
        with pytest.raises(UnauthorizedError):
            signing_in.result()
    assert values == []


def is_anybody_waiting(engine: Engine) -> bool:
    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    with engine.connect() as connection:
        return bool(connection.execute(text(waiting)).scalar_one())
