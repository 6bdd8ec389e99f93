"""Rows 3 and 11: the pages that take cards, as the sandbox's shop shows how to make them."""

import dataclasses
import hashlib
import json
import re
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from sandbox.shop import app as shop_app
from sandbox.shop.content_policy import REPORTS, checkout_policy, page_policy, permissions
from sandbox.shop.settings import ShopSettings, read_shop_settings
from sandbox.shop.shop import Shop
from tests.databases import ROOT

STRONGROOM = "https://pay.example.com"
URL = "https://shop.example.com"
SHOP = Path(shop_app.__file__).parent
INVENTORY = json.loads((ROOT / "docs" / "checkout-scripts.json").read_text(encoding="utf-8"))
ORDER = {
    "id": "ord_1",
    "amount": "13500",
    "tax_amount": "0",
    "currency": "USD",
    "lines": [],
}
_IMPORTS = re.compile(r"""^import [^'"]*['"]\./([a-z_]+\.js)['"]""", re.MULTILINE)


@pytest.fixture
def settings() -> ShopSettings:
    given = {
        "STRONGROOM_URL": STRONGROOM,
        "STRONGROOM_API_KEY": "srk_test_never_shown",
        "SHOP_IDENTITY_KEY": "never shown either",
    }
    return dataclasses.replace(read_shop_settings(given, port=8001), url=URL)


