"""Payments over HTTP against the simulated Stripe: what a frontend developer relies on."""

import dataclasses
import secrets
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine
from werkzeug.test import TestResponse

from payments.access.caller import Role
from payments.settings import Settings
from tests.payments.conftest import SECRET_KEY, Line, line, simulated
from tests.payments.shop import Shop, open_shop
from tests.web.conftest import Headers, KeyOf, MakeApp, TokenOf

__all__ = ["line", "simulated"]  # fixtures of the domain's tests

DECLINED = "pm_card_visa_chargeDeclinedInsufficientFunds"
THREE_D_SECURE = "pm_card_authenticationRequired"

Post = Callable[..., TestResponse]


@pytest.fixture(scope="module")
def shop(engine: Engine) -> Shop:
    return open_shop(engine)


@pytest.fixture
def settings(settings: Settings, line: Line) -> Settings:
    return dataclasses.replace(settings, stripe_api_url=line.url, stripe_secret_key=SECRET_KEY)


@pytest.fixture
def client(make_app: MakeApp, settings: Settings) -> FlaskClient:
    return make_app(settings).test_client()


@pytest.fixture
def buyer(shop: Shop, token_of: TokenOf) -> Headers:
    return token_of(shop.buyer_id)


@pytest.fixture
def post(client: FlaskClient, buyer: Headers) -> Post:
    """Posts as the buyer, under a fresh reference where none is given."""

    def send(path: str, body: dict[str, Any], headers: Headers | None = None) -> TestResponse:
        content = {"reference": secrets.token_hex(16)} | body
        return client.post(path, json=content, headers=headers or buyer)

    return send


def started(post: Post, shop: Shop, **changed: Any) -> str:
    body = {"order_id": shop.order().id} | changed
    answer = post("/api/payments/intents", body)
    assert answer.status_code == 201, answer.text
    return f"/api/payments/{answer.get_json()['id']}"


def test_a_card_is_charged_and_the_same_request_shows_it_again(post: Post, shop: Shop) -> None:
    path = started(post, shop)
    body = {"reference": secrets.token_hex(16), "payment_method": "pm_card_visa"}
    first, again = post(f"{path}/confirm", body), post(f"{path}/confirm", body)
    assert (first.status_code, again.status_code) == (200, 200)
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert first.get_json() == again.get_json()
    assert first.get_json()["status"] == "succeeded"
    assert first.get_json()["amount_captured"] == first.get_json()["amount"] == "11900"


def test_a_declined_card_says_what_to_tell_the_payer(post: Post, shop: Shop) -> None:
    path = started(post, shop)
    body = {"reference": secrets.token_hex(16), "payment_method": DECLINED}
    for replayed in (None, "true"):
        answer = post(f"{path}/confirm", body)
        problem = answer.get_json()
        assert (answer.status_code, answer.headers.get("Idempotent-Replayed")) == (402, replayed)
        assert answer.content_type == "application/problem+json"
        assert problem["code"] == "card_declined"
        assert problem["stripe_code"] == "insufficient_funds"
        assert problem["message"] == "The card has insufficient funds."
        assert problem["next_step"] == "try_another_card"


def test_the_payer_is_asked_by_their_bank(post: Post, shop: Shop) -> None:
    path = started(post, shop)
    body = {"payment_method": THREE_D_SECURE, "return_url": "https://shop.test/back"}
    payment = post(f"{path}/confirm", body).get_json()
    assert payment["status"] == "requires_action"
    assert payment["next_action"]["type"] == "redirect_to_url"
    assert payment["next_action"]["url"].startswith("http://127.0.0.1:")


def test_an_untrusted_return_address_is_named(post: Post, shop: Shop) -> None:
    path = started(post, shop)
    body = {"payment_method": THREE_D_SECURE, "return_url": "https://evil.test/back"}
    answer = post(f"{path}/confirm", body)
    assert (answer.status_code, answer.get_json()["errors"].keys()) == (400, {"return_url"})


