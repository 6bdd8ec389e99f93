"""Seals prove the audit log: whoever changes, removes, puts in or moves an entry is found out."""

import datetime as dt
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.exc import ProgrammingError

from payments.audit.deed import Deed, bind_deed
from payments.audit.read_entries import export_lines
from payments.audit.sealing import seal_audit
from payments.audit.verify import Fault, audit_faults, last_audit_seal
from payments.audit.verify_file import file_faults
from payments.audit.write_deeds import listen, write_entry
from payments.database import (
    API_ROLE,
    APPLICATION_ROLE,
    AUDITOR_ROLE,
    RELAY_ROLE,
    WORKER_ROLE,
    transaction,
)
from payments.privacy.encryption import FieldCipher
from tests.conditions import wait_until
from tests.databases import ROOT
from tests.payments.shop import KEYSET

NOW = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)
CIPHER = FieldCipher(KEYSET)
COLUMNS = (
    "id, at, actor, person, role, action, outcome, subjects, changes, reason_encrypted,"
    " reason_digest"
)


def note(engine: Engine, count: int = 1, *, person: str = "command:ana") -> None:
    for _ in range(count):
        deed = Deed(
            actor="key:key_1",
            person=person,
            role="admin",
            action="keys.create",
            at=NOW,
            cipher=CIPHER,
            reason_of=lambda: "A new shop",
        )
        write_entry(engine, deed, "done")


