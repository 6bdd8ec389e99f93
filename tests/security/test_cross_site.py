"""Row 10: what a page of another site makes a browser send with the session's cookie."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.architecture.routes import routes_of
from tests.web.conftest import ORIGIN, TokenOf
from web.bodies import reads_raw_body
from web.policies import action_of, public_reason_of

HOST = "http://localhost"  # where the client of the tests calls
REFUSED: tuple[dict[str, str], ...] = (
    {"Origin": "https://evil.test"},
    {"Origin": "https://evil.test", "Sec-Fetch-Site": "same-origin"},
    {"Origin": "null"},
    {"Origin": f"{ORIGIN}.evil.test"},
    {"Origin": "http://localhost.evil.test"},
    {"Origin": "http://localhost:81"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "none"},
    {"Referer": ORIGIN},
    {},
)
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data", "text/plain", "text/json", "")


@pytest.fixture
def browser(client: FlaskClient, token_of: TokenOf) -> FlaskClient:
    """A browser in which a finance person is signed in."""
    headers = token_of("pty_f", "finance")
    assert client.post("/api/session", headers=headers).status_code == 201
    return client


@pytest.mark.parametrize("headers", REFUSED, ids=str)
def test_row_10_no_other_site_changes_anything_with_the_cookie(
    browser: FlaskClient, headers: dict[str, str]
) -> None:
    for route in routes_of(browser.application):
        if route.method == "GET" or action_of(route.view) is None:
            continue
        if route.rule == "/api/session":  # needs a token in a header, which no form can send
            continue
        answer = browser.open(route.example, method=route.method, json={}, headers=headers)
        said = answer.get_json()
        assert (answer.status_code, said["code"]) == (403, "origin_not_trusted"), str(route)
    out = browser.delete("/api/session", headers=headers)
    assert out.get_json()["code"] == "origin_not_trusted"
    assert browser.get("/api/payments").status_code == 200


@pytest.mark.parametrize(
    "headers", [{"Origin": ORIGIN}, {"Origin": HOST}, {"Sec-Fetch-Site": "same-origin"}], ids=str
)
def test_our_own_pages_and_trusted_ones_do(browser: FlaskClient, headers: dict[str, str]) -> None:
    answer = browser.post("/api/ledger/exports", json={}, headers=headers)
    assert answer.status_code == 400
    assert "Access-Control-Allow-Origin" not in browser.get("/console/finance").headers


@pytest.mark.parametrize("content_type", FORMS)
def test_no_form_can_write_a_body_that_is_read(browser: FlaskClient, content_type: str) -> None:
    headers = {"Origin": ORIGIN, "Content-Type": content_type}
    for route in routes_of(browser.application):
        if route.method != "GET" and action_of(route.view) and not reads_raw_body(route.view):
            answer = browser.open(
                route.example, method=route.method, data=b'{"reference": "x"}', headers=headers
            )
            assert answer.status_code in (403, 415), str(route)  # 403: not finance's to do


LOADS: tuple[tuple[dict[str, str], bool], ...] = (
    ({"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}, True),
    ({"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, True),
    ({}, True),  # no browser that tells
    ({"Origin": ORIGIN, "Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"}, True),
    (  # a link from elsewhere
        {
            "Sec-Fetch-Site": "cross-site",
            "Sec-Fetch-Mode": "navigate",
            "Sec-Fetch-Dest": "document",
        },
        True,
    ),
    ({"Origin": "https://evil.test", "Sec-Fetch-Site": "cross-site"}, False),
    ({"Origin": "null", "Sec-Fetch-Site": "same-origin"}, False),
    (
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"},
        False,
    ),
    ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, False),
    (
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"},
        False,
    ),
    ({"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "navigate"}, False),
    ({"Sec-Fetch-Site": "nonsense"}, False),
)


@pytest.mark.parametrize(("headers", "allowed"), LOADS, ids=str)
def test_no_other_site_loads_into_its_page_what_the_cookie_shows(
    browser: FlaskClient, headers: dict[str, str], *, allowed: bool
) -> None:
    for path in ("/api/payments", "/console/finance", "/api/ledger/charts/result.svg?asset=EUR"):
        answer = browser.get(path, headers=headers)
        assert (answer.status_code != 403) is allowed, path


def test_a_credential_in_a_header_needs_no_origin(client: FlaskClient, token_of: TokenOf) -> None:
    # No page can make a browser send it: CORS asks first, and the answer is no.
    headers = {**token_of("pty_1"), "Origin": "https://evil.test"}
    assert client.get("/api/payments", headers=headers).status_code == 200
    asked = {**headers, "Access-Control-Request-Headers": "authorization"}
    del asked["Authorization"]
    assert (
        "Access-Control-Allow-Headers" not in client.options("/api/payments", headers=asked).headers
    )


@pytest.mark.parametrize(
    "override",
    [
        {"headers": {"X-HTTP-Method-Override": "DELETE"}},
        {"headers": {"X-HTTP-Method": "DELETE"}},
        {"headers": {"X-Method-Override": "DELETE"}},
        {"query_string": {"_method": "DELETE"}},
    ],
    ids=str,
)
def test_a_get_stays_a_get_and_changes_nothing(
    browser: FlaskClient, override: dict[str, Any]
) -> None:
    headers = {"Origin": ORIGIN, **override.pop("headers", {})}
    assert browser.get("/api/session", headers=headers, **override).status_code == 405
    assert browser.get("/api/payments").status_code == 200


def test_what_is_open_to_anybody_by_method_reads_or_is_signed(client: FlaskClient) -> None:
    """Views that take no credential and write are named one by one, not by a prefix."""
    writing = {
        str(route)
        for route in routes_of(client.application)
        if route.method != "GET" and public_reason_of(route.view)
    }
    assert writing == {
        "DELETE /api/session",
        "POST /api/webhooks/bank",
        "POST /api/webhooks/stripe",
    }
