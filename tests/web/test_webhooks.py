import dataclasses
import datetime as dt
import hashlib
import hmac
import json
import secrets

import pytest
from flask.testing import FlaskClient

from payments.settings import Settings
from tests.web.conftest import MakeApp

SECRET = "whsec_sandbox_new"


def now_s() -> int:
    return int(dt.datetime.now(dt.UTC).timestamp())  # noqa: TID251 - signatures are judged by the real clock


def event(**changes: object) -> bytes:
    content = {
        "id": f"evt_{secrets.token_hex(16)}",
        "object": "event",
        "type": "customer.created",
        "livemode": False,
        "created": now_s(),
        "api_version": "2026-10-28.endive",
        "data": {"object": {"id": "cus_1", "object": "customer"}},
    }
    return json.dumps(content | changes).encode()


def signed(payload: bytes, *, secret: str = SECRET, late_s: int = 0) -> dict[str, str]:
    at = now_s() + late_s
    signature = hmac.new(secret.encode(), b"%d." % at + payload, hashlib.sha256).hexdigest()
    return {"Stripe-Signature": f"t={at},v1={signature}", "Content-Type": "application/json"}


def deliver(
    client: FlaskClient, payload: bytes, headers: dict[str, str]
) -> tuple[int, dict[str, object]]:
    answer = client.post("/api/webhooks/stripe", data=payload, headers=headers)
    return answer.status_code, answer.get_json()


def test_an_event_is_taken_once_and_acknowledged_every_time(client: FlaskClient) -> None:
    payload = event()
    taken = deliver(client, payload, signed(payload))
    again = deliver(client, payload, signed(payload, secret="whsec_sandbox_old"))
    assert taken == (200, {"received": True, "duplicate": False})
    assert again == (200, {"received": True, "duplicate": True})


def test_what_stripe_did_not_sign_now_is_refused(client: FlaskClient) -> None:
    payload = event()
    for headers in (
        {},
        {"Stripe-Signature": ""},
        {"Stripe-Signature": "t=1,v1=00"},
        signed(payload + b" "),
        signed(payload, secret="whsec_sandbox_foreign"),
        signed(payload, late_s=-400),
        signed(payload, late_s=400),
    ):
        status, problem = deliver(client, payload, headers)
        assert (status, problem["code"]) == (400, "invalid_signature")
    assert deliver(client, payload, signed(payload))[1]["duplicate"] is False


def test_the_bytes_are_taken_as_they_are(client: FlaskClient) -> None:
    payload = event().replace(b'"object": "event"', b'"object" :   "event" ')
    headers = signed(payload) | {"Content-Type": "text/plain"}
    assert deliver(client, payload, headers)[0] == 200


def test_an_event_is_not_acknowledged_while_the_database_is_away(
    make_app: MakeApp, settings: Settings
) -> None:
    away = dataclasses.replace(settings, database_url="postgresql://a:b@127.0.0.1:9/c")
    payload = event()
    answer = (
        make_app(away)
        .test_client()
        .post("/api/webhooks/stripe", data=payload, headers=signed(payload))
    )
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0


def test_nothing_of_an_event_is_logged(
    client: FlaskClient, capsys: pytest.CaptureFixture[str]
) -> None:
    payload = event(type="canary.of.the.test")
    headers = signed(payload)
    deliver(client, payload, headers)
    deliver(client, payload + b"x", headers)
    out = capsys.readouterr().out
    assert "canary" not in out
    assert headers["Stripe-Signature"] not in out