@pytest.fixture
def owner(fresh_database_url: str) -> Iterator[Engine]:
    engine = create_engine(fresh_database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def log(fresh_engine: Engine) -> Engine:
    """Twelve entries in three seals."""
    note(fresh_engine, 12)
    seal_all(fresh_engine, 12)
    return fresh_engine


def seal_all(engine: Engine, count: int) -> None:
    """Seal until `count` entries are: what others write in the cluster may still be open."""
    sealed = 0

    def is_sealed() -> bool:
        nonlocal sealed
        sealed += seal_audit(engine, block_entries=5)
        return sealed == count

    wait_until(is_sealed)


def faults(engine: Engine, anchor: tuple[int, bytes] | None = None) -> list[Fault]:
    with engine.connect() as connection:
        return list(audit_faults(connection, anchor=anchor, cipher=CIPHER))


def without_guards(connection: Connection, *statements: str) -> None:
    """Do what only the owner of the tables could, having switched off what guards them."""
    for table in ("audit_entries", "audit_seals"):
        connection.execute(text(f"ALTER TABLE strongroom.{table} DISABLE TRIGGER USER"))
    for statement in statements:
        connection.execute(text(statement))
    for table in ("audit_entries", "audit_seals"):
        connection.execute(text(f"ALTER TABLE strongroom.{table} ENABLE TRIGGER USER"))


def test_what_was_sealed_fits_and_the_newest_waits_for_the_next_time(log: Engine) -> None:
    assert faults(log) == []
    assert seal_audit(log) == 0
    note(log)
    assert faults(log) == []
    seal_all(log, 1)
    with log.connect() as connection:
        last = last_audit_seal(connection)
    assert last is not None
    assert (last.number, last.upto_entry) == (4, 13)
    assert faults(log, (last.number, last.chain_hash)) == []


COPY = f"INSERT INTO strongroom.audit_entries (number, recorded_at, {COLUMNS})"
TAMPERED: dict[str, tuple[tuple[str, ...], list[tuple[int | None, str]]]] = {
    "changed": (
        ("UPDATE strongroom.audit_entries SET person = 'command:bob' WHERE number = 7",),
        [(7, "was changed")],
    ),
    "a time": (
        ("UPDATE strongroom.audit_entries SET at = at + interval '1 us' WHERE number = 3",),
        [(3, "was changed")],
    ),
    "a digest of a reason": (
        ("UPDATE strongroom.audit_entries SET reason_digest = sha256('x') WHERE number = 3",),
        [(3, "was changed")],
    ),
    "a reason": (
        ("UPDATE strongroom.audit_entries SET reason_encrypted = 'x' WHERE number = 4",),
        [(4, "the reason of entry")],
    ),
    "removed": (
        ("DELETE FROM strongroom.audit_entries WHERE number = 12",),
        [(12, "was removed")],
    ),
    "moved": (
        (
            "UPDATE strongroom.audit_entries SET number = 100 WHERE number = 2",
            "UPDATE strongroom.audit_entries SET number = 2 WHERE number = 9",
            "UPDATE strongroom.audit_entries SET number = 9 WHERE number = 100",
        ),
        [(2, "was changed"), (9, "was changed")],
    ),
    "a digest of a seal": (
        ("UPDATE strongroom.audit_seals SET digests = sha256('x') || substr(digests, 33)",),
        [(None, "its digests were changed"), *((n, "was changed") for n in (1, 6, 11))],
    ),
    "a seal": (
        ("DELETE FROM strongroom.audit_seals WHERE number = 2",),
        [(None, "the seal is missing"), (None, "it begins after"), (None, "does not follow")],
    ),
}


@pytest.mark.parametrize("way", TAMPERED)
def test_an_entry_that_was_tampered_with_is_named(log: Engine, owner: Engine, way: str) -> None:
    statements, expected = TAMPERED[way]
    with owner.begin() as connection:
        without_guards(connection, *statements)
    found = faults(log)
    for entry, reason in expected:
        assert any(fault.entry == entry and reason in fault.reason for fault in found), found
    assert {fault.entry for fault in found} <= {entry for entry, _ in expected} | set(range(6, 11))


def test_an_entry_put_in_is_named(log: Engine, owner: Engine) -> None:
    """Entry 13 was rolled back, so nobody has its number; afterwards somebody takes it."""
    with pytest.raises(ZeroDivisionError):
        abandon(log)
    note(log)
    seal_all(log, 1)
    assert faults(log) == []
    copied = COLUMNS.replace("id,", "'aud_forged',", 1)
    query = f"{COPY} SELECT 13, recorded_at, {copied} FROM strongroom.audit_entries"
    with owner.begin() as connection:
        without_guards(connection, f"{query} WHERE number = 1")
    assert [(fault.entry, fault.reason) for fault in faults(log)] == [
        (13, "entry aud_forged was put in afterwards")
    ]


@pytest.mark.parametrize("number", [0, -7])
def test_an_entry_before_the_first_is_named(log: Engine, owner: Engine, number: int) -> None:
    """No sequence gives such a number, so no seal would ever hold it."""
    copied = COLUMNS.replace("id,", "'aud_forged',", 1)
    query = f"{COPY} SELECT {number}, recorded_at, {copied} FROM strongroom.audit_entries"
    with owner.begin() as connection:
        without_guards(connection, f"{query} WHERE number = 1")
    assert [(fault.seal, fault.entry) for fault in faults(log)] == [(1, number)]


def abandon(engine: Engine) -> None:
    with engine.begin() as connection:
        copied = COLUMNS.replace("id,", "'aud_lost',", 1)
        connection.execute(
            text(
                f"INSERT INTO strongroom.audit_entries ({COLUMNS})"
                f" SELECT {copied} FROM strongroom.audit_entries WHERE number = 1"
            )
        )
        raise ZeroDivisionError


def test_a_chain_made_anew_as_a_whole_differs_from_the_anchor(log: Engine, owner: Engine) -> None:
    with log.connect() as connection:
        last = last_audit_seal(connection)
    assert last is not None
    with owner.begin() as connection:
        without_guards(
            connection,
            "UPDATE strongroom.audit_entries SET person = 'command:bob' WHERE number = 7",
            "DELETE FROM strongroom.audit_seals",
        )
    seal_all(log, 12)
    assert faults(log) == []
    (fault,) = faults(log, (last.number, last.chain_hash))
    assert "differs from the anchor" in fault.reason
    (fault,) = faults(log, (9, last.chain_hash))
    assert "the anchor is missing" in fault.reason


EDITS: dict[str, Callable[[list[str]], list[str]]] = {
    "changed": lambda lines: [line.replace("command:ana", "command:bob", 1) for line in lines],
    "removed": lambda lines: lines[1:],
    "moved": lambda lines: [lines[1], lines[0], *lines[2:]],
    "put in": lambda lines: [lines[0], *lines],
    "cut off": lambda lines: lines[:-1],
    "no JSON": lambda lines: ["{", *lines],
    "another number": lambda lines: [lines[0].replace('"number":1', '"number":2'), *lines[1:]],
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_export_proves_itself(log: Engine, edit: str) -> None:
    lines = "".join(export_lines(log)).splitlines()
    assert len(lines) == 12 + 3
    assert list(file_faults(lines)) == []
    last = json.loads(lines[-1])
    anchor = (last["number"], bytes.fromhex(last["chain_hash"]))
    assert list(file_faults(lines, anchor=anchor)) == []
    assert list(file_faults(EDITS[edit](lines)))
    assert "A new shop" not in "".join(lines)
    assert list(file_faults(lines, anchor=(1, b"other")))
    assert list(file_faults(lines, anchor=(99, b"other")))


@pytest.mark.parametrize(
    "role", [APPLICATION_ROLE, API_ROLE, WORKER_ROLE, RELAY_ROLE, AUDITOR_ROLE]
)
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE strongroom.audit_entries SET person = 'nobody'",
        "UPDATE strongroom.audit_entries SET number = number + 100",
        "DELETE FROM strongroom.audit_entries",
        "TRUNCATE strongroom.audit_entries",
        "UPDATE strongroom.audit_seals SET chain_hash = sha256('x')",
        "DELETE FROM strongroom.audit_seals",
        "INSERT INTO strongroom.audit_seals VALUES (1, 0, 1, '{1}', '', '', '')",
        "UPDATE strongroom.audit_watermark SET settled_to = 0",
        f"{COPY} SELECT 999, recorded_at, {COLUMNS} FROM strongroom.audit_entries",
        "SELECT setval('strongroom.audit_numbers', 1)",
    ],
)
def test_no_role_changes_what_is_there(owner_engine: Engine, role: str, statement: str) -> None:
    with owner_engine.connect() as connection:
        connection.execute(text(f"SET ROLE {role}"))
        with pytest.raises(ProgrammingError, match="permission denied"):
            connection.execute(text(statement))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE strongroom.audit_entries SET person = 'nobody'",
        "UPDATE strongroom.audit_entries SET reason_encrypted = NULL WHERE number = 1",
        "DELETE FROM strongroom.audit_entries",
        "TRUNCATE strongroom.audit_entries",
        "UPDATE strongroom.audit_seals SET chain_hash = sha256('x')",
        "DELETE FROM strongroom.audit_seals",
    ],
)
def test_even_the_owner_is_refused_while_the_guards_are_on(
    log: Engine, owner: Engine, statement: str
) -> None:
    with owner.connect() as connection, pytest.raises(Exception, match="is not allowed"):
        connection.execute(text(statement))
    assert faults(log) == []


