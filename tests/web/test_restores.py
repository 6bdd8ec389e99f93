"""A restored database over HTTP: what is put off, what is not, and how two people end it."""

import datetime as dt
import secrets
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, func, select
from werkzeug.test import TestResponse

from payments.access.caller import Caller, Role
from payments.database import transaction
from payments.delivery.tables import OutboxRow
from payments.restores.begin_restore import TO_CHECK, begin_restore
from payments.restores.read_restores import find_open, read_history
from payments.restores.request_look import JOB
from payments.restores.tables import Restore
from payments.settings import Settings
from tests.web.conftest import Headers, KeyOf, MakeApp, TokenOf

BEGIN = "/api/ops/restores"


@pytest.fixture
def over(engine: Engine) -> Iterator[None]:
    """End in the end what goes on still, past its checks: the module's tests share a database."""
    yield
    now = dt.datetime.now(dt.UTC)  # noqa: TID251 - the application's clock is real here
    with transaction(engine) as session:
        row = find_open(session)
        if row is not None:
            row.status, row.reconciled_at, row.finished_at, row.finished_by = (
                "finished",
                now,
                now,
                "b",
            )
            row.finish_requested_by, row.finish_requested_at = "a", now


@pytest.fixture
def restore_id(engine: Engine) -> str:
    """A restore that was begun, and a look that found nothing."""
    now = dt.datetime.now(dt.UTC)  # noqa: TID251 - the application's clock is real here
    begun = begin_restore(
        engine,
        caller=Caller(principal="command:ada", role=Role.OPERATOR),
        reference=secrets.token_hex(16),
        reason="A drill.",
        restored_to=now - dt.timedelta(hours=1),
        now=now,
    ).resource
    with transaction(engine) as session:
        row = session.get_one(Restore, begun.id)
        row.reconciled_at, row.figures = now, {"history": list(read_history(session))}
    return begun.id


def test_it_is_seen_through_by_two(
    make_app: MakeApp, settings: Settings, key_of: KeyOf, restore_id: str
) -> None:
    client: FlaskClient = make_app(settings).test_client()
    one, other, service = key_of(Role.OPERATOR), key_of(Role.ADMIN), key_of(Role.SERVICE)

    def post(path: str, headers: Headers, **body: Any) -> TestResponse:
        return client.post(path, json={"reference": secrets.token_hex(16), **body}, headers=headers)

    put_off = post("/api/orders", service)
    assert (put_off.status_code, put_off.headers["Retry-After"]) == (503, "60")
    assert post("/api/ops/freeze", one, reason="A drill.").status_code == 201  # it helps
    assert client.get("/api/orders/ord_0", headers=service).status_code == 404  # reading goes on
    listed = client.get("/api/ops/restores", headers=one).get_json()
    assert (listed["standing_still"], listed["data"][0]["id"]) == (restore_id, restore_id)

    path = f"/api/ops/restores/{restore_id}"
    assert post(f"{path}/finish", service).status_code == 403
    refused = post(f"{path}/finish", one)
    assert (refused.status_code, refused.get_json()["code"]) == (409, "conflict")
    findings = client.get(path, headers=one).get_json()["findings"]
    see_the_desk(client, restore_id, one, findings)
    assert {one["provider_ref"] for one in findings} == set(TO_CHECK)
    for finding in findings:
        settle = f"/api/ops/restores/findings/{finding['id']}/settle"
        settled = post(settle, one, note="Nothing there.").get_json()
        assert (settled["status"], settled["note"]) == ("settled", "Nothing there.")
        assert post(settle, one, note="Once more.").status_code == 409
    desk = f"/console/restores/{restore_id}"
    assert "Ask to finish it" in client.get(desk, headers=one).text
    tried = post(f"{path}/finish?dry_run=true", one)
    assert (tried.status_code, tried.headers["Dry-Run"]) == (202, "true")
    assert post(f"{path}/finish", one).get_json()["status"] == "finish_requested"
    assert post(f"{path}/finish", one).get_json()["code"] == "second_person_needed"
    assert "somebody else must agree" in client.get(desk, headers=one).text
    assert "Agree, and finish it" in client.get(desk, headers=other).text
    assert post(f"{path}/finish", other).get_json()["status"] == "finished"
    assert "It is finished: money moves." in client.get(desk, headers=one).text
    assert post(f"{path}/finish", other).status_code == 409
    assert client.get("/api/ops/restores", headers=one).get_json()["standing_still"] is None


def see_the_desk(
    client: FlaskClient, restore_id: str, headers: Headers, findings: list[dict[str, Any]]
) -> None:
    """Everything is open: each may be settled, and nothing is finished yet."""
    page = client.get(f"/console/restores/{restore_id}", headers=headers).text
    assert f"<strong>{len(findings)} findings are open</strong>" in page
    for finding in findings:
        assert f'"POST /api/ops/restores/findings/{finding["id"]}/settle"' in page
    assert "/finish" not in page
    for path in ("/console", "/console/releases", "/console/nowhere", "/console/restores"):
        shown = client.get(path, headers=headers).text
        assert "Nothing is sent:</strong> this database was restored" in shown, path
        assert f'href="/console/restores/{restore_id}"' in shown
        assert 'href="/console/runbooks/restore"' in shown
    assert "restored" not in client.get("/console").text, "strangers are told nothing"
    filtered = f"/console/restores/{restore_id}?status="
    assert "None stands so." in client.get(f"{filtered}settled", headers=headers).text
    assert client.get(f"{filtered}odd", headers=headers).status_code == 400
    assert client.get("/console/restores/rst_0", headers=headers).status_code == 404


