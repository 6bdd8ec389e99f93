"""Bank payments over HTTP: links, the providers' webhooks byte for byte, deadlines put off."""

import dataclasses
import datetime as dt
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, select, update
from werkzeug.test import TestResponse

from payments.access.caller import Role
from payments.bank_settings import GoCardlessSettings
from payments.database import transaction
from payments.lifecycle.tables import Payment
from payments.settings import Settings
from payments.webhooks.drain_inbox import drain_inbox
from payments.webhooks.tables import InboxEvent
from tests.payments.conftest import SECRET_KEY, line, simulated
from tests.payments.conftest import Line as StripeLine
from tests.payments.shop import KEYSET, Shop, open_shop
from tests.payments.simulated_bank import (
    WEBHOOK_PATH,
    Bank,
    Delivered,
    bank,
    letterbox,
    running_bank,
)
from tests.web.conftest import Headers, KeyOf, MakeApp, TokenOf
from web.parts import parts_of

__all__ = ["bank", "letterbox", "line", "running_bank", "simulated"]  # fixtures of the domain

BACK = "https://shop.test/back"
SECRETS = ("gc_secret_new", "gc_secret_old")
Post = Callable[..., TestResponse]


@pytest.fixture(scope="module")
def shop(engine: Engine) -> Shop:
    return open_shop(engine)


@pytest.fixture
def settings(settings: Settings, bank: Bank, line: StripeLine) -> Settings:
    gocardless = GoCardlessSettings(
        access_token="sandbox_token", webhook_secrets=SECRETS, api_url="http://127.0.0.1:9"
    )
    return dataclasses.replace(
        settings,
        stripe_api_url=line.url,
        stripe_secret_key=SECRET_KEY,
        truelayer=bank.settings,
        gocardless=gocardless,
        encryption_keyset=KEYSET,  # the shop's: its parties are to be read
    )


@pytest.fixture
def post(client: FlaskClient, shop: Shop, token_of: TokenOf) -> Post:
    """Posts as the buyer, under a fresh reference where none is given."""

    def send(path: str, body: dict[str, Any], headers: Headers | None = None) -> TestResponse:
        content = {"reference": secrets.token_hex(16)} | body
        return client.post(path, json=content, headers=headers or token_of(shop.buyer_id))

    return send


@pytest.fixture
def link(post: Post, shop: Shop) -> Callable[..., TestResponse]:
    def start(**changed: Any) -> TestResponse:
        body = {"order_id": shop.order().id, "return_url": BACK} | changed
        return post("/api/payments/bank/link", body)

    return start


Link = Callable[..., TestResponse]


# ---- links -------------------------------------------------------------------------------------


def test_a_link_is_made_and_given_again(link: Link, post: Post, shop: Shop) -> None:
    body = {"order_id": shop.order().id, "reference": secrets.token_hex(16)}
    first, again = link(**body), link(**body)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.headers["Idempotent-Replayed"] == "true"
    made = first.get_json()
    assert made == again.get_json()
    assert (made["rail"], made["status"], made["next_action"]) == ("bank", "created", None)
    assert made["link_url"].startswith("http")
    assert made["bank"] == {
        "reference": made["bank_reference"],
        "provider_status": None,
        "expires_at": made["expires_at"],
        "amount_received": "0",
    }
    assert post(f"/api/payments/{made['id']}/cancel", {}).get_json()["status"] == "canceled"
    closed = link(**body).get_json()
    assert (closed["status"], closed["link_url"]) == ("canceled", None)
    assert closed["bank"]["provider_status"] == "failed"


def test_no_one_else_sees_the_link(link: Link, client: FlaskClient, key_of: KeyOf) -> None:
    made = link().get_json()
    shown = client.get(f"/api/payments/{made['id']}", headers=key_of(Role.ADMIN)).get_json()
    assert "link_url" not in shown
    assert shown["bank"]["reference"] == made["bank_reference"]


def test_an_untrusted_return_address_is_named(link: Link) -> None:
    answer = link(return_url="https://evil.test/back")
    assert (answer.status_code, answer.get_json()["errors"].keys()) == (400, {"return_url"})


def test_a_bank_that_does_not_answer_is_a_503_that_may_be_repeated(
    link: Link, bank: Bank, shop: Shop
) -> None:
    body = {"order_id": shop.order().id, "reference": secrets.token_hex(16)}
    bank.break_calls({"fault": "close", "when": "after", "times": 1, "path": "/v3/payments"})
    lost = link(**body)
    assert (lost.status_code, lost.get_json()["code"]) == (503, "unavailable")
    assert lost.headers["Retry-After"]
    assert link(**body).get_json()["link_url"]


# ---- webhooks ----------------------------------------------------------------------------------


def deliver(client: FlaskClient, delivered: Delivered, **changed: Any) -> TestResponse:
    told = dataclasses.replace(delivered, **changed)
    return client.post(told.path, data=told.body, headers=told.headers)


