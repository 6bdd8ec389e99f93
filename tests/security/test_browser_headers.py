"""Rows 1, 2 and 4 to 9: the headers and the cookie of every answer, whatever it is."""

import dataclasses
import datetime as dt
import re
from collections.abc import Iterator

import jwt
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from payments.settings import Environment, read_settings
from payments.variables import SettingsError, Variables
from tests.architecture.routes import Route, routes_of
from tests.databases import Servers
from tests.web.conftest import ORIGIN, SIGNING_KEY, environment
from web.app import create_app
from web.content_policies import API_POLICY, CONSOLE_POLICY, DOCS_POLICY
from web.parts import parts_of

HTTPS = "https://pay.test"
HSTS = "max-age=63072000; includeSubDomains; preload"
HOSTILE = (
    "null",
    "*",
    "https://evil.test",
    "https://shop.test.evil.test",
    "https://evil-shop.test",
    "https://evilshop.test",
    "https://shopXtest",
    "https://shop.testx",
    "https://a.shop.test",
    "https://shop.test:8443",
    "https://shop.test:443",
    "http://shop.test",
    "https://shop.test/",
    "https://shop.test.",
    "https://SHOP.TEST",
    "https://user@shop.test",
    "https://shop.test@evil.test",
    "https://shop.test\\.evil.test",
    "https://shop.test evil.test",
    "https://shop.test,https://evil.test",
    "https://shop.test%00.evil.test",
    "file://shop.test",
    "https://xn--shp-tma.test",
)


@pytest.fixture(scope="module")
def guarded(database_url: str, servers: Servers) -> Iterator[FlaskClient]:
    """A client of an application that runs as in production."""
    settings = read_settings(
        environment(database_url=database_url, redis_url=servers.logical_redis_url(15))
    )
    app = create_app(dataclasses.replace(settings, environment=Environment.PRODUCTION))
    yield app.test_client()
    parts_of(app).close()


@pytest.fixture(scope="module")
def everywhere(guarded: FlaskClient) -> list[TestResponse]:
    """What every route answers nobody and an admin over HTTPS, and what no route answers."""
    routes = [route for route in routes_of(guarded.application) if not _streams(route)]
    admin = _token("admin")
    seen = [
        _answer(guarded, route.method, route.example, headers)
        for route in routes
        for headers in ({}, admin)
    ]
    for route in routes[::20]:
        seen.append(_answer(guarded, "OPTIONS", route.example, {"Origin": ORIGIN}))
        seen.append(_answer(guarded, "TRACE", route.example, {}))
    seen.append(_answer(guarded, "GET", "/nowhere", {}))
    large = {**admin, "Content-Type": "application/json"}
    seen.append(_answer(guarded, "POST", "/api/parties", large, data=b"x" * 2_000_000))
    return seen


def _streams(route: Route) -> bool:
    return route.rule == "/api/events"  # it does not end


def _token(role: str) -> dict[str, str]:
    now = int(dt.datetime.now(dt.UTC).timestamp())  # noqa: TID251 - the application's clock is real here
    claims = {"iss": "https://id.test", "aud": "strongroom", "sub": f"pty_{role}", "role": role}
    text = jwt.encode(
        claims | {"iat": now, "exp": now + 600, "auth_time": now, "amr": ["mfa"]},
        SIGNING_KEY,
        algorithm="ES256",
        headers={"kid": "tests"},
    )
    return {"Authorization": f"Bearer {text}"}


def _answer(
    client: FlaskClient, method: str, path: str, headers: dict[str, str], data: bytes = b""
) -> TestResponse:
    answer = client.open(path, method=method, headers=headers, data=data, base_url=HTTPS)
    answer.close()
    return answer


def _policy(answer: TestResponse) -> dict[str, str]:
    text = answer.headers["Content-Security-Policy"]
    return dict(part.split(" ", 1) for part in text.split("; "))


def _name(answer: TestResponse) -> str:
    return f"{answer.request.method} {answer.request.path} {answer.status_code}"