@pytest.mark.usefixtures("over")
def test_it_is_begun_over_http_once_and_everybody_is_signed_out(
    client: FlaskClient, key_of: KeyOf, token_of: TokenOf
) -> None:
    operator = key_of(Role.OPERATOR)
    staff = token_of("pty_operator", Role.OPERATOR)
    assert client.post("/api/session", headers=staff).status_code == 201
    assert client.get(BEGIN).status_code == 200
    asked = {"reference": secrets.token_hex(16), "reason": "A drill."}
    moment = {"restored_to": "2026-01-01T12:00:00Z"}
    for odd in ("2099-01-01T00:00:00Z", "1999-01-01T00:00:00Z", "yesterday"):
        refused = client.post(BEGIN, json=asked | {"restored_to": odd}, headers=operator)
        assert (refused.status_code, set(refused.get_json()["errors"])) == (400, {"restored_to"})
    tried = client.post(f"{BEGIN}?dry_run=true", json=asked | moment, headers=operator)
    assert (tried.status_code, tried.headers["Dry-Run"]) == (201, "true")
    assert client.get(BEGIN, headers=operator).get_json()["standing_still"] is None
    assert client.get(BEGIN).status_code == 200

    long_ago = int(dt.datetime.now(dt.UTC).timestamp()) - 301  # noqa: TID251 - as above
    old = token_of("pty_operator", Role.OPERATOR, auth_time=long_ago)
    assert client.post(BEGIN, json=asked | moment, headers=old).get_json()["code"] == (
        "step_up_required"
    )
    begun = client.post(BEGIN, json=asked | moment, headers=operator)
    assert (begun.status_code, begun.get_json()["status"]) == (201, "begun")
    again = client.post(BEGIN, json=asked | moment, headers=operator)
    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (200, "true")
    assert again.get_json()["id"] == begun.get_json()["id"]
    other = client.post(BEGIN, json=asked | moment | {"reference": "other"}, headers=operator)
    assert (other.status_code, other.get_json()["code"]) == (409, "conflict")
    assert client.get(BEGIN).status_code == 401, "everybody is signed out"


@pytest.mark.usefixtures("over")
def test_the_providers_are_asked_by_a_job_that_is_staged_with_the_answer(
    client: FlaskClient, engine: Engine, key_of: KeyOf, restore_id: str
) -> None:
    operator, path = key_of(Role.OPERATOR), f"{BEGIN}/{restore_id}"

    def ask(query: str = "") -> TestResponse:
        body = {"reference": secrets.token_hex(16)}
        return client.post(f"{path}/reconcile{query}", json=body, headers=operator)

    def staged() -> int:
        with transaction(engine) as session:
            wanted = select(func.count()).select_from(OutboxRow).filter_by(job=JOB)
            return session.scalar(wanted) or 0

    tried = ask("?dry_run=true")
    assert (tried.status_code, tried.get_json()["look"]["status"]) == (202, "waiting")
    assert (staged(), client.get(path, headers=operator).get_json()["look"]) == (0, None)
    for _ in range(2):
        asked = ask()
        assert (asked.status_code, asked.get_json()["look"]["status"]) == (202, "waiting")
    assert staged() == 1
    assert client.get(path, headers=operator).get_json()["look"]["status"] == "waiting"
    assert (
        "A worker is about to ask them"
        in client.get(f"/console/restores/{restore_id}", headers=operator).text
    )
    missing = client.post(f"{BEGIN}/rst_0/reconcile", json={"reference": "none"}, headers=operator)
    assert missing.status_code == 404


@pytest.mark.usefixtures("over")
def test_the_desk_shows_the_way_and_offers_the_next_step(
    client: FlaskClient, engine: Engine, key_of: KeyOf
) -> None:
    operator, support = key_of(Role.OPERATOR), key_of(Role.SUPPORT)

    def step(path: str) -> str:
        page = client.get(path, headers=operator).text
        return page.partition('aria-current="step"><strong>')[2].partition("<")[0]

    begins = '"POST /api/ops/restores"'
    assert step("/console/restores") == "", "nothing calls for it"
    assert begins in client.get("/console/restores", headers=operator).text
    assert begins not in client.get("/console/restores", headers=support).text
    body = {"reference": "way", "reason": "A drill.", "restored_to": "2026-01-01T12:00:00Z"}
    restore_id = client.post(BEGIN, json=body, headers=operator).get_json()["id"]
    desk = f"/console/restores/{restore_id}"
    assert (step("/console/restores"), step(desk)) == ("Reconcile", "Reconcile")
    assert begins not in client.get("/console/restores", headers=operator).text
    assert f'"POST {BEGIN}/{restore_id}/reconcile"' in client.get(desk, headers=operator).text
    assert "/reconcile" not in client.get(desk, headers=support).text
    with transaction(engine) as session:
        row = session.get_one(Restore, restore_id)
        row.look_status, row.look_step, row.look_at = "failed", "banks", row.begun_at
        row.look_error = "TrueLayer did not answer."
    assert "broke off at banks" in client.get(desk, headers=operator).text
    with transaction(engine) as session:
        row = session.get_one(Restore, restore_id)
        row.look_status, row.look_error = "done", None
        row.reconciled_at = dt.datetime.now(dt.UTC)  # noqa: TID251 - as above
    assert step(desk) == "Settle"
    assert "broke off" not in client.get(desk, headers=operator).text
