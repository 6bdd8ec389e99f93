"""Webhooks that come in: who sent them, when, to whom, and whose figures are booked."""

import dataclasses
import datetime as dt
import hashlib
import hmac
import io
import json
import secrets
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, text, update

from payments.access.caller import Role
from payments.bank_settings import GoCardlessSettings
from payments.database import transaction
from payments.errors import InvalidSignatureError
from payments.intake.poll_payments import poll_payments
from payments.lifecycle.tables import Payment
from payments.log_lines import configure_log_lines
from payments.providers.stripe import intents
from payments.providers.truelayer.adapter import TrueLayer
from payments.settings import Settings
from payments.webhooks.drain_inbox import drain_inbox
from sandbox.stripe.server import SimulatedStripe
from tests.payments.conftest import line, shop, simulated, stripe, stripe_at
from tests.payments.intake.conftest import counter
from tests.payments.intake.counter import Counter
from tests.payments.providers.truelayer.conftest import clock, server, truelayer
from tests.payments.providers.truelayer.keys import Key
from tests.payments.providers.truelayer.scripted_server import ScriptedServer
from tests.payments.providers.truelayer.webhooks import SETTLED, headers, publish, receive
from tests.payments.shop import new_reference
from tests.payments.webhooks.stripe_events import CIPHER
from tests.payments.webhooks.stripe_events import receive as receive_stripe
from tests.web.conftest import KeyOf, MakeApp
from tests.web.test_webhooks import deliver, event, signed
from web.bodies import BODY_LIMIT_BYTES
from web.parts import parts_of

__all__ = [
    "clock",
    "counter",
    "line",
    "server",
    "shop",
    "simulated",
    "stripe",
    "truelayer",
]  # fixtures

BANK_SECRET = "sandbox secret of the bank"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    bank = GoCardlessSettings(
        access_token="sandbox_token", webhook_secrets=(BANK_SECRET,), api_url="http://127.0.0.1:9"
    )
    return dataclasses.replace(settings, gocardless=bank)


def kept(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.scalar(text("SELECT count(*) FROM strongroom.webhook_inbox")) or 0)


def refused(app: Flask, engine: Engine) -> dict[tuple[str, str], int]:
    parts_of(app).webhook_notes.write()
    with engine.connect() as connection:
        rows = connection.execute(
            text(
                "SELECT provider, reason, sum(count) AS n FROM strongroom.webhook_refusals"
                " GROUP BY provider, reason"
            )
        )
        return {(row.provider, row.reason): int(row.n) for row in rows}


STRIPE_ATTACKS: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "forged": ({}, {"secret": "whsec_sandbox_forged"}, "wrong_secret"),
    "old": ({}, {"late_s": -301}, "too_old"),
    "future": ({}, {"late_s": 310}, "in_future"),
    "other mode": ({"livemode": True}, {}, "other_mode"),
    "other account": ({"account": "acct_of_somebody"}, {}, "other_account"),
}


