"""Parties, orders and payments over HTTP; what they do inside is tested with their use cases."""

import secrets
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from payments.access.caller import Role
from tests.web.conftest import KeyOf, TokenOf

MakeParty = Callable[[str], str]


@pytest.fixture
def service(key_of: KeyOf) -> dict[str, str]:
    return key_of(Role.SERVICE)


@pytest.fixture
def order(client: FlaskClient, service: dict[str, str], make_party: MakeParty) -> dict[str, str]:
    lines = [
        {"description": "Lamp", "quantity": 2, "unit_amount": "5000", "tax_rate": "19"},
        {"description": "Tea", "quantity": 1, "unit_amount": 600},
    ]
    body = {
        "reference": secrets.token_hex(16),
        "buyer_id": make_party("Buyer"),
        "seller_id": make_party("Seller"),
        "currency": "EUR",
        "lines": lines,
        "platform_fee": "500",
    }
    answer = client.post("/api/orders", json=body, headers=service)
    assert answer.status_code == 201, answer.text
    return dict(answer.get_json())


def test_a_party_is_made_once_per_reference(client: FlaskClient, service: dict[str, str]) -> None:
    body = {"reference": "r-1", "name": "Ada", "email": "ada@example.test", "country": "DE"}
    first = client.post("/api/parties", json=body, headers=service)
    again = client.post("/api/parties", json=body, headers=service)
    assert (first.status_code, again.status_code) == (201, 200)
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert first.get_json() == again.get_json()
    assert first.get_json()["kyc_level"] == "none"
    assert first.get_json()["created_at"].endswith("Z")
    other = client.post("/api/parties", json=body | {"name": "Eve"}, headers=service)
    assert (other.status_code, other.get_json()["code"]) == (422, "reference_reused")


def test_the_reference_may_come_as_a_header_but_both_must_agree(
    client: FlaskClient, service: dict[str, str]
) -> None:
    def post(body: dict[str, str], key: str | None) -> tuple[int, str]:
        headers = service | ({"Idempotency-Key": key} if key is not None else {})
        answer = client.post("/api/parties", json={"name": "Ada"} | body, headers=headers)
        return answer.status_code, answer.get_json().get("code", "")

    assert post({}, "in-header") == (201, "")
    assert post({"reference": "in-header"}, None) == (200, "")
    assert post({"reference": "in-header"}, "in-header") == (200, "")
    assert post({"reference": "a"}, "b") == (400, "validation")
    assert post({}, None) == (400, "reference_required")
    for odd in ("", "with space", "a" * 256, "é"):
        assert post({"reference": odd}, None) == (400, "validation")
    assert post({}, "with space") == (400, "validation")


def test_a_person_sees_themselves_only(
    client: FlaskClient, make_party: MakeParty, token_of: TokenOf
) -> None:
    mine, other = make_party("Mine"), make_party("Other")
    assert client.get(f"/api/parties/{mine}", headers=token_of(mine)).status_code == 200
    missing = client.get("/api/parties/pty_0", headers=token_of(mine))
    foreign = client.get(f"/api/parties/{other}", headers=token_of(mine))
    assert missing.status_code == foreign.status_code == 404
    assert missing.get_json()["detail"] == foreign.get_json()["detail"]


def test_kyc_is_set_by_the_platform_and_not_by_oneself(
    client: FlaskClient, service: dict[str, str], make_party: MakeParty, token_of: TokenOf
) -> None:
    party = make_party("Kyc")
    path = f"/api/parties/{party}/kyc"
    assert client.put(path, json={"level": "full"}, headers=token_of(party)).status_code == 403
    answer = client.put(path, json={"level": "full"}, headers=service)
    assert (answer.status_code, answer.get_json()["kyc_level"]) == (200, "full")
    assert client.put(path, json={"level": "royal"}, headers=service).status_code == 400


def test_an_order_adds_up_in_strings_of_digits(
    client: FlaskClient, service: dict[str, str], order: dict[str, str]
) -> None:
    assert (order["amount"], order["tax_amount"], order["platform_fee"]) == ("12500", "1900", "500")
    read = client.get(f"/api/orders/{order['id']}", headers=service).get_json()
    assert read == order
    assert read["lines"][0] == {
        "description": "Lamp",
        "quantity": 2,
        "unit_amount": "5000",
        "tax_rate": "19",
        "tax_category": "standard",
        "tax_note": None,
    }


def test_an_order_is_shown_to_its_parties_only(
    client: FlaskClient, order: dict[str, str], make_party: MakeParty, token_of: TokenOf
) -> None:
    path = f"/api/orders/{order['id']}"
    for party, role, status in (
        (order["buyer_id"], "buyer", 200),
        (order["seller_id"], "seller", 200),
        (make_party("Stranger"), "buyer", 404),
    ):
        assert client.get(path, headers=token_of(party, role)).status_code == status


def test_buyers_do_not_place_orders(client: FlaskClient, token_of: TokenOf) -> None:
    answer = client.post("/api/orders", json={}, headers=token_of("pty_1"))
    assert (answer.status_code, answer.get_json()["code"]) == (403, "role_forbidden")


def test_when_stripe_is_away_the_payment_waits_and_the_caller_is_told_when_to_try_again(
    client: FlaskClient, order: dict[str, str], token_of: TokenOf, service: dict[str, str]
) -> None:
    buyer = token_of(order["buyer_id"])
    body = {"reference": secrets.token_hex(16), "order_id": order["id"]}
    answer = client.post("/api/payments/intents", json=body, headers=buyer)
    assert (answer.status_code, answer.get_json()["code"]) == (503, "unavailable")
    assert answer.headers["Retry-After"]
    page = client.get(f"/api/payments?order_id={order['id']}", headers=buyer).get_json()
    assert page["next"] is None
    [payment] = page["data"]
    assert (
        payment.items()
        >= {
            "order_id": order["id"],
            "rail": "card",
            "status": "created",
            "amount": "12500",
            "currency": "EUR",
            "amount_refunded": "0",
            "failure": None,
            "next_action": None,
        }.items()
    )
    assert "client_secret" not in payment
    path = f"/api/payments/{payment['id']}"
    for headers, status in (
        (buyer, 200),
        (service, 200),
        (token_of(order["seller_id"], "seller"), 200),
        (token_of("pty_0"), 404),
        ({}, 401),
    ):
        assert client.get(path, headers=headers).status_code == status
    assert client.get("/api/payments", headers=token_of("pty_0")).get_json()["data"] == []


def test_only_the_orders_buyer_or_the_backend_starts_a_payment(
    client: FlaskClient, order: dict[str, str], token_of: TokenOf, key_of: KeyOf
) -> None:
    body = {"reference": secrets.token_hex(16), "order_id": order["id"]}
    for headers, status in (
        (token_of("pty_0"), 404),
        (token_of(order["seller_id"], "seller"), 403),
        (key_of(Role.FINANCE), 403),
    ):
        answer = client.post("/api/payments/intents", json=body, headers=headers)
        assert answer.status_code == status


def test_the_browser_has_no_say_in_the_amount(
    client: FlaskClient, order: dict[str, str], token_of: TokenOf
) -> None:
    body = {"reference": "x", "order_id": order["id"], "amount": "1"}
    answer = client.post("/api/payments/intents", json=body, headers=token_of(order["buyer_id"]))
    assert answer.get_json()["errors"].keys() == {"amount"}