def test_many_write_while_it_is_sealed_and_none_is_left_out(fresh_engine: Engine) -> None:
    listen()
    over = threading.Event()

    def write(writer: int) -> None:
        for number in range(20):
            deed = Deed("key:key_1", f"w{writer}", "admin", "keys.create", NOW, CIPHER)
            with bind_deed(deed), transaction(fresh_engine) as session:
                session.execute(text("SELECT pg_current_xact_id()"))
                if number % 5 == 0:
                    session.rollback()

    def seal() -> None:
        while not over.is_set():
            seal_audit(fresh_engine, block_entries=7)

    writers = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    sealer = threading.Thread(target=seal)
    for thread in (sealer, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    over.set()
    sealer.join()
    wait_until(lambda: seal_audit(fresh_engine) == 0 and left(fresh_engine) == 0)
    assert faults(fresh_engine) == []
    with fresh_engine.connect() as connection:
        entries, sealed = connection.execute(
            text(
                "SELECT (SELECT count(*) FROM strongroom.audit_entries),"
                " (SELECT sum(cardinality(entry_numbers)) FROM strongroom.audit_seals)"
            )
        ).one()
    assert entries == sealed == 8 * 16


def left(engine: Engine) -> int:
    query = text(
        "SELECT count(*) FROM strongroom.audit_entries WHERE number >"
        " (SELECT coalesce(max(upto_entry), 0) FROM strongroom.audit_seals)"
    )
    with engine.connect() as connection:
        return int(connection.execute(query).scalar_one())


KILLED = Path(__file__).with_name("killed_writer.py")


@pytest.mark.parametrize(("moment", "there"), [("before_commit", 0), ("after_commit", 1)])
def test_killed_in_between_both_are_there_or_neither(
    fresh_engine: Engine, fresh_database_url: str, moment: str, there: int
) -> None:
    done = subprocess.run(
        [sys.executable, str(KILLED), fresh_database_url, moment],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == -9, done.stderr
    counts = text(
        "SELECT (SELECT count(*) FROM strongroom.parties),"
        " (SELECT count(*) FROM strongroom.audit_entries)"
    )
    with fresh_engine.connect() as connection:
        assert tuple(connection.execute(counts).one()) == (there, there)
    note(fresh_engine)
    seal_all(fresh_engine, there + 1)
    assert faults(fresh_engine) == []