def settled(link: Link, bank: Bank, engine: Engine) -> tuple[str, Delivered]:
    """Return a payment whose money has settled, and the webhook that tells it."""
    payment_id = link().get_json()["id"]
    with transaction(engine) as session:
        ref = session.get_one(Payment, payment_id).provider_ref
    for step in ("authorized", "executed", "settled"):
        bank.push(ref, step)
    return payment_id, bank.letterbox.take_about('"payment_settled"', str(ref))


def drain(app: Flask) -> None:
    parts = parts_of(app)
    drain_inbox(
        parts.engine,
        cipher=parts.cipher,
        limit=300,
        now=parts.now(),
        banks=parts.providers.banks,
        retry_window_h=parts.settings.webhook_retry_window_h,
    )


@pytest.fixture
def own_inbox(engine: Engine) -> None:
    """Let nobody's events but the test's be drained: others' were made for another keyset."""
    with transaction(engine) as session:
        new = update(InboxEvent).where(InboxEvent.state == "new")
        session.execute(new.values(state="ignored", finished_at=InboxEvent.received_at))


@pytest.mark.usefixtures("own_inbox")
def test_what_truelayer_signed_is_taken_once_and_its_money_booked(
    app: Flask, client: FlaskClient, link: Link, bank: Bank, engine: Engine
) -> None:
    payment_id, told = settled(link, bank, engine)
    first, again = deliver(client, told), deliver(client, told)
    assert (first.status_code, first.get_json()) == (200, {"received": True, "duplicate": False})
    assert (again.status_code, again.get_json()) == (200, {"received": True, "duplicate": True})
    drain(app)
    with transaction(engine) as session:
        row = session.get_one(Payment, payment_id)
    assert (row.status, row.amount_received, row.provider_status) == (
        "succeeded",
        row.amount,
        "settled",
    )


def test_what_truelayer_did_not_sign_so_is_refused(
    client: FlaskClient, link: Link, bank: Bank, engine: Engine
) -> None:
    _, told = settled(link, bank, engine)
    without = {name: value for name, value in told.headers.items() if name != "Tl-Signature"}
    for changed in (
        {"body": told.body.replace(b"payment_settled", b"payment_failed_")},
        {"body": told.body + b" "},
        {"body": b""},
        {"headers": without},
        {"headers": without | {"Tl-Signature": ""}},
        {"headers": without | {"Tl-Signature": "e30..e30"}},
        {"headers": without | {"Stripe-Signature": "t=1,v1=00"}},
        {"headers": told.headers | {"X-Tl-Webhook-Timestamp": "2026-11-22T12:00:00Z"}},
    ):
        answer = deliver(client, told, **changed)
        assert (answer.status_code, answer.get_json()["code"]) == (400, "invalid_signature")
    assert deliver(client, told).get_json()["duplicate"] is False


@pytest.mark.parametrize("fault", ["wrong_key", "foreign_jku", "tampered", "old_timestamp"])
def test_forgeries_are_refused(
    client: FlaskClient, link: Link, bank: Bank, engine: Engine, fault: str
) -> None:
    bank.knob("webhooks", {fault: 1.0}, method="PUT")
    try:
        payment_id = link().get_json()["id"]
        with transaction(engine) as session:
            ref = str(session.get_one(Payment, payment_id).provider_ref)
        bank.push(ref, "authorized")
        bank.push(ref, "executed")
        forged = bank.letterbox.take_about('"payment_executed"', ref)
    finally:
        bank.knob("webhooks", {fault: 0.0}, method="PUT")
    answer = deliver(client, forged)
    assert (answer.status_code, answer.get_json()["code"]) == (400, "invalid_signature")


def test_a_webhook_of_a_provider_that_is_not_set_up_is_refused(
    make_app: MakeApp, settings: Settings, link: Link, bank: Bank, engine: Engine
) -> None:
    _, told = settled(link, bank, engine)
    without = make_app(dataclasses.replace(settings, truelayer=None)).test_client()
    assert deliver(without, told).get_json()["code"] == "invalid_signature"


def test_an_event_is_not_acknowledged_while_the_database_is_away(
    make_app: MakeApp, settings: Settings, link: Link, bank: Bank, engine: Engine
) -> None:
    _, told = settled(link, bank, engine)
    nowhere = "postgresql://a:b@127.0.0.1:9/c"
    away = make_app(dataclasses.replace(settings, database_url=nowhere)).test_client()
    answer = deliver(away, told)
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0


def test_while_truelayers_keys_cannot_be_had_it_is_to_send_again(
    make_app: MakeApp, settings: Settings, link: Link, bank: Bank, engine: Engine
) -> None:
    _, told = settled(link, bank, engine)
    fresh = make_app(settings).test_client()  # knows no key yet
    bank.break_calls({"method": "GET", "path": "/.well-known/jwks", "fault": "close"})
    answer = deliver(fresh, told)
    assert (answer.status_code, answer.get_json()["code"]) == (503, "unavailable")


