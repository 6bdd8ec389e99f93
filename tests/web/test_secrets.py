"""Rotating and revoking secrets over HTTP, and what each version lets in."""

import dataclasses
import datetime as dt
import json
import secrets
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from flask.testing import FlaskClient

from payments.access.caller import Role
from payments.settings import Settings
from tests.web.conftest import Headers, KeyOf, MakeApp, TokenOf
from tests.web.test_webhooks import deliver, event, signed

Rotate = Callable[..., dict[str, Any]]


@pytest.fixture
def admin(key_of: KeyOf) -> Headers:
    return key_of(Role.ADMIN)


@pytest.fixture
def rotate(client: FlaskClient, admin: Headers) -> Rotate:
    def rotate(kind: str, *, status: int = 201, **body: Any) -> dict[str, Any]:
        whole = {"reference": secrets.token_hex(16)} | body
        answer = client.post(f"/api/secrets/{kind}/rotate", json=whole, headers=admin)
        assert answer.status_code == status, answer.text
        return dict(answer.get_json())

    return rotate


def versions(client: FlaskClient, admin: Headers, kind: str) -> list[dict[str, Any]]:
    listed = client.get("/api/secrets", headers=admin)
    return [one for one in listed.get_json()["data"] if one["kind"] == kind]


def whsec() -> str:
    return f"whsec_{secrets.token_hex(16)}"


def new_jwk(kid: str) -> tuple[ec.EllipticCurvePrivateKey, str]:
    key = ec.generate_private_key(ec.SECP256R1())
    public = jwt.algorithms.ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return key, json.dumps(public | {"kid": kid})


def taken(client: FlaskClient, secret: str) -> bool:
    payload = event()
    return deliver(client, payload, signed(payload, secret=secret))[0] == 200


def drop_stripe_versions(client: FlaskClient, admin: Headers) -> None:
    """Leave room for a test: three versions of a webhook secret may live at once."""
    for one in versions(client, admin, "stripe_webhook"):
        if one["state"] in ("live", "upcoming") and one["origin"] == "stored":
            client.delete(f"/api/secrets/{one['id']}", headers=admin)


def test_a_webhook_secret_is_added_and_signs_at_once_beside_the_old(
    client: FlaskClient, admin: Headers, rotate: Rotate
) -> None:
    drop_stripe_versions(client, admin)
    value = whsec()
    assert not taken(client, value)
    version = rotate("stripe_webhook", value=value)
    assert (version["state"], version["origin"]) == ("live", "stored")
    assert taken(client, value)
    assert taken(client, "whsec_sandbox_old")
    assert client.delete(f"/api/secrets/{version['id']}", headers=admin).status_code == 204
    assert value not in client.get("/api/secrets", headers=admin).text


def test_a_revoked_webhook_secret_is_refused_once_processes_have_looked(
    make_app: MakeApp, settings: Settings, client: FlaskClient, admin: Headers, rotate: Rotate
) -> None:
    drop_stripe_versions(client, admin)
    value = whsec()
    version = rotate("stripe_webhook", value=value)
    assert client.delete(f"/api/secrets/{version['id']}", headers=admin).status_code == 204
    assert client.delete(f"/api/secrets/{version['id']}", headers=admin).status_code == 204
    assert not taken(make_app(settings).test_client(), value)
    [shown] = [
        one for one in versions(client, admin, "stripe_webhook") if one["id"] == version["id"]
    ]
    assert (shown["state"], shown["due_at"]) == ("revoked", None)


def test_an_overlap_of_nothing_ends_what_the_environment_gave(
    make_app: MakeApp, settings: Settings, client: FlaskClient, admin: Headers
) -> None:
    drop_stripe_versions(client, admin)
    old, new = whsec(), whsec()
    own = dataclasses.replace(settings, stripe_webhook_secrets=(old,))
    before = make_app(own).test_client()
    assert taken(before, old)
    drop = {one["id"] for one in versions(client, admin, "stripe_webhook")}
    assert drop
    body = {"reference": secrets.token_hex(16), "value": new, "overlap_s": 0}
    # The four of this database are too many: three may live.
    crowded = before.post("/api/secrets/stripe_webhook/rotate", json=body, headers=admin)
    assert crowded.get_json()["code"] == "conflict"
    for one in versions(client, admin, "stripe_webhook"):
        if one["origin"] == "environment" and one["state"] == "live":
            client.delete(f"/api/secrets/{one['id']}", headers=admin)
            break
    answer = before.post("/api/secrets/stripe_webhook/rotate", json=body, headers=admin)
    assert answer.status_code == 201, answer.text
    after = make_app(own).test_client()
    assert taken(after, new)
    assert not taken(after, old)


