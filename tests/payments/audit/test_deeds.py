"""A deed commits with the change it is about, and no writer waits for another."""

import contextlib
import datetime as dt
import threading
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from payments.audit.deed import Deed, bind_deed
from payments.audit.write_deeds import listen, note_replay, write_entry
from payments.database import transaction
from payments.parties.tables import Party
from payments.privacy.encryption import FieldCipher
from tests.payments.shop import KEYSET

NOW = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)
CIPHER = FieldCipher(KEYSET)


@pytest.fixture(autouse=True)
def _listening() -> None:
    listen()


def deed(**changes: Any) -> Deed:
    given: dict[str, Any] = {
        "actor": "key:key_1",
        "person": "party:pty_boss",
        "role": "admin",
        "action": "parties.create",
        "at": NOW,
        "cipher": CIPHER,
    }
    return Deed(**given | changes)


def party(name: str) -> Party:
    encrypted = CIPHER.encrypt(name, table="parties", column="name_encrypted", row_id=name)
    return Party(
        id=name, name_encrypted=encrypted, kyc_level="none", created_at=NOW, updated_at=NOW
    )


def entries(engine: Engine, person: str) -> list[Any]:
    query = text("SELECT * FROM strongroom.audit_entries WHERE person = :person ORDER BY number")
    with engine.connect() as connection:
        return list(connection.execute(query, {"person": person}))


def note(engine: Engine, person: str, count: int = 1) -> None:
    for _ in range(count):
        write_entry(engine, deed(person=person), "refused", status=403, code="role_forbidden")


def test_the_entry_names_who_what_why_and_the_rows_that_changed(engine: Engine) -> None:
    with bind_deed(deed(person="p1", ip="192.0.2.7", request_id="req_1", reason_of=lambda: "Ana")):
        with transaction(engine) as session:
            session.add(party("pty_one"))
        with transaction(engine) as session:
            session.get_one(Party, "pty_one").kyc_level = "basic"
    (entry,) = entries(engine, "p1")
    assert (entry.actor, entry.role, entry.action) == ("key:key_1", "admin", "parties.create")
    assert (entry.outcome, entry.ip, entry.request_id) == ("done", "192.0.2.7", "req_1")
    assert entry.subjects == ["pty_one"]
    ((table, row, before, after),) = entry.changes
    assert (table, row, before, len(after)) == ("parties", "pty_one", None, 64)
    assert entry.reason_encrypted is not None
    assert b"Ana" not in bytes(entry.reason_encrypted)


def test_a_change_shows_what_was_there_before(engine: Engine) -> None:
    with transaction(engine) as session:
        session.add(party("pty_two"))
    with bind_deed(deed(person="p2")), transaction(engine) as session:
        session.get_one(Party, "pty_two").kyc_level = "basic"
    ((_table, _row, before, after),) = entries(engine, "p2")[0].changes
    assert before is not None
    assert after not in (None, before)


def test_a_change_that_is_rolled_back_takes_its_entry_along(engine: Engine) -> None:
    def fail() -> None:
        with transaction(engine) as session:
            session.add(party("pty_three"))
            session.flush()
            session.execute(text("UPDATE strongroom.parties SET kyc_level = NULL"))

    bound = deed(person="p3")
    with bind_deed(bound):
        with pytest.raises(IntegrityError):
            fail()
        assert not bound.written
        with transaction(engine) as session:
            session.add(party("pty_three"))
    (entry,) = entries(engine, "p3")
    assert entry.subjects == ["pty_three"]


def test_without_its_entry_no_change_commits(engine: Engine) -> None:
    with (
        bind_deed(deed(person="")),
        pytest.raises(Exception, match="audit_entries"),
        transaction(engine) as session,
    ):
        session.add(party("pty_four"))
    with transaction(engine) as session:
        assert session.get(Party, "pty_four") is None


def test_plain_statements_count_as_changes_and_reading_does_not(engine: Engine) -> None:
    with bind_deed(deed(person="p5")):
        with transaction(engine) as session:
            session.execute(text("SELECT count(*) FROM strongroom.parties"))
        assert entries(engine, "p5") == []
        with transaction(engine) as session:
            session.execute(text("UPDATE strongroom.parties SET kyc_level = kyc_level"))
    assert [entry.outcome for entry in entries(engine, "p5")] == ["done"]


def test_a_part_that_is_kept_is_no_commit(engine: Engine) -> None:
    """A savepoint's end says nothing yet: the transaction may fail, and be tried again."""

    def attempt(name: str, *, fails: bool) -> None:
        with transaction(engine) as session:
            session.add(party(name))
            session.flush()
            with session.begin_nested():
                session.execute(text("UPDATE strongroom.parties SET kyc_level = kyc_level"))
            with contextlib.suppress(ZeroDivisionError), session.begin_nested():
                raise ZeroDivisionError
            if fails:
                raise RuntimeError

    bound = deed(person="p8")
    with bind_deed(bound):
        with pytest.raises(RuntimeError):
            attempt("pty_eight", fails=True)
        assert not bound.written
        attempt("pty_eight", fails=False)
    (entry,) = entries(engine, "p8")
    assert entry.subjects == ["pty_eight"]


def test_a_look_is_an_entry_and_a_replay_is_told_as_such(engine: Engine) -> None:
    with bind_deed(deed(person="p6", is_look=True)), transaction(engine) as session:
        session.get(Party, "pty_one")
    with bind_deed(deed(person="p6")), transaction(engine) as session:
        session.execute(text("SELECT FROM strongroom.parties FOR UPDATE"))
        note_replay(session)
    assert [entry.outcome for entry in entries(engine, "p6")] == ["seen", "replayed"]


def test_writers_do_not_wait_for_one_that_is_slow(engine: Engine) -> None:
    """One writer keeps its entry uncommitted; eight others finish meanwhile."""

    def write(number: int) -> None:
        with bind_deed(deed(person="p7")), transaction(engine) as session:
            session.execute(text("SET LOCAL lock_timeout = '100ms'"))
            session.add(party(f"pty_seven_{number}"))

    with engine.begin() as slow:
        slow.execute(
            text(
                "INSERT INTO strongroom.audit_entries (id, at, actor, person, role, action,"
                " outcome, subjects, changes)"
                " VALUES ('aud_slow', now(), 'a', 'slow', 'r', 'x', 'done', '{}', '[]')"
            )
        )
        writers = [threading.Thread(target=write, args=(number,)) for number in range(8)]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join(timeout=10)
        assert len(entries(engine, "p7")) == 8
    assert len(entries(engine, "slow")) == 1