def _wrong(answers: list[TestResponse], header: str, value: str) -> Iterator[str]:
    for answer in answers:
        if answer.headers.get_all(header) != [value]:
            yield f"{_name(answer)}: {answer.headers.get_all(header)}"


def test_row_01_every_answer_asks_for_https_for_two_years(everywhere: list[TestResponse]) -> None:
    assert {answer.status_code for answer in everywhere} >= {200, 400, 401, 403, 404, 405, 413}
    assert list(_wrong(everywhere, "Strict-Transport-Security", HSTS)) == []


def test_row_02_the_policy_of_the_api_allows_nothing(everywhere: list[TestResponse]) -> None:
    pages = re.compile(r"/console(/|$)|/api/docs$|/api/ledger/charts/")
    for answer in everywhere:
        if not pages.search(answer.request.path):
            assert _policy(answer) == API_POLICY, _name(answer)
        assert (
            _policy(answer).items()
            >= {
                "default-src": "'none'",
                "base-uri": "'none'",
                "object-src": "'none'",
                "frame-ancestors": "'none'",
            }.items()
        ), _name(answer)
        # Only the console runs scripts: modules of our own origin.
        may_run = "'self'" if answer.request.path.startswith("/console") else None
        if "script-src" in _policy(answer):
            assert _policy(answer)["script-src"] == may_run, _name(answer)
        assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert list(_wrong(everywhere, "X-Frame-Options", "DENY")) == []


def test_the_pages_of_ours_may_load_what_they_show(everywhere: list[TestResponse]) -> None:
    by_path = {
        answer.request.path: _policy(answer)
        for answer in everywhere
        if answer.request.method == "GET"
    }
    assert by_path["/api/docs"] == DOCS_POLICY
    assert by_path["/console/finance"] == CONSOLE_POLICY
    assert CONSOLE_POLICY["form-action"] == "'self'"
    assert DOCS_POLICY["form-action"] == "'none'"


def test_row_04_windows_and_resources_are_isolated_from_other_origins(
    everywhere: list[TestResponse],
) -> None:
    assert list(_wrong(everywhere, "Cross-Origin-Opener-Policy", "same-origin")) == []
    assert list(_wrong(everywhere, "Cross-Origin-Resource-Policy", "same-origin")) == []
    # It would keep Stripe's frames out; the checkout: test_checkout_pages.py.
    assert not any("Cross-Origin-Embedder-Policy" in answer.headers for answer in everywhere)


def test_row_05_content_types_are_said_with_their_charset_and_not_sniffed(
    everywhere: list[TestResponse],
) -> None:
    assert list(_wrong(everywhere, "X-Content-Type-Options", "nosniff")) == []
    for answer in everywhere:
        said = answer.headers.get("Content-Type", "")
        if answer.request.method == "OPTIONS" or answer.status_code in (204, 304):
            continue
        assert said, _name(answer)
        if said.startswith("text/") or "xml" in said:
            assert "charset=utf-8" in said.lower(), f"{_name(answer)}: {said}"
        if answer.status_code >= 400 and not answer.request.path.startswith("/console"):
            assert said == "application/problem+json", _name(answer)


def test_row_06_no_referrer_is_sent_and_no_device_is_opened(
    everywhere: list[TestResponse],
) -> None:
    assert list(_wrong(everywhere, "Referrer-Policy", "no-referrer")) == []
    for answer in everywhere:
        features = answer.headers["Permissions-Policy"].split(", ")
        assert {"camera=()", "geolocation=()", "microphone=()", "payment=()"} <= set(features)
        assert all(feature.endswith("=()") for feature in features)


def test_row_07_no_answer_is_kept_by_caches(everywhere: list[TestResponse]) -> None:
    assert list(_wrong(everywhere, "Cache-Control", "no-store")) == []
    assert not any("ETag" in answer.headers for answer in everywhere)
    for answer in everywhere:
        assert "Origin" in answer.headers["Vary"], _name(answer)