def test_no_answer_is_a_503_that_may_be_repeated(post: Post, shop: Shop, line: Line) -> None:
    path = started(post, shop)
    body = {"reference": secrets.token_hex(16), "payment_method": "pm_card_visa"}
    line.fault = "lost_answer"
    lost = post(f"{path}/confirm", body)
    assert (lost.status_code, lost.get_json()["code"]) == (503, "unavailable")
    assert lost.headers["Retry-After"]
    other = post(f"{path}/cancel", {})
    assert (other.status_code, other.get_json()["code"]) == (409, "in_progress")
    line.fault = None
    assert post(f"{path}/confirm", body).get_json()["status"] == "succeeded"


def test_a_payment_is_canceled(post: Post, shop: Shop) -> None:
    path = started(post, shop)
    assert post(f"{path}/cancel", {}).get_json()["status"] == "canceled"
    again = post(f"{path}/cancel", {})
    assert (again.status_code, again.get_json()["code"]) == (409, "payment_not_cancelable")


def test_what_is_reserved_is_captured_by_the_platform(
    post: Post, shop: Shop, key_of: KeyOf
) -> None:
    path, service = started(post, shop, capture="manual"), key_of(Role.SERVICE)
    assert post(f"{path}/capture", {}, service).get_json()["code"] == "payment_not_capturable"
    post(f"{path}/confirm", {"payment_method": "pm_card_visa"})
    assert post(f"{path}/capture", {}).status_code == 403
    too_much = post(f"{path}/capture", {"amount": "11901"}, service)
    assert (too_much.status_code, too_much.get_json()["code"]) == (409, "amount_too_large")
    assert too_much.get_json()["errors"].keys() == {"amount"}
    assert post(f"{path}/capture", {"amount": 0}, service).status_code == 400
    taken = post(f"{path}/capture", {"amount": "4000"}, service).get_json()
    assert (taken["status"], taken["amount_captured"], taken["amount"]) == (
        "succeeded",
        "4000",
        "11900",
    )


def test_card_numbers_are_not_taken(post: Post, shop: Shop) -> None:
    path = started(post, shop)
    answer = post(f"{path}/confirm", {"payment_method": "4242424242424242"})
    assert (answer.status_code, answer.get_json()["errors"].keys()) == (400, {"payment_method"})
    assert "4242" not in answer.text


def test_the_timeline_shows_the_parties_what_happened_and_the_staff_how(
    client: FlaskClient, post: Post, shop: Shop, buyer: Headers, key_of: KeyOf
) -> None:
    path = started(post, shop)
    post(f"{path}/confirm", {"payment_method": DECLINED})
    post(f"{path}/confirm", {"payment_method": "pm_card_visa"})
    seen = client.get(f"{path}/timeline", headers=buyer).get_json()
    steps = [(step["from_status"], step["to_status"]) for step in seen["events"]]
    assert steps == [(None, "created"), ("created", "failed"), ("failed", "succeeded")]
    assert seen["payment"] == client.get(path, headers=buyer).get_json()
    assert (seen["refunds"], seen["disputes"]) == ([], [])
    assert (seen["calls"], seen["settlement"], seen["ledger_entries"]) == (None, None, None)
    inside = client.get(f"{path}/timeline", headers=key_of(Role.SUPPORT)).get_json()
    assert [(call["operation"], call["state"]) for call in inside["calls"]] == [
        ("create_intent", "done"),
        ("confirm", "declined"),
        ("confirm", "done"),
    ]
    assert inside["settlement"] == []  # Stripe's balance is read by a job
    [entry] = inside["ledger_entries"]
    assert entry["effect_key"].endswith(":charged")
    assert sum(int(posting["amount"]) for posting in entry["lines"]) == 0


def test_a_timeline_is_not_for_strangers(
    client: FlaskClient, post: Post, shop: Shop, token_of: TokenOf
) -> None:
    path = started(post, shop)
    assert client.get(f"{path}/timeline", headers=token_of("pty_0")).status_code == 404
    for action in ("confirm", "cancel"):
        body = {"payment_method": "pm_card_visa"} if action == "confirm" else {}
        assert post(f"{path}/{action}", body, token_of("pty_0")).status_code == 404