def test_row_34_what_is_not_signed_for_us_now_leaves_a_count_and_nothing_else(
    app: Flask, client: FlaskClient, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, counted = kept(engine), refused(app, engine)
    expected = dict(counted)

    def count(reason: str) -> None:
        expected["stripe", reason] = expected.get(("stripe", reason), 0) + 1

    for content, signing, reason in STRIPE_ATTACKS.values():
        payload = event(**content)
        status, problem = deliver(client, payload, signed(payload, **signing))
        assert (status, problem["code"]) == (400, "invalid_signature"), reason
        count(reason)
    payload = event()
    for edited in (payload + b" ", payload.replace(b"customer.created", b"customer.deleted")):
        assert deliver(client, edited, signed(payload))[0] == 400
        count("wrong_secret")
    for header in ("", "t=1", "v1=ab", "t=x,v1=ab", "t=1,t=2,v1=ab"):
        assert deliver(client, payload, {"Stripe-Signature": header})[0] == 400
        count("malformed")
    large = event(padding="x" * BODY_LIMIT_BYTES)
    assert deliver(client, large, signed(large))[0] == 413
    assert kept(engine) == before
    assert refused(app, engine) == expected
    # Nothing is parsed before it is known who sent it; comparisons take the same time.
    parsed: list[bytes] = []
    monkeypatch.setattr(json, "loads", lambda body, **_: parsed.append(body) or {})  # type: ignore[func-returns-value] # a list
    path, forged = "/api/webhooks/stripe", signed(payload, secret="whsec_sandbox_forged")
    assert client.post(path, data=payload, headers=forged).status_code == 400
    assert payload not in parsed
    for late_s in (-299, 299):
        client.post(path, data=payload, headers=signed(payload, late_s=late_s))
    assert parsed.count(payload) == 2


def test_row_35_three_secrets_may_live_each_with_start_and_end(
    make_app: MakeApp, settings: Settings, engine: Engine, key_of: KeyOf
) -> None:
    app = make_app(dataclasses.replace(settings, stripe_webhook_secrets=("whsec_sandbox_first",)))
    client, admin = app.test_client(), key_of(Role.ADMIN)

    def rotate(**body: Any) -> Any:
        whole = {"reference": secrets.token_hex(16), "value": f"whsec_{secrets.token_hex(16)}"}
        return client.post("/api/secrets/stripe_webhook/rotate", json=whole | body, headers=admin)

    def taken(secret: str) -> bool:
        payload = event()
        return deliver(client, payload, signed(payload, secret=secret))[0] == 200

    listed = client.get("/api/secrets", headers=admin).get_json()["data"]
    _, *older = [one for one in listed if one["kind"] == "stripe_webhook"]
    for one in older:
        if one["state"] in ("live", "upcoming"):
            client.delete(f"/api/secrets/{one['id']}", headers=admin)
    assert taken("whsec_sandbox_first")
    later, now_on = f"whsec_{secrets.token_hex(16)}", f"whsec_{secrets.token_hex(16)}"
    begins = parts_of(app).now() + dt.timedelta(days=1)
    upcoming = rotate(value=later, starts_at=begins.isoformat(), overlap_s=0)
    assert upcoming.get_json()["state"] == "upcoming"
    assert not taken(later)
    assert rotate(value=now_on).status_code == 201
    assert taken(now_on)
    assert taken("whsec_sandbox_first")
    assert rotate().get_json()["code"] == "conflict"  # a fourth
    parts_of(app).webhook_notes.write()
    with engine.connect() as connection:
        matched = connection.execute(
            text(
                "SELECT count(*) FROM strongroom.secret_versions"
                " WHERE kind = 'stripe_webhook' AND last_matched_at IS NOT NULL"
            )
        ).scalar_one()
        whole = str(
            connection.execute(text("SELECT s::text FROM strongroom.secret_versions s")).all()
        )
    assert matched >= 2
    assert now_on not in whole
    assert now_on.encode().hex() not in whole


def test_row_36_a_banks_signature_names_no_other_key_algorithm_or_body(
    truelayer: TrueLayer, server: ScriptedServer
) -> None:
    key = Key("kid-1")
    publish(server, key)
    assert len(receive(truelayer, headers(server, key))) == 1
    asked = len(server.heard)
    attacks: list[tuple[dict[str, str], bytes]] = [
        (headers(server, key, jku=f"{server.url}/evil"), SETTLED),
        (headers(server, key, jku=None), SETTLED),
        (headers(server, key, alg="none"), SETTLED),
        (headers(server, key, alg="HS512"), SETTLED),
        (headers(server, Key("kid-1")), SETTLED),  # another key under a known id
        (headers(server, key), SETTLED.replace(b"1999", b"9999")),
        (headers(server, key, sent_at="2026-11-22T11:54:59Z"), SETTLED),
        (headers(server, key, sent_at="2026-11-22T12:05:01Z"), SETTLED),
        (headers(server, key, path="/api/webhooks/other"), SETTLED),
    ]
    for sent, body in attacks:
        with pytest.raises(InvalidSignatureError):
            receive(truelayer, sent, body=body)
    assert len(server.heard) == asked  # nothing was fetched from where an attacker pointed


def test_row_36_a_gocardless_body_is_what_its_hmac_says(
    app: Flask, client: FlaskClient, engine: Engine
) -> None:
    event_of = {"id": f"EV{secrets.token_hex(6)}", "resource_type": "mandates", "action": "active"}
    whole = event_of | {"created_at": "2026-11-22T12:00:00Z", "links": {}}
    payload = json.dumps({"events": [whole]}).encode()
    right = hmac.digest(BANK_SECRET.encode(), payload, hashlib.sha256).hex()

    def send(signature: str, body: bytes = payload) -> int:
        named = {"Webhook-Signature": signature, "Content-Type": "application/json"}
        return client.post("/api/webhooks/bank", data=body, headers=named).status_code

    before, counted = kept(engine), refused(app, engine)
    assert send(right, payload + b" ") == 400
    assert send(hmac.digest(b"another", payload, hashlib.sha256).hex()) == 400
    for malformed in ("", right[:-2], "none", hashlib.sha1(payload).hexdigest()):  # noqa: S324 - the attack
        assert send(malformed) == 400
    assert kept(engine) == before
    after = refused(app, engine)
    assert after["gocardless", "wrong_secret"] == counted.get(("gocardless", "wrong_secret"), 0) + 2
    assert after["gocardless", "malformed"] == counted.get(("gocardless", "malformed"), 0) + 4
    assert send(right) == 200


def test_row_37_the_providers_api_and_not_an_event_says_how_much(
    counter: Counter, simulated: SimulatedStripe
) -> None:
    payment, engine = counter.start(), counter.shop.engine
    ref = counter.row(payment.id).provider_ref or ""
    with transaction(engine) as session:
        session.execute(update(Payment).values(poll_at=None))
    intents.confirm(
        stripe_at(simulated.url),
        provider_ref=ref,
        payment_method="pm_card_visa",
        return_url=None,
        idempotency_key=new_reference(),
    )
    logged = io.StringIO()
    configure_log_lines("INFO", stream=logged)
    for amount, currency in ((1_000_000, payment.currency), (payment.amount, "usd")):
        intent = {
            "id": ref,
            "object": "payment_intent",
            "amount_received": amount,
            "currency": currency.lower(),
            "metadata": {"payment_id": payment.id},
        }
        told = {
            "id": f"evt_{secrets.token_hex(12)}",
            "object": "event",
            "type": "payment_intent.succeeded",
            "created": int(counter.now.timestamp()),
            "livemode": False,
            "data": {"object": intent},
        }
        receive_stripe(engine, told, now=counter.now)
        drain_inbox(engine, cipher=CIPHER, limit=10, now=counter.now)
        assert "succeeded" not in [status for status, _ in counter.history(payment.id)]
    assert logged.getvalue().count('"event_contradicts_provider"') == 2
    poll_payments(engine, limit=10, now=counter.now, providers=counter.providers)
    assert counter.history(payment.id)[-1] == ("succeeded", "poll")
    assert counter.row(payment.id).amount_captured == payment.amount