def gocardless_events(count: int) -> list[dict[str, Any]]:
    return [
        {
            "id": f"EV{secrets.token_hex(16)}",
            "created_at": "2026-11-22T12:00:01.250Z",
            "resource_type": "payouts",
            "action": "paid",
            "links": {"payout": "PO1"},
            "details": {"origin": "gocardless", "cause": "payout_paid", "description": "Paid."},
            "metadata": {},
            "resource_metadata": {},
        }
        for _ in range(count)
    ]


def tell(client: FlaskClient, events: list[dict[str, Any]], secret: str = SECRETS[0]) -> Any:
    payload = json.dumps({"events": events, "meta": {"webhook_id": "WB1"}}).encode()
    signature = hmac.new(secret.encode(), payload, hashlib.sha256).hexdigest()
    headers = {"Webhook-Signature": signature, "Content-Type": "application/json"}
    return client.post(WEBHOOK_PATH, data=payload, headers=headers)


def stored(engine: Engine, events: list[dict[str, Any]]) -> list[str]:
    ids = [event["id"] for event in events]
    found = select(InboxEvent.event_id).where(
        InboxEvent.provider == "gocardless", InboxEvent.event_id.in_(ids)
    )
    with transaction(engine) as session:
        return sorted(session.scalars(found))


def test_the_events_of_one_webhook_are_kept_one_by_one(client: FlaskClient, engine: Engine) -> None:
    events = gocardless_events(3)
    assert tell(client, events).get_json() == {"received": True, "duplicate": False}
    assert stored(engine, events) == sorted(event["id"] for event in events)
    more = [*events, *gocardless_events(1)]
    assert tell(client, more, SECRETS[1]).get_json()["duplicate"] is False
    assert len(stored(engine, more)) == 4
    assert tell(client, more).get_json()["duplicate"] is True
    assert tell(client, events[:1]).get_json()["duplicate"] is True


def test_the_same_event_twice_in_one_webhook_is_one(client: FlaskClient, engine: Engine) -> None:
    [event] = gocardless_events(1)
    assert tell(client, [event, event]).get_json()["duplicate"] is False
    assert stored(engine, [event]) == [event["id"]]


def test_what_gocardless_did_not_sign_is_refused(client: FlaskClient, engine: Engine) -> None:
    events = gocardless_events(2)
    answer = tell(client, events, "gc_secret_foreign")
    assert (answer.status_code, answer.get_json()["code"]) == (400, "invalid_signature")
    assert stored(engine, events) == []


def test_nothing_of_an_event_is_logged(
    client: FlaskClient, link: Link, bank: Bank, engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    _, told = settled(link, bank, engine)
    deliver(client, told)
    deliver(client, told, body=told.body + b"x")
    out = capsys.readouterr().out
    assert told.headers["Tl-Signature"] not in out
    assert "payment_settled" not in out


# ---- deadlines ---------------------------------------------------------------------------------

EXTEND = "/api/ops/deadlines/extend"


def until(hours: int) -> str:
    at = dt.datetime.now(dt.UTC) + dt.timedelta(hours=hours)  # noqa: TID251 - the application's clock is real
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")


def test_an_operator_puts_deadlines_off(link: Link, post: Post, key_of: KeyOf) -> None:
    made = link().get_json()
    body = {
        "reference": secrets.token_hex(16),
        "payment_ids": [made["id"]],
        "extend_until": until(96),
        "reason": "The bank is slow.",
    }
    operator = key_of(Role.OPERATOR)
    first, again = post(EXTEND, body, operator), post(EXTEND, body, operator)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.headers["Idempotent-Replayed"] == "true"
    expected = {"extended": 1, "extended_until": body["extend_until"]}
    assert first.get_json() == again.get_json() == expected
    for role in (Role.SUPPORT, Role.FINANCE, Role.SERVICE):
        assert post(EXTEND, body, key_of(role)).get_json()["code"] == "role_forbidden"


def test_what_is_wrong_with_it_is_named(post: Post, key_of: KeyOf) -> None:
    operator = key_of(Role.OPERATOR)
    for body, field in (
        ({"extend_until": until(1)}, "reason"),
        ({"reason": "Why", "order_id": "ord_1"}, "extend_until"),
        ({"reason": "Why", "extend_until": until(1)}, "payment_ids"),
        ({"reason": "Why", "extend_until": until(-1), "order_id": "ord_1"}, "extend_until"),
        ({"reason": "Why", "extend_until": until(1), "provider": "stripe"}, "provider"),
    ):
        answer = post(EXTEND, body, operator)
        assert (answer.status_code, set(answer.get_json()["errors"])) == (400, {field})
