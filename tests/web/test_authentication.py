import dataclasses

import pytest
from flask import Flask
from flask.testing import FlaskClient

from payments.access.caller import Role
from payments.settings import Settings
from tests.web.conftest import ORIGIN, KeyOf, MakeApp, TokenOf


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Basic YTpi", "Bearer x", "Bearer srk_test_x", "Bearer a.b.c", "é"],
)
def test_who_proves_nothing_gets_401(client: FlaskClient, header: str) -> None:
    answer = client.get("/api/parties/pty_1", headers={"Authorization": header})
    assert (answer.status_code, answer.get_json()["code"]) == (401, "unauthorized")
    assert client.get("/api/parties/pty_1").status_code == 401


def test_a_wrong_header_is_not_made_good_by_a_cookie(
    client: FlaskClient, token_of: TokenOf
) -> None:
    client.post("/api/session", headers=token_of("pty_1"))
    answer = client.get("/api/parties/pty_1", headers={"Authorization": "Bearer wrong"})
    assert answer.status_code == 401


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ADMIN])
def test_a_role_that_may_not_gets_403(
    client: FlaskClient, key_of: KeyOf, token_of: TokenOf, role: Role
) -> None:
    person = role in (Role.BUYER, Role.SELLER)
    headers = token_of("pty_1", role) if person else key_of(role)
    answer = client.get("/api/keys", headers=headers)
    assert (answer.status_code, answer.get_json()["code"]) == (403, "role_forbidden")


def test_scopes_narrow_a_key(client: FlaskClient, key_of: KeyOf) -> None:
    headers = key_of(Role.SERVICE, scopes=("orders.read",))
    assert client.get("/api/orders/ord_1", headers=headers).status_code == 404
    answer = client.get("/api/parties/pty_1", headers=headers)
    assert (answer.status_code, answer.get_json()["code"]) == (403, "scope_missing")


@pytest.mark.parametrize("name", ["api_key", "token", "ACCESS_TOKEN"])
def test_credentials_in_a_url_are_refused_and_not_logged(
    client: FlaskClient, key_of: KeyOf, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    answer = client.get(f"/api/keys?{name}=hunter2hunter2", headers=key_of(Role.ADMIN))
    assert (answer.status_code, answer.get_json()["code"]) == (400, "credentials_in_url")
    assert "hunter2" not in capsys.readouterr().out


def test_a_view_nobody_marked_is_refused_to_everybody(app: Flask, key_of: KeyOf) -> None:
    app.add_url_rule("/api/forgotten", view_func=lambda: "open")
    client = app.test_client()
    assert client.get("/api/forgotten").status_code == 401
    assert client.get("/api/forgotten", headers=key_of(Role.ADMIN)).status_code == 403


def test_a_preflight_needs_no_credentials(client: FlaskClient) -> None:
    assert client.options("/api/keys").status_code == 200


def test_a_database_out_of_reach_is_503_and_not_a_refusal(
    make_app: MakeApp, settings: Settings, key_of: KeyOf
) -> None:
    away = dataclasses.replace(settings, database_url="postgresql://a:b@127.0.0.1:9/c")
    client = make_app(away).test_client()
    answer = client.get("/api/keys", headers=key_of(Role.ADMIN))
    assert (answer.status_code, answer.get_json()["code"]) == (503, "unavailable")
    assert answer.headers["Retry-After"]


def sign_in(client: FlaskClient, token_of: TokenOf, party_id: str) -> None:
    answer = client.post("/api/session", headers=token_of(party_id))
    assert answer.status_code == 201


def test_a_token_becomes_a_cookie_and_back_to_nothing(
    client: FlaskClient, token_of: TokenOf
) -> None:
    answer = client.post("/api/session", headers=token_of("pty_1"))
    assert answer.status_code == 201
    assert answer.get_json().items() >= {"role": "buyer", "party_id": "pty_1"}.items()
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("strongroom_session=")
    for part in ("HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=43200"):
        assert part in cookie
    assert "Domain" not in cookie
    assert client.get("/api/orders/ord_1").status_code == 404
    value = client.get_cookie("strongroom_session")
    assert value is not None
    assert client.delete("/api/session", headers={"Origin": ORIGIN}).status_code == 204
    assert client.get_cookie("strongroom_session") is None
    client.set_cookie("strongroom_session", value.value)
    assert client.get("/api/orders/ord_1").status_code == 401
    assert client.delete("/api/session", headers={"Origin": ORIGIN}).status_code == 204


def test_a_session_is_for_persons(client: FlaskClient, key_of: KeyOf) -> None:
    assert client.post("/api/session", headers=key_of(Role.SERVICE)).status_code == 403
    answer = client.post("/api/session", headers=key_of(Role.ADMIN))
    assert (answer.status_code, answer.get_json()["code"]) == (403, "token_required")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 403),
        ({"Origin": "https://evil.test"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": f"{ORIGIN}.evil.test"}, 403),
        ({"Origin": f"{ORIGIN}:8443"}, 403),
        ({"Origin": "http://shop.test"}, 403),
        ({"Origin": "https://evil.test", "Sec-Fetch-Site": "same-origin"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "none"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 400),
        ({"Origin": ORIGIN}, 400),
        ({"Origin": "http://localhost"}, 400),
    ],
)
def test_a_cookie_alone_changes_nothing_from_foreign_sites(
    client: FlaskClient, token_of: TokenOf, headers: dict[str, str], status: int
) -> None:
    sign_in(client, token_of, "pty_1")
    answer = client.post("/api/payments/intents", json={}, headers=headers)
    assert answer.status_code == status
    if status == 403:
        assert answer.get_json()["code"] == "origin_not_trusted"
        assert client.delete("/api/session", headers=headers).status_code == 403