def test_the_same_reference_makes_one_version(rotate: Rotate) -> None:
    body = {"reference": "link-once"}
    first = rotate("link_key", **body)
    again = rotate("link_key", status=200, **body)
    assert again["id"] == first["id"]
    assert first["state"] == "upcoming"  # it begins when every process has it
    assert rotate("link_key", status=422, overlap_s=5, **body)["code"] == "reference_reused"


def test_a_token_key_is_added_and_revoked(
    client: FlaskClient, admin: Headers, rotate: Rotate, make_app: MakeApp, settings: Settings
) -> None:
    key, jwk = new_jwk("next")
    now = int(dt.datetime.now(dt.UTC).timestamp())  # noqa: TID251 - the application's clock is real here
    claims = {"iss": "https://id.test", "aud": "strongroom", "sub": "pty_1", "role": "buyer"}
    token = jwt.encode(
        claims | {"iat": now, "exp": now + 600}, key, algorithm="ES256", headers={"kid": "next"}
    )
    bearer = {"Authorization": f"Bearer {token}"}
    assert client.get("/api/orders/ord_1", headers=bearer).status_code == 401
    version = rotate("jwt_key", value=jwk)
    assert client.get("/api/orders/ord_1", headers=bearer).status_code == 404
    client.delete(f"/api/secrets/{version['id']}", headers=admin)
    fresh = make_app(settings).test_client()
    assert fresh.get("/api/orders/ord_1", headers=bearer).status_code == 401


def test_sessions_go_on_when_their_key_rotates(
    client: FlaskClient, rotate: Rotate, token_of: TokenOf
) -> None:
    client.post("/api/session", headers=token_of("pty_1"))
    assert client.get("/api/orders/ord_1").status_code == 404
    rotate("session_key")
    assert client.get("/api/orders/ord_1").status_code == 404


@pytest.mark.parametrize(
    ("kind", "body", "field"),
    [
        ("stripe_webhook", {}, "value"),
        ("stripe_webhook", {"value": "not one of Stripe's"}, "value"),
        ("gocardless_webhook", {"value": "short"}, "value"),
        ("jwt_key", {"value": "{}"}, "value"),
        ("jwt_key", {"value": '{"kty": "EC", "crv": "P-256", "d": "x", "kid": "a"}'}, "value"),
        ("jwt_key", {"value": '{"kty": "oct", "k": "x", "kid": "a"}'}, "value"),
        ("jwt_key", {"value": "[" * 1_000}, "value"),
        ("session_key", {"value": "chosen by somebody, not by chance"}, "value"),
        ("link_key", {"overlap_s": 2_592_001}, "overlap_s"),
        ("link_key", {"starts_at": "2020-01-01T00:00:00Z"}, "starts_at"),
        ("link_key", {"id": "sec_1"}, "id"),
    ],
)
def test_odd_versions_are_refused(
    rotate: Rotate, kind: str, body: dict[str, Any], field: str
) -> None:
    assert set(rotate(kind, status=400, **body)["errors"]) == {field}


def test_a_value_that_was_there_before_is_refused(rotate: Rotate) -> None:
    _, jwk = new_jwk("twice")
    rotate("jwt_key", value=jwk)
    assert rotate("jwt_key", status=409, value=jwk)["code"] == "conflict"


def test_there_are_no_other_kinds(
    client: FlaskClient, admin: Headers, rotate: Rotate, key_of: KeyOf
) -> None:
    assert rotate("password", status=404)["code"] == "not_found"
    assert client.delete("/api/secrets/sec_0", headers=admin).status_code == 404
    operator = key_of(Role.OPERATOR)
    assert client.get("/api/secrets", headers=operator).status_code == 200
    body = {"reference": "r"}
    path = "/api/secrets/link_key/rotate"
    assert client.post(path, json=body, headers=operator).status_code == 403
