"""A restored database over HTTP: what is put off, what is not, and how two people end it."""

import datetime as dt
import secrets
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine
from werkzeug.test import TestResponse

from payments.access.caller import Caller, Role
from payments.database import transaction
from payments.restores.begin_restore import TO_CHECK, begin_restore
from payments.restores.read_restores import read_history
from payments.restores.tables import Restore
from payments.settings import Settings
from tests.web.conftest import Headers, KeyOf, MakeApp


@pytest.fixture
def restore_id(engine: Engine) -> str:
    """A restore that was begun, and a look that found nothing."""
    now = dt.datetime.now(dt.UTC)  # noqa: TID251 - the application's clock is real here
    begun = begin_restore(
        engine,
        caller=Caller(principal="command:ada", role=Role.OPERATOR),
        reference=secrets.token_hex(8),
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
        return client.post(path, json={"reference": secrets.token_hex(8), **body}, headers=headers)

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