@pytest.fixture
def browser(settings: ShopSettings, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    monkeypatch.setattr(Shop, "own_order", lambda _shop, _order_id: ORDER)
    return shop_app.create_app(settings).test_client()


def directives(policy: str) -> dict[str, list[str]]:
    return {part.split()[0]: part.split()[1:] for part in policy.split("; ")}


def test_row_03_a_checkout_page_may_load_exactly_what_stripe_needs(browser: FlaskClient) -> None:
    shown = browser.get("/checkout/ord_1", base_url=URL)
    assert shown.status_code == 200
    assert directives(shown.headers["Content-Security-Policy"]) == {
        "default-src": ["'none'"],
        "script-src": ["'self'", "https://js.stripe.com", "https://*.js.stripe.com"],
        "connect-src": ["'self'", STRONGROOM, "https://api.stripe.com"],
        "frame-src": [
            "https://js.stripe.com",
            "https://*.js.stripe.com",
            "https://hooks.stripe.com",
        ],
        "form-action": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'"],
        "base-uri": ["'none'"],
        "object-src": ["'none'"],
        "frame-ancestors": ["'none'"],
        "report-uri": [REPORTS],
        "report-to": ["csp"],
    }
    for path in ("/", "/orders/ord_1", "/staff", "/nowhere"):
        assert "stripe" not in browser.get(path, base_url=URL).headers["Content-Security-Policy"]


def test_the_policy_of_a_stand_in_names_it_in_stripes_place(settings: ShopSettings) -> None:
    stand_in = dataclasses.replace(settings, stripe_js_url="http://127.0.0.1:8002/v3/")
    policy = checkout_policy(stand_in)
    changed = {name for name in policy if policy[name] != page_policy(stand_in).get(name)}
    assert changed == {"script-src", "connect-src", "frame-src"}
    assert "stripe.com" not in " ".join(policy.values())
    assert policy["script-src"] == "'self' http://127.0.0.1:8002"


def test_row_11_the_inventory_names_every_script_of_the_checkout(browser: FlaskClient) -> None:
    page = browser.get("/checkout/ord_1", base_url=URL).text
    asked = re.findall(r'<script[^>]*\ssrc="([^"]+)"', page)
    own = [source for source in asked if source.startswith("/static/")]
    for source in own:  # the modules that they import, and those that these import
        text = (SHOP / source.removeprefix("/")).read_text(encoding="utf-8")
        own += [path for name in _IMPORTS.findall(text) if (path := f"/static/{name}") not in own]
    foreign = [source for source in asked if not source.startswith("/static/")]
    listed = {each["source"]: each for each in INVENTORY["scripts"]}
    assert sorted(listed) == sorted(own + foreign)
    for source in own:
        digest = hashlib.sha256((SHOP / source.removeprefix("/")).read_bytes()).hexdigest()
        assert listed[source]["integrity"] == f"sha256-{digest}", (
            f"{source} has changed: look at the change, then write sha256-{digest} into "
            "docs/checkout-scripts.json"
        )
    assert all(each["why"] for each in listed.values())


def test_the_inventory_names_what_the_policy_allows(settings: ShopSettings) -> None:
    policy = checkout_policy(settings)
    named = [text.replace("{strongroom}", STRONGROOM) for text in INVENTORY["calls"]]
    assert policy["connect-src"].split() == named
    assert policy["frame-src"].split() == INVENTORY["frames"]


def test_the_documented_policies_are_the_shops(settings: ShopSettings) -> None:
    text = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    documented = re.findall(r"^Content-Security-Policy: (.*)$", text, re.MULTILINE)
    assert [directives(policy) for policy in documented] == [
        {name: value.split() for name, value in policy.items()}
        for policy in (checkout_policy(settings), page_policy(settings))
    ]
    assert f"Permissions-Policy: {_listed(permissions(settings))}" in text


def _listed(features: dict[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in features.items())


def test_row_04_the_checkout_lets_the_banks_windows_work(browser: FlaskClient) -> None:
    headers = browser.get("/checkout/ord_1", base_url=URL).headers
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin-allow-popups"
    assert "Cross-Origin-Embedder-Policy" not in headers
    assert headers["X-Frame-Options"] == "DENY"
    assert 'payment=(self "https://js.stripe.com")' in headers["Permissions-Policy"]
    assert "payment=()" in browser.get("/", base_url=URL).headers["Permissions-Policy"]
    assert headers["Reporting-Endpoints"] == f'csp="{URL}{REPORTS}"'
    assert headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("body", "lines"),
    [
        (b'{"csp-report": {"document-uri": "https://s.test/?token=1", "blocked-uri": "x"}}', 1),
        (b'[{"type": "csp-violation", "body": {"documentURL": "https://s.test/"}}]', 1),
        (b"[" + b",".join([b'{"body": {"documentURL": "x"}}'] * 500) + b"]", 20),
        (b'{"csp-report": {"document-uri": ["a"], "blocked-uri": {}}}', 0),
        (b'{"csp-report": 1}', 0),
        (b"[" * 5_000, 0),
        (b"\xff\xfe", 0),
        (b'{"csp-report": {"document-uri": "' + b"a" * 20_000 + b'"}}', 0),
    ],
)
def test_reports_of_violations_are_read_with_care(
    browser: FlaskClient, caplog: pytest.LogCaptureFixture, body: bytes, lines: int
) -> None:
    caplog.set_level("INFO", logger="shop.violations")
    answer = browser.post(REPORTS, data=body, base_url=URL, content_type="application/csp-report")
    assert answer.status_code == 202
    told = [record.getMessage() for record in caplog.records if record.name == "shop.violations"]
    assert len(told) == lines
    assert "token" not in "".join(told)
    assert all(len(line) < 1000 for line in told)


def test_without_https_browsers_report_the_older_way(settings: ShopSettings) -> None:
    policy = page_policy(dataclasses.replace(settings, url="http://127.0.0.1:8001"))
    assert policy["report-uri"] == REPORTS
    assert "report-to" not in policy


def test_no_more_reports_are_written_than_somebody_reads(
    browser: FlaskClient, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sandbox.shop.violations.time.monotonic", lambda: 10_000.0)
    body = json.dumps([{"body": {"documentURL": "https://s.test/"}}] * 20)
    for _ in range(10):
        browser.post(REPORTS, data=body, base_url=URL)
    assert len([record for record in caplog.records if record.name == "shop.violations"]) == 60
