from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

PROMISED = {
    ("POST", "/api/payments/intents"),
    ("GET", "/api/payments"),
    ("GET", "/api/payments/{payment_id}"),
    ("POST", "/api/webhooks/stripe"),
    ("POST", "/api/parties"),
    ("GET", "/api/parties/{party_id}"),
    ("PUT", "/api/parties/{party_id}/kyc"),
    ("POST", "/api/orders"),
    ("GET", "/api/orders/{order_id}"),
    ("GET", "/api/events"),
    ("GET", "/api/ops/webhooks"),
    ("POST", "/api/ops/webhooks/replay"),
    ("GET", "/api/ops/webhooks/replay/{replay_id}"),
    ("PUT", "/api/ops/webhooks/retry-window"),
    ("GET", "/api/status"),
    ("POST", "/api/session"),
    ("DELETE", "/api/session"),
    ("GET", "/api/ledger/accounts"),
    ("POST", "/api/keys"),
    ("GET", "/api/keys"),
    ("POST", "/api/keys/{key_id}/rotate"),
    ("DELETE", "/api/keys/{key_id}"),
    ("POST", "/api/payments/{payment_id}/confirm"),
    ("POST", "/api/payments/{payment_id}/cancel"),
    ("POST", "/api/payments/{payment_id}/capture"),
    ("GET", "/api/payments/{payment_id}/timeline"),
    ("POST", "/api/payments/stripe/checkout-session"),
    ("POST", "/api/payments/{payment_id}/refunds"),
    ("GET", "/api/payments/{payment_id}/refunds"),
    ("GET", "/api/refunds/{refund_id}"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
}


@pytest.fixture
def document(client: FlaskClient) -> Any:
    return client.get("/api/openapi.json").get_json()


def test_the_document_describes_every_promised_call(document: Any) -> None:
    assert document["openapi"] == "3.1.0"
    described = {
        (method.upper(), path)
        for path, methods in document["paths"].items()
        for method in methods
        if method != "parameters"
    }
    assert described == PROMISED


def test_every_operation_says_what_it_does_and_how_errors_look(document: Any) -> None:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if method != "parameters":
                assert operation["summary"], (method, path)
                assert operation["description"], (method, path)
                assert "default" not in operation["responses"], (method, path)
    assert set(document["components"]["schemas"]["Problem"]["properties"]) >= {"code", "errors"}


def test_two_applications_do_not_share_anything(app: Flask, client: FlaskClient) -> None:
    first = client.get("/api/openapi.json").get_json()
    assert app.test_client().get("/api/openapi.json").get_json() == first


def test_people_can_read_it_without_scripts_or_foreign_servers(client: FlaskClient) -> None:
    page = client.get("/api/docs")
    assert page.mimetype == "text/html"
    for method, path in PROMISED:
        assert f">{method}</span> <code>{path}</code>" in page.text
    assert "For: buyer, service." in page.text
    assert "lines[].unit_amount" in page.text
    assert "<script" not in page.text
    assert "style=" not in page.text
    assert "//" not in page.text.replace("<!doctype html>", "")
    assert "style-src 'self'" in page.headers["Content-Security-Policy"]
    assert client.get("/api/docs.css").mimetype == "text/css"
