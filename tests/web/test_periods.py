"""Months over HTTP: shown with what is to be done, closed, fetched as kept, reopened by two."""

import hashlib
import secrets
from contextlib import ExitStack
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine
from werkzeug.test import TestResponse

from payments.access.caller import Role
from payments.periods.kept_reports import KEPT, keep_reports
from payments.settings import Settings, read_settings
from tests.payments.periods.closing_desk import ClosingDesk
from tests.web.conftest import Headers, KeyOf, environment
from web.month_checks import MOST_AT_ONCE, one_of_few

OCTOBER = "/api/ledger/periods/2026-10"


@pytest.fixture
def settings(fresh_database_url: str, redis_url: str) -> Settings:
    return read_settings(environment(database_url=fresh_database_url, redis_url=redis_url))


@pytest.fixture
def engine(fresh_engine: Engine) -> Engine:
    """Keys are made in the same database."""
    return fresh_engine


@pytest.fixture
def desk(fresh_engine: Engine) -> ClosingDesk:
    desk = ClosingDesk(fresh_engine)
    desk.post()
    desk.reconcile()
    return desk


@pytest.fixture
def ada(key_of: KeyOf) -> Headers:
    return key_of(Role.FINANCE)


@pytest.fixture
def bob(key_of: KeyOf) -> Headers:
    return key_of(Role.ADMIN)


def post(client: FlaskClient, what: str, by: Headers, **body: Any) -> TestResponse:
    content = {"reference": secrets.token_hex(16)} | body
    return client.post(f"{OCTOBER}/{what}", json=content, headers=by)


def test_a_month_is_closed_and_its_reports_are_fetched(
    client: FlaskClient, desk: ClosingDesk, ada: Headers
) -> None:
    shown = client.get(OCTOBER, headers=ada).get_json()
    assert (shown["state"], shown["closing"]) == ("open", None)
    assert {item["name"] for item in shown["checklist"] if not item["ok"]} <= {"sealed"}

    closed = post(client, "close", ada, reference="october")
    assert closed.status_code == 201, closed.text
    again = post(client, "close", ada, reference="october")
    assert (again.status_code, again.get_json()) == (200, closed.get_json())

    keep_reports(
        desk.engine,
        closed.get_json()["id"],
        renderer=None,
        now=desk.now,
        statement_timeout_s=60,
    )
    shown = client.get(OCTOBER, headers=ada).get_json()
    assert (shown["state"], shown["closing"]) == ("closed", closed.get_json())
    assert all(item["ok"] for item in shown["checklist"])
    assert sorted(report["name"] for report in shown["reports"]) == sorted(KEPT)
    for report in shown["reports"]:
        answer = client.get(report["url"], headers=ada)
        assert hashlib.sha256(answer.data).hexdigest() == report["sha256"]
        assert answer.headers["Ledger-Sequence"] == str(closed.get_json()["ledger_sequence"])
        assert len(answer.data) == report["size"]


def test_the_kept_report_is_what_the_report_of_that_moment_is(
    client: FlaskClient, desk: ClosingDesk, ada: Headers
) -> None:
    closing = post(client, "close", ada).get_json()
    keep_reports(desk.engine, closing["id"], renderer=None, now=desk.now, statement_timeout_s=60)
    kept = client.get(f"{OCTOBER}/reports/trial-balance.csv", headers=ada)
    for as_of in ({"as_of": closing["as_of"]}, {}):
        query = {"from": "2026-10-01", "to": "2026-10-31", "format": "csv"} | as_of
        made = client.get("/api/ledger/reports/trial-balance", query_string=query, headers=ada)
        assert made.data == kept.data


def test_two_reopen_it(client: FlaskClient, desk: ClosingDesk, ada: Headers, bob: Headers) -> None:
    desk.close()
    asked = post(client, "reopen", ada, reason="A bill was found.")
    assert (asked.status_code, asked.get_json()["state"]) == (202, "reopening")
    refused = post(client, "reopen", ada, reason="Now.")
    assert (refused.status_code, refused.get_json()["code"]) == (409, "second_person_needed")
    done = post(client, "reopen", bob, reason="I saw the bill.")
    assert (done.status_code, done.get_json()["state"]) == (200, "reopened")
    months = client.get("/api/ledger/periods", headers=ada).get_json()["data"]
    assert [month["state"] for month in months] == ["open"] * len(months)
    assert months[-1]["month"] == "2026-10"


def test_what_is_not_kept_is_not_found(
    client: FlaskClient, desk: ClosingDesk, ada: Headers
) -> None:
    desk.close()
    for path in ("trial-balance.csv", "payroll.csv", "trial-balance.csv?revision=9"):
        assert client.get(f"{OCTOBER}/reports/{path}", headers=ada).status_code == 404
    assert client.get("/api/ledger/periods/2026-13", headers=ada).status_code == 404


@pytest.mark.usefixtures("desk")
def test_few_months_are_checked_at_once(client: FlaskClient, ada: Headers) -> None:
    with ExitStack() as checking:
        for _ in range(MOST_AT_ONCE):
            checking.enter_context(one_of_few())
        page = "/console/finance/periods/2026-10"
        answers = [client.get(path, headers=ada) for path in (OCTOBER, page)]
        answers.append(post(client, "close", ada))
        assert [answer.status_code for answer in answers] == [429] * 3
        assert {answer.get_json()["code"] for answer in answers[::2]} == {"too_many_requests"}
        assert "429" in answers[1].text
        assert answers[0].headers["Retry-After"]
    assert client.get(OCTOBER, headers=ada).status_code == 200
