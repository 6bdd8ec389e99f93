"""Exports over HTTP: asked for, written by the job, fetched until they expire."""

import csv
import datetime as dt
import hashlib
import io
import secrets
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

import ledger
from payments.access.caller import Role
from payments.database import transaction
from payments.exports.prune_exports import expire_exports
from payments.exports.request_export import MOST_AT_ONCE
from payments.exports.write_export import write_export
from tests.web.conftest import Headers, KeyOf

NOON = dt.datetime(2026, 10, 15, 12, tzinfo=dt.UTC)
EXPORTS = "/api/ledger/exports"

Ask = Callable[..., Any]


def clock() -> dt.datetime:
    return dt.datetime.now(dt.UTC)  # noqa: TID251 - the application's clock is real here


@pytest.fixture
def finance(key_of: KeyOf) -> Headers:
    return key_of(Role.FINANCE)


@pytest.fixture
def ask(client: FlaskClient, finance: Headers) -> Ask:
    def post(**body: Any) -> Any:
        content = {"reference": secrets.token_hex(16), "report": "journal", "format": "csv"} | body
        return client.post(EXPORTS, json=content, headers=finance)

    return post


@pytest.fixture
def posted(engine: Engine) -> int:
    with engine.begin() as connection:
        specs = [
            ledger.AccountSpec(path, "EUR", mode="deferred") for path in ("assets:a", "equity:b")
        ]
        first, second = ledger.open_accounts(connection, specs).values()
        lines = [ledger.Posting(first, 500), ledger.Posting(second, -500)]
        entry = ledger.Entry(f"test_{secrets.token_hex(16)}", "test", NOON, lines)
        return ledger.post(connection, entry).entry_id


def make(engine: Engine, export_id: str) -> int:
    return write_export(engine, export_id, clock=clock, until=clock() + dt.timedelta(minutes=1))


def test_an_export_is_written_and_fetched_with_its_manifest(
    client: FlaskClient, engine: Engine, finance: Headers, ask: Ask, posted: int
) -> None:
    asked = ask()
    assert asked.status_code == 202, asked.text
    export = asked.get_json()
    assert (export["status"], export["download_url"], export["manifest"]) == ("waiting", None, None)
    assert export["filters"]["as_of"]
    rows = make(engine, export["id"])
    shown = client.get(f"{EXPORTS}/{export['id']}", headers=finance).get_json()
    assert shown["status"] == "ready"
    file = client.get(shown["download_url"], headers=finance)
    assert file.status_code == 200
    manifest = shown["manifest"]
    assert hashlib.sha256(file.data).hexdigest() == manifest["sha256"]
    assert len(file.data) == manifest["size"] == int(file.headers["Content-Length"])
    found = list(csv.DictReader(io.StringIO(file.text)))
    assert len(found) == manifest["rows"] == shown["row_count"] == shown["rows_expected"] == rows
    assert str(posted) in {row["entry_id"] for row in found}
    [sums] = manifest["sums"]
    assert sums["asset"] == "EUR"
    assert sums["debit"] == sums["credit"]
    assert file.headers["Content-Disposition"].startswith("attachment; filename=")


def test_it_shows_what_was_posted_when_it_was_asked_for(
    client: FlaskClient, engine: Engine, finance: Headers, ask: Ask, posted: int
) -> None:
    del posted
    export = ask().get_json()
    with engine.begin() as connection:
        specs = [
            ledger.AccountSpec(path, "EUR", mode="deferred") for path in ("assets:a", "equity:b")
        ]
        first, second = ledger.open_accounts(connection, specs).values()
        lines = [ledger.Posting(first, 1), ledger.Posting(second, -1)]
        later = ledger.post(connection, ledger.Entry(secrets.token_hex(16), "test", NOON, lines))
    make(engine, export["id"])
    file = client.get(f"{EXPORTS}/{export['id']}/download", headers=finance)
    again = client.get(
        "/api/ledger/reports/journal",
        query_string={"format": "csv", "as_of": export["filters"]["as_of"]},
        headers=finance,
    )
    assert again.data == file.data
    assert str(later.entry_id) not in {row.split(",")[0] for row in file.text.splitlines()}


def test_the_same_reference_is_the_same_export(ask: Ask) -> None:
    first = ask(reference="close-october")
    again = ask(reference="close-october")
    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (200, "true")
    assert again.get_json() == first.get_json()
    assert ask(reference="close-october", format="xlsx").status_code == 422


def test_it_cannot_be_fetched_before_it_is_ready(
    client: FlaskClient, finance: Headers, ask: Ask
) -> None:
    export = ask().get_json()
    answer = client.get(f"{EXPORTS}/{export['id']}/download", headers=finance)
    assert (answer.status_code, answer.get_json()["code"]) == (409, "export_not_ready")


def test_an_expired_one_is_gone_but_for_its_manifest(
    client: FlaskClient, engine: Engine, finance: Headers, ask: Ask, posted: int
) -> None:
    del posted
    export = ask().get_json()
    make(engine, export["id"])
    with transaction(engine) as session:
        assert expire_exports(session, now=clock(), limit=100) == 0
        assert expire_exports(session, now=clock() + dt.timedelta(days=2), limit=100) > 0
    shown = client.get(f"{EXPORTS}/{export['id']}", headers=finance).get_json()
    assert (shown["status"], shown["download_url"]) == ("expired", None)
    assert shown["manifest"]["rows"] > 0
    answer = client.get(f"{EXPORTS}/{export['id']}/download", headers=finance)
    assert (answer.status_code, answer.get_json()["code"]) == (404, "not_found")
    with engine.connect() as connection:
        query = text("SELECT count(*) FROM strongroom.export_pieces WHERE export_id = :id")
        assert connection.execute(query, {"id": export["id"]}).scalar_one() == 0


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"report": "profit"}, "report"),
        ({"format": "pdf"}, "format"),
        ({"format": "beancount", "report": "trial-balance"}, "format"),
        ({"format": "hledger", "account": "assets:a"}, "account"),
        ({"asset": "XXX"}, "asset"),
        ({"account": "assets:nothing"}, "account"),
        ({"from": "2026-10-32"}, "from"),
        ({"as_of": "2999-01-01"}, "as_of"),
        ({"seller_id": "pty_1"}, "seller_id"),
        ({"detail": "account"}, "detail"),
    ],
)
def test_what_is_wrong_is_said_by_field(ask: Ask, posted: int, body: Any, field: str) -> None:
    del posted
    answer = ask(**body)
    assert answer.status_code == 400, answer.text
    assert set(answer.get_json()["errors"]) == {field}


def test_no_more_than_so_many_wait_at_once(engine: Engine, ask: Ask) -> None:
    answers = [ask() for _ in range(MOST_AT_ONCE + 1)]
    assert answers[-1].status_code == 429
    assert answers[-1].headers["Retry-After"]
    with transaction(engine) as session:
        expire_exports(session, now=clock() + dt.timedelta(days=2), limit=100)


def test_only_finance_may(client: FlaskClient, key_of: KeyOf) -> None:
    for role in (Role.SERVICE, Role.SUPPORT, Role.OPERATOR):
        for path in (EXPORTS, "/api/ledger/reports/trial-balance"):
            assert client.get(path, headers=key_of(role)).status_code == 403
