import dataclasses
import ipaddress

import pytest
from flask.testing import FlaskClient

from payments.access.caller import Role
from payments.settings import Environment, Settings
from tests.web.conftest import ORIGIN, KeyOf, MakeApp, TokenOf
from web.content_policies import API_POLICY

EVERYWHERE = [
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/api/status"),
    ("GET", "/api/openapi.json"),
    ("GET", "/api/keys"),
    ("GET", "/api/nowhere"),
    ("POST", "/api/webhooks/stripe"),
    ("DELETE", "/api/parties"),
]


@pytest.fixture
def production(settings: Settings) -> Settings:
    return dataclasses.replace(settings, environment=Environment.PRODUCTION)


@pytest.mark.parametrize(("method", "path"), EVERYWHERE)
def test_every_answer_protects_browsers(
    make_app: MakeApp, production: Settings, method: str, path: str
) -> None:
    client = make_app(production).test_client()
    headers = client.open(path, method=method, base_url="https://api.test").headers
    assert headers["Content-Security-Policy"] == "; ".join(
        f"{name} {sources}" for name, sources in API_POLICY.items()
    )
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Strict-Transport-Security"] == "max-age=63072000; includeSubDomains; preload"
    assert "Origin" in headers["Vary"]
    if path.startswith("/api/"):
        assert headers["Cache-Control"] == "no-store"


def test_outside_the_sandbox_plain_http_is_sent_away(
    make_app: MakeApp, production: Settings
) -> None:
    client = make_app(production).test_client()
    answer = client.get("/api/keys", base_url="http://api.test")
    assert (answer.status_code, answer.location) == (301, "https://api.test/api/keys")
    for proxies, status in ((("127.0.0.0/8",), 200), (("10.0.0.0/8",), 301), ((), 301)):
        networks = tuple(map(ipaddress.ip_network, proxies))
        app = make_app(dataclasses.replace(production, trusted_proxies=networks))
        told = app.test_client().get(
            "/healthz", base_url="http://api.test", headers={"X-Forwarded-Proto": "https"}
        )
        assert told.status_code == status, proxies


def test_the_sandbox_speaks_plain_http(client: FlaskClient) -> None:
    answer = client.get("/healthz")
    assert answer.status_code == 200
    assert "Strict-Transport-Security" not in answer.headers


def test_a_trusted_origin_may_call_with_credentials(client: FlaskClient) -> None:
    for method in ("GET", "OPTIONS"):
        headers = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
        answer = client.open("/api/payments", method=method, headers=headers)
        assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
        assert answer.headers["Access-Control-Allow-Credentials"] == "true"
        assert "Origin" in answer.headers["Vary"]
    exposed = client.get("/api/payments", headers={"Origin": ORIGIN}).headers
    assert {"Idempotent-Replayed", "Repr-Digest", "Retry-After", "X-Request-Id"} <= set(
        exposed["Access-Control-Expose-Headers"].split(", ")
    )


def test_a_page_of_a_trusted_origin_may_say_why_it_looks(client: FlaskClient) -> None:
    asked = {
        "Origin": ORIGIN,
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "X-Access-Reason",
    }
    answer = client.options("/api/invoices/ord_1.pdf", headers=asked)
    assert answer.headers["Access-Control-Allow-Headers"] == "X-Access-Reason"


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "*",
        "https://shop.test.evil.test",
        "https://evil.test",
        "https://evil-shop.test",
        "https://shopXtest",
        "http://shop.test",
        "https://shop.test:8443",
        "https://a.shop.test",
        "https://shop.test/",
        "http://127.0.0.1:24002",
        "http://127.0.0.1",
    ],
)
def test_no_other_origin_may(client: FlaskClient, origin: str) -> None:
    for method in ("GET", "OPTIONS"):
        headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        answer = client.open("/api/payments", method=method, headers=headers)
        assert "Access-Control-Allow-Origin" not in answer.headers


def test_the_cookie_is_tied_to_the_host_and_https(
    make_app: MakeApp, production: Settings, token_of: TokenOf
) -> None:
    client = make_app(production).test_client()
    answer = client.post("/api/session", headers=token_of("pty_1"), base_url="https://api.test")
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-strongroom_session=")
    for part in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"):
        assert part in cookie
    assert "Domain" not in cookie
    assert client.get("/api/orders/ord_1", base_url="https://api.test").status_code == 404


def test_answers_to_callers_are_not_kept(client: FlaskClient, key_of: KeyOf) -> None:
    answer = client.get("/api/keys", headers=key_of(Role.ADMIN))
    assert answer.headers["Cache-Control"] == "no-store"


def test_without_an_origin_nothing_is_said_about_origins(client: FlaskClient) -> None:
    assert "Access-Control-Allow-Origin" not in client.get("/healthz").headers
