"""What finance's tables say of the past stays: the application's role cannot write it anew."""

import datetime as dt
import secrets
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import ProgrammingError

from payments.identifiers import new_id

NOW = dt.datetime(2026, 11, 2, 9, 30, tzinfo=dt.UTC)


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    with engine.connect() as connection:
        yield connection


def insert(connection: Connection, table: str, **values: Any) -> None:
    names = ", ".join(values)
    places = ", ".join(f":{name}" for name in values)
    connection.execute(text(f"INSERT INTO strongroom.{table} ({names}) VALUES ({places})"), values)


def refused(connection: Connection, statement: str, **values: Any) -> bool:
    """Whether the statement is refused as not allowed; what it did is taken back."""
    point = connection.begin_nested()
    try:
        connection.execute(text(statement), values)
    except ProgrammingError as error:
        assert getattr(error.orig, "sqlstate", None) == "42501", error  # noqa: PT017 - its code
        return True
    finally:
        point.rollback()
    return False


@pytest.fixture
def closing(connection: Connection) -> str:
    """A month of which one person has asked that it be reopened."""
    closing_id = new_id("per", now=NOW)
    insert(
        connection,
        "period_closings",
        id=closing_id,
        month="2026-10",
        revision=1,
        state="closed",
        checklist="[]",
        explanations="{}",
        as_of=NOW,
        ledger_sequence=7,
        sealed_to=1,
        closed_by="key:a",
        closed_at=NOW,
    )
    asked = """UPDATE strongroom.period_closings SET state = 'reopening', reopen_reason = 'Why',
                      reopen_requested_by = 'key:a', reopen_requested_at = closed_at
                WHERE id = :id"""
    connection.execute(text(asked), {"id": closing_id})
    return closing_id


@pytest.mark.parametrize(
    "change",
    [
        "checklist = '[{}]'",
        "explanations = '{}'",
        "as_of = now()",
        "ledger_sequence = 8",
        "closed_by = 'key:b'",
        "revision = 2",
        "reopen_requested_by = 'key:b'",
        "reopen_reason = 'Another'",
        (
            "state = 'closed', reopen_requested_by = NULL, reopen_requested_at = NULL,"
            " reopen_reason = NULL"
        ),
    ],
)
def test_a_closing_stays_as_it_was(connection: Connection, closing: str, change: str) -> None:
    statement = f"UPDATE strongroom.period_closings SET {change} WHERE id = :id"
    assert refused(connection, statement, id=closing)
    assert refused(connection, "DELETE FROM strongroom.period_closings WHERE id = :id", id=closing)


def test_a_reopening_is_for_good(connection: Connection, closing: str) -> None:
    reopened = """UPDATE strongroom.period_closings
                     SET state = 'reopened', reopened_by = 'key:b', reopened_at = closed_at
                   WHERE id = :id"""
    connection.execute(text(reopened), {"id": closing})
    for change in ("reopened_by = 'key:c'", "state = 'reopening', reopened_by = NULL"):
        statement = f"UPDATE strongroom.period_closings SET {change} WHERE id = :id"
        assert refused(connection, statement, id=closing)


@pytest.fixture
def decided(connection: Connection) -> str:
    """An entry that somebody asked for and somebody else turned down."""
    entry_id = new_id("jrn", now=NOW)
    insert(
        connection,
        "manual_entries",
        id=entry_id,
        kind="manual",
        occurred_at=NOW,
        reason="Rent",
        status="requested",
        requested_by="key:a",
        created_at=NOW,
        updated_at=NOW,
    )
    decision = """UPDATE strongroom.manual_entries SET status = 'rejected', refusal = 'No',
                         decided_by = 'key:b', decided_at = created_at WHERE id = :id"""
    connection.execute(text(decision), {"id": entry_id})
    return entry_id


@pytest.mark.parametrize(
    "change",
    [
        "status = 'requested', decided_by = NULL, decided_at = NULL",
        "decided_by = 'key:c'",
        "refusal = 'Yes'",
        "requested_by = 'key:c'",
        "reason = 'Another'",
    ],
)
def test_a_decision_is_for_good(connection: Connection, decided: str, change: str) -> None:
    statement = f"UPDATE strongroom.manual_entries SET {change} WHERE id = :id"
    assert refused(connection, statement, id=decided)


@pytest.fixture
def export(connection: Connection) -> str:
    """An export that is ready."""
    export_id = new_id("exp", now=NOW)
    insert(
        connection,
        "exports",
        id=export_id,
        report="journal",
        format="csv",
        parameters="{}",
        status="running",
        requested_by="key:a",
        created_at=NOW,
        updated_at=NOW,
        expires_at=NOW,
    )
    ready = """UPDATE strongroom.exports SET status = 'ready', manifest = '{"sha256": ""}',
                      attempt = 1 WHERE id = :id"""
    connection.execute(text(ready), {"id": export_id})
    return export_id


@pytest.mark.parametrize(
    "change",
    [
        "manifest = '{}'",
        "status = 'running'",
        "attempt = 2",
        "row_count = 8",
        'parameters = \'{"asset": "EUR"}\'',
        "requested_by = 'key:b'",
    ],
)
def test_an_export_that_is_ready_stays_as_it_is(
    connection: Connection, export: str, change: str
) -> None:
    statement = f"UPDATE strongroom.exports SET {change} WHERE id = :id"
    assert refused(connection, statement, id=export)
    expired = "UPDATE strongroom.exports SET status = 'expired' WHERE id = :id"
    assert not refused(connection, expired, id=export)


@pytest.mark.parametrize("change", ["last_number + 2", "last_number - 1", "last_number"])
def test_a_number_is_followed_by_the_next_one(connection: Connection, change: str) -> None:
    seller_id = new_id("pty", now=NOW)
    party = {"name_encrypted": b"", "created_at": NOW, "updated_at": NOW}
    insert(connection, "parties", id=seller_id, **party)
    series = secrets.token_hex(4).upper()
    insert(connection, "invoice_series", seller_id=seller_id, kind="invoice", code=series)
    begun = "INSERT INTO strongroom.invoice_counters VALUES (:series, 2026, 2, :at)"
    assert refused(connection, begun, series=series, at=NOW)
    connection.execute(text(begun.replace("2026, 2", "2026, 1")), {"series": series, "at": NOW})
    statement = f"UPDATE strongroom.invoice_counters SET last_number = {change}"
    assert refused(connection, f"{statement} WHERE series = :series", series=series)
    following = "UPDATE strongroom.invoice_counters SET last_number = 2 WHERE series = :series"
    assert not refused(connection, following, series=series)
    earlier = following.replace("= 2", "= 2, last_issued_at = last_issued_at - interval '1s'")
    assert refused(connection, earlier, series=series)