@pytest.mark.parametrize("origin", HOSTILE)
def test_row_08_no_origin_but_the_trusted_ones_may_read(guarded: FlaskClient, origin: str) -> None:
    for method in ("GET", "POST", "OPTIONS"):
        headers = {
            "Origin": origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization",
        }
        answer = guarded.open("/api/payments", method=method, headers=headers, base_url=HTTPS)
        said = [name for name, _ in answer.headers if name.lower().startswith("access-")]
        assert said == [], f"{method} of {origin}"
        assert "Origin" in answer.headers["Vary"]


def test_a_trusted_origin_is_named_alone_and_under_the_api_only(guarded: FlaskClient) -> None:
    asked = {
        "Origin": ORIGIN,
        "Access-Control-Request-Method": "PATCH",
        "Access-Control-Request-Headers": "authorization, x-evil",
        "Access-Control-Request-Private-Network": "true",
    }
    allowed = guarded.options("/api/payments", headers=asked, base_url=HTTPS).headers
    assert allowed.get_all("Access-Control-Allow-Origin") == [ORIGIN]
    assert allowed["Access-Control-Allow-Credentials"] == "true"
    assert allowed["Access-Control-Allow-Headers"] == "authorization"
    assert "TRACE" not in allowed["Access-Control-Allow-Methods"]
    assert allowed.get("Access-Control-Allow-Private-Network", "false") == "false"
    assert int(allowed["Access-Control-Max-Age"]) <= 600
    for path in ("/console/finance", "/readyz", "/xapi/", "/nowhere/api/"):
        headers = guarded.get(path, headers={"Origin": ORIGIN}, base_url=HTTPS).headers
        assert "Access-Control-Allow-Origin" not in headers, path


@pytest.mark.parametrize(
    "origin",
    [
        "*",
        "null",
        "https://*.shop.test",
        "https://shop.test/",
        "https://shop.test?x",
        "https://shop.test#x",
        "https://user@shop.test",
        "https://SHOP.test",
        "https://(a|b).test",
        "shop.test",
        "http://shop.test",
    ],
)
def test_an_origin_that_is_none_keeps_the_application_from_starting(origin: str) -> None:

    reader = Variables({"TRUSTED_ORIGINS": f"https://good.test,{origin}"})
    reader.origins("TRUSTED_ORIGINS")
    with pytest.raises(SettingsError, match="TRUSTED_ORIGINS lists"):
        reader.raise_faults()


def test_row_09_the_cookie_is_tied_to_this_host_and_out_of_scripts_reach(
    guarded: FlaskClient,
) -> None:
    signed_in = guarded.post("/api/session", headers=_token("buyer"), base_url=HTTPS)
    assert signed_in.status_code == 201
    (cookie,) = signed_in.headers.get_all("Set-Cookie")
    name_and_value, *attributes = cookie.split("; ")
    name, _, value = name_and_value.partition("=")
    assert name == "__Host-strongroom_session"
    assert len(value) >= 40
    assert sorted(each for each in attributes if not each.startswith(("Expires", "Max-Age"))) == [
        "HttpOnly",
        "Path=/",
        "SameSite=Lax",
        "Secure",
    ]
    assert f"Max-Age={12 * 3600}" in attributes
    assert value not in signed_in.text
    # The name without the prefix, which another host could set, is not looked at.
    headers = {"Cookie": f"strongroom_session={value}"}
    stranger = guarded.application.test_client()
    assert stranger.get("/api/payments", headers=headers, base_url=HTTPS).status_code == 401
    # Its owner signs out, and it is worth nothing any more.
    gone = guarded.delete("/api/session", headers={"Origin": HTTPS}, base_url=HTTPS)
    assert (gone.status_code, "Max-Age=0" in gone.headers["Set-Cookie"]) == (204, True)
    headers = {"Cookie": f"{name}={value}"}
    assert stranger.get("/api/payments", headers=headers, base_url=HTTPS).status_code == 401


def test_no_other_answer_sets_a_cookie(everywhere: list[TestResponse]) -> None:
    set_by = {_name(answer) for answer in everywhere if "Set-Cookie" in answer.headers}
    assert set_by <= {"POST /api/session 201", "DELETE /api/session 204"}
