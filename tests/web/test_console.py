"""The finance desk in a browser: who gets in, what is shown, and that nothing inline runs there."""

import html
import re
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine

from payments.access.caller import PERSON_ROLES, Role
from payments.charts.over_time import CHARTS
from payments.reports.names import DEFINITIONS
from tests.payments.releases.till import Till
from tests.payments.shop import NOW
from tests.web.conftest import Headers, KeyOf, TokenOf

DAY = NOW.date().isoformat()
DESK = "/console/finance"
PERIOD = f"asset=EUR&from={DAY}&to={DAY}"
PAGES = [
    DESK,
    f"{DESK}/periods/{NOW:%Y-%m}",
    f"{DESK}?{PERIOD}",
    f"{DESK}/reports/trial-balance?{PERIOD}",
]
CHART_PATHS = [f"/api/ledger/charts/{name}.svg?{PERIOD}" for name in CHARTS]


@pytest.fixture
def finance(token_of: TokenOf) -> Headers:
    return token_of("pty_finance", Role.FINANCE)


@pytest.mark.parametrize("path", [*PAGES, *CHART_PATHS])
def test_nobody_but_finance_and_admin_gets_in(
    client: FlaskClient, token_of: TokenOf, key_of: KeyOf, path: str
) -> None:
    assert client.get(path).status_code == 401
    for role in Role:
        headers = token_of("pty_0", role) if role in PERSON_ROLES else key_of(role)
        answer = client.get(path, headers=headers)
        expected = 200 if role in {Role.FINANCE, Role.ADMIN} else 403
        assert answer.status_code == expected, (role, answer.text)


def test_a_browser_is_told_how_to_sign_in_and_then_is(
    client: FlaskClient, finance: Headers
) -> None:
    outside = client.get(DESK)
    assert (outside.status_code, outside.mimetype) == (401, "text/html")
    assert "Sign in" in outside.text
    assert outside.headers["Cache-Control"] == "no-store"
    assert client.post("/api/session", headers=finance).status_code == 201
    inside = client.get(DESK)  # with the cookie
    assert inside.status_code == 200
    assert "Trial balance" in inside.text
    assert inside.headers["Cache-Control"] == "no-store"  # also after who read it has left


@pytest.mark.parametrize("path", [*PAGES, "/console/nowhere"])
def test_a_page_may_run_and_load_only_what_is_ours(
    client: FlaskClient, finance: Headers, path: str
) -> None:
    answer = client.get(path, headers=finance)
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert "script-src 'self'; connect-src 'self'; " in policy
    assert re.findall(r"<script[^>]*>", answer.text) == [
        '<script type="module" src="/console/scripts/console.js">'
    ]
    assert not re.search(r"<style|\son\w+=|\sstyle=|javascript:", answer.text)
    assert not re.search(r"(src|href|srcset|action)=\"(https?:)?//", answer.text)


def test_the_desk_shows_what_was_booked_and_leads_to_the_entries(
    client: FlaskClient, engine: Engine, finance: Headers
) -> None:
    Till(engine).paid()
    page = client.get(f"{DESK}?{PERIOD}", headers=finance).text
    assert "assets:stripe:pending" in page
    [link, *_] = re.findall(r'href="([^"]*control=assets:stripe:pending[^"]*)"', page)
    assert link.startswith("/console/finance/reports/general-ledger?")
    assert "as_of=" in link
    ledger = client.get(html.unescape(link), headers=finance).text
    assert "119.00" in ledger
    entries = re.findall(r'href="(/api/ledger/entries/\d+)"', ledger)
    assert client.get(entries[0], headers=finance).status_code == 200


def test_every_report_has_its_page(client: FlaskClient, engine: Engine, finance: Headers) -> None:
    till = Till(engine)
    till.paid()
    desk = client.get(f"{DESK}?{PERIOD}", headers=finance).text
    paths = re.findall(r'href="(/console/finance/reports/[^"]*)"', desk)
    paths.append(f"{DESK}/reports/seller-statement?seller_id={till.seller_id}")
    paths.append(f"{DESK}/reports/account-statement?account=assets:stripe:pending")
    seen = set()
    for path in paths:
        answer = client.get(html.unescape(path), headers=finance)
        assert answer.status_code == 200, path
        seen.add(urlsplit(path).path.rpartition("/")[2])
    assert seen == set(DEFINITIONS)


def test_a_month_is_shown_with_its_checklist(client: FlaskClient, finance: Headers) -> None:
    page = client.get(f"{DESK}/periods/{NOW:%Y-%m}", headers=finance)
    assert page.status_code == 200
    for item in ("reconciled", "invariants hold", "not yet"):
        assert item in page.text
    assert client.get(f"{DESK}/periods/2026-13", headers=finance).status_code == 404


def test_a_filter_that_cannot_be_read_is_named(client: FlaskClient, finance: Headers) -> None:
    answer = client.get(f"{DESK}?from=yesterday", headers=finance)
    assert answer.status_code == 400
    assert "<code>from</code>" in answer.text
    unknown = client.get(f"{DESK}/reports/horoscope", headers=finance)
    assert unknown.status_code == 404


@pytest.mark.parametrize("path", CHART_PATHS)
def test_a_chart_is_a_picture_and_nothing_else(
    client: FlaskClient, engine: Engine, finance: Headers, path: str
) -> None:
    Till(engine).paid()
    answer = client.get(path, headers=finance)
    assert (answer.status_code, answer.mimetype) == (200, "image/svg+xml")
    policy = answer.headers["Content-Security-Policy"]
    assert re.fullmatch(
        r"default-src 'none'; .*frame-ancestors 'none'; style-src 'sha256-[\w+/=]+'", policy
    )
    ET.fromstring(answer.text)  # noqa: S314 - our own


def test_a_chart_is_of_one_asset_that_there_is(client: FlaskClient, finance: Headers) -> None:
    for query in ("", "asset=XAU", "asset=EUR&width=huge", "asset=EUR&from=2026-02-30"):
        answer = client.get(f"/api/ledger/charts/flows.svg?{query}", headers=finance)
        assert (answer.status_code, answer.get_json()["code"]) == (400, "validation"), query
    unknown = client.get("/api/ledger/charts/pie.svg?asset=EUR", headers=finance)
    assert unknown.status_code == 404
