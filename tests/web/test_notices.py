"""Notices over HTTP: endpoints, secrets shown once, deliveries, replays, and who may do what."""

import json
import secrets
from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text
from werkzeug.test import TestResponse

from payments.access.caller import Role
from payments.notices.endpoints import MAX_ENDPOINTS
from tests.web.conftest import Headers, KeyOf, environment
from web.command_line import main
from web.parts import parts_of

URL = "https://hooks.shop.test/strongroom"


class Backend:
    """The platform's backend at our API."""

    def __init__(self, client: FlaskClient, headers: Headers) -> None:
        self.client = client
        self.headers = headers

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> TestResponse:
        return self.client.open(
            f"/api/notices{path}", method=method, json=body, headers=self.headers
        )

    def post(self, path: str, **body: Any) -> TestResponse:
        return self.call("POST", path, {"reference": secrets.token_hex(16)} | body)

    def add(self, **body: Any) -> dict[str, Any]:
        answer = self.post("/endpoints", **({"url": URL} | body))
        assert answer.status_code == 201, answer.text
        return dict(answer.get_json())


@pytest.fixture
def backend(app: Flask, client: FlaskClient, key_of: KeyOf) -> Iterator[Backend]:
    backend = Backend(client, key_of(Role.SERVICE))
    yield backend
    for one in backend.call("GET", "/endpoints").get_json()["data"]:
        backend.call("DELETE", f"/endpoints/{one['id']}")
    parts_of(app).engine.dispose()


def test_a_secret_is_shown_once(backend: Backend) -> None:
    body = {"reference": secrets.token_hex(16), "url": URL, "topics": ["payment.updated"]}
    first = backend.call("POST", "/endpoints", body)
    again = backend.call("POST", "/endpoints", body)
    assert first.get_json()["secret"].startswith("whsec_")
    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (200, "true")
    assert again.get_json() == first.get_json() | {"secret": None}
    shown = backend.call("GET", f"/endpoints/{first.get_json()['id']}").get_json()
    assert "secret" not in shown
    assert (shown["status"], shown["topics"], shown["url"]) == ("enabled", ["payment.updated"], URL)


def test_an_endpoint_is_changed_disabled_enabled_and_removed(backend: Backend) -> None:
    path = f"/endpoints/{backend.add()['id']}"
    changed = backend.call("PATCH", path, {"enabled": False, "description": "The shop"}).get_json()
    assert (changed["status"], changed["disabled_reason"]) == ("disabled", "by_hand")
    assert (changed["url"], changed["description"]) == (URL, "The shop")
    assert backend.call("PATCH", path, {"url": "https://10.0.0.1/"}).status_code == 400
    assert backend.call("PATCH", path, {"enabled": "yes"}).status_code == 400
    assert backend.call("POST", f"{path}/test").get_json()["code"] == "conflict"
    assert backend.call("PATCH", path, {"enabled": True}).get_json()["status"] == "enabled"
    assert backend.call("DELETE", path).status_code == 204
    for method, rest in (("GET", ""), ("DELETE", ""), ("POST", "/test")):
        assert backend.call(method, path + rest).status_code == 404
    assert backend.call("GET", "/endpoints").get_json() == {"data": []}


def test_a_test_is_listed_and_sent_again(backend: Backend) -> None:
    endpoint_id = backend.add()["id"]
    sent = backend.call("POST", f"/endpoints/{endpoint_id}/test")
    assert sent.status_code == 202
    told = sent.get_json()
    page = backend.call("GET", f"?endpoint_id={endpoint_id}&state=waiting").get_json()
    assert page == {"data": [told], "next": None}
    backend.call("POST", f"/endpoints/{endpoint_id}/test")
    first = backend.call("GET", f"?endpoint_id={endpoint_id}&limit=1").get_json()
    rest = backend.call("GET", f"?endpoint_id={endpoint_id}&after={first['next']}").get_json()
    assert rest["data"] == [told]
    assert backend.call("GET", "?after=ndl_x").status_code == 400
    body = {"reference": "replay-1", "endpoint_id": endpoint_id, "notice_ids": [told["notice_id"]]}
    first_answer = backend.call("POST", "/replay", body)
    assert (first_answer.status_code, first_answer.get_json()["accepted"]) == (202, 1)
    assert backend.call("POST", "/replay", body).status_code == 200


def test_a_secret_rotates(backend: Backend) -> None:
    endpoint = backend.add()
    path = f"/endpoints/{endpoint['id']}/rotate-secret"
    answer = backend.post(path, overlap_s=60)
    assert answer.status_code == 201
    assert answer.get_json()["secret"] not in {None, endpoint["secret"]}
    assert backend.post(path, overlap_s=604_801).status_code == 400
    backend.post(path, overlap_s=60)
    assert backend.post(path, overlap_s=60).get_json()["code"] == "conflict"


def test_there_may_be_ten(backend: Backend) -> None:
    for number in range(MAX_ENDPOINTS):
        backend.add(url=f"https://hooks{number}.shop.test/")
    assert backend.post("/endpoints", url=URL).get_json()["code"] == "conflict"


@pytest.mark.parametrize("role", ["buyer", "seller", "finance", "support"])
def test_others_manage_nothing_and_support_reads(
    client: FlaskClient, key_of: KeyOf, token_of: Any, make_party: Any, role: str
) -> None:
    is_person = role in {"buyer", "seller"}
    headers = token_of(make_party(role), role) if is_person else key_of(role)
    other = Backend(client, headers)
    assert other.post("/endpoints", url=URL).status_code == 403
    assert other.call("GET", "/endpoints").status_code == (200 if role == "support" else 403)


def test_secrets_are_encrypted_at_rest(app: Flask, backend: Backend) -> None:
    secret = backend.add()["secret"]
    with parts_of(app).engine.connect() as connection:
        kept = connection.execute(text("SELECT secret_encrypted FROM strongroom.notice_secrets"))
        assert all(secret.encode() not in bytes(row[0]) for row in kept)


def test_the_commands(database_url: str, redis_url: str, backend: Backend) -> None:
    environ = environment(database_url=database_url, redis_url=redis_url)

    def run(*words: str) -> str:
        ended = CliRunner().invoke(main, ["notices", *words], env=environ)
        assert ended.exit_code == 0, ended.output
        return ended.stdout

    assert run("endpoints") == "There are no endpoints.\n"
    added = json.loads(run("add", URL, "--topic", "payment.updated", "--json"))
    endpoint_id = added["id"]
    assert added["secret"].startswith("whsec_")
    assert endpoint_id in run("endpoints")
    run("test", endpoint_id)
    [sent] = json.loads(run("list", "--endpoint", endpoint_id, "--json"))
    assert (sent["type"], sent["state"]) == ("endpoint.test", "waiting")
    assert run("replay", endpoint_id, sent["notice_id"]) == "1 notices are on their way.\n"
    assert run("rotate-secret", endpoint_id, "--overlap-hours", "0").startswith("whsec_")
    run("disable", endpoint_id)
    assert "by_hand" in run("endpoints")
    assert "--since" in run("enable", endpoint_id)
    run("remove", endpoint_id)
    assert backend.call("GET", f"/endpoints/{endpoint_id}").status_code == 404
