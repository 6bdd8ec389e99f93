"""Rate limits with and without Redis, whom they hold up, and whose address counts."""

import dataclasses
import ipaddress
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from payments.access.caller import Role
from payments.limit_settings import RATE_LIMITS
from payments.settings import Settings
from tests.architecture.routes import routes_of
from tests.architecture.sources import ROOT
from tests.databases import free_port
from tests.web.conftest import Headers, KeyOf, MakeApp, TokenOf
from web.limits import KINDS, is_uncounted, limit_of
from web.policies import POLICIES
from web.request_counts import ALONE_S, RequestCounts

PROXY = ipaddress.ip_network("10.0.0.0/24")
OF_PERSONS = {
    "sign_ins": ("POST", "/api/session"),
    "payments": ("POST", "/api/payments/intents"),
    "releases": ("POST", "/api/parties/pty_0/payout-destinations"),
    "documents": ("GET", "/api/invoices/ord_0.pdf"),
    "requests": ("GET", "/api/payments"),
}


def limited(settings: Settings, **changes: int) -> Settings:
    """Return settings with the usual limits, apart from those given as `person__requests=3`."""
    given = {name.replace("__", "."): most for name, most in changes.items()}
    return dataclasses.replace(settings, rate_limits={**RATE_LIMITS, **given})


def refuses(answer: TestResponse) -> bool:
    """Whether it is a proper refusal for too many requests, or else none."""
    if answer.status_code != 429:
        return False
    assert answer.get_json()["code"] == "rate_limited"
    assert answer.content_type == "application/problem+json"
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    return True


@contextmanager
def redis_without_answers() -> Iterator[str]:
    """A port where somebody listens and says nothing, as a Redis that hangs does."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        yield f"redis://127.0.0.1:{silent.getsockname()[1]}/0"


@pytest.fixture(params=["with Redis", "without Redis", "with a Redis that hangs"])
def redis_state(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Settings]:
    """Settings that lead to a Redis in each state."""
    if request.param == "with Redis":
        yield settings
    elif request.param == "without Redis":
        yield dataclasses.replace(settings, redis_url=f"redis://127.0.0.1:{free_port()}/0")
    else:
        with redis_without_answers() as url:
            yield dataclasses.replace(settings, redis_url=url)


def test_row_21_limits_hold_for_each_person_with_and_without_redis(
    make_app: MakeApp, redis_state: Settings, token_of: TokenOf
) -> None:
    client = make_app(limited(redis_state, person__requests=15)).test_client()
    began_s = time.monotonic()
    for number, (kind, (method, path)) in enumerate(OF_PERSONS.items()):
        most = 15 if kind == "requests" else RATE_LIMITS[f"person.{kind}"]
        person = token_of(f"pty_of{number}")
        answers = [client.open(path, method=method, headers=person) for _ in range(most)]
        assert not any(refuses(answer) for answer in answers), kind
        assert refuses(client.open(path, method=method, headers=person)), kind
        other = token_of(f"pty_other{number}")
        assert not refuses(client.open(path, method=method, headers=other)), kind
    assert time.monotonic() - began_s < 30, "nobody waits for Redis"


def test_one_kind_of_request_leaves_room_for_others(
    make_app: MakeApp, settings: Settings, token_of: TokenOf
) -> None:
    client = make_app(limited(settings, person__documents=1)).test_client()
    person = token_of("pty_reader")
    assert not refuses(client.get("/api/invoices/ord_0.pdf", headers=person))
    assert refuses(client.get("/api/invoices/ord_0.pdf", headers=person))
    assert not refuses(client.get("/api/payments", headers=person))


def test_a_session_and_a_token_of_one_person_count_together(
    make_app: MakeApp, settings: Settings, token_of: TokenOf
) -> None:
    client = make_app(limited(settings, person__requests=2)).test_client()
    person = token_of("pty_twoways")
    client.post("/api/session", headers=person)
    assert not refuses(client.get("/api/payments"))
    assert not refuses(client.get("/api/payments", headers=person))
    assert refuses(client.get("/api/payments"))


def test_a_key_has_room_for_all_buyers_of_a_platform(
    make_app: MakeApp, settings: Settings, key_of: KeyOf
) -> None:
    assert RATE_LIMITS["program.requests"] >= 60_000
    client = make_app(limited(settings, program__requests=70)).test_client()
    one, other = key_of(Role.SERVICE), key_of(Role.SERVICE)
    answers = [client.post("/api/payments/intents", json={}, headers=one) for _ in range(70)]
    assert not any(refuses(answer) for answer in answers), "more than a person may"
    assert refuses(client.get("/api/payments", headers=one))
    assert not refuses(client.get("/api/payments", headers=other))


def test_guessing_is_slowed_down_by_address_and_holds_up_nobody_else(
    make_app: MakeApp, redis_state: Settings, token_of: TokenOf
) -> None:
    client = make_app(limited(redis_state, address__bad_credentials=3)).test_client()
    for guess in ("srk_test_guess", "e30.e30.e30"):
        headers = {"Authorization": f"Bearer {guess}"}
        for _ in range(2):
            last = client.get("/api/payments", headers=headers)
    assert refuses(last)
    elsewhere = {"REMOTE_ADDR": "192.0.2.7"}
    answer = client.get("/api/payments", headers=headers, environ_overrides=elsewhere)
    assert answer.status_code == 401
    assert client.get("/api/payments", headers=token_of("pty_good")).status_code == 200
    assert client.get("/api/payments").status_code == 401, "without any, nothing is guessed"


def test_addresses_of_one_ipv6_network_are_one(make_app: MakeApp, settings: Settings) -> None:
    client = make_app(limited(settings, address__bad_credentials=1)).test_client()
    guess = {"Authorization": "Bearer guess"}

    def ask(address: str) -> TestResponse:
        overrides = {"REMOTE_ADDR": address}
        return client.get("/api/payments", headers=guess, environ_overrides=overrides)

    assert not refuses(ask("2001:db8:1:2::1"))
    assert refuses(ask("2001:db8:1:2:ffff::2"))
    assert not refuses(ask("2001:db8:1:3::1"))
    assert not refuses(ask("198.51.100.1"))
    assert refuses(ask("::ffff:198.51.100.1"))


@pytest.mark.parametrize("path", ["/api/webhooks/stripe", "/api/webhooks/bank"])
def test_unsigned_webhooks_are_slowed_down_by_address(
    make_app: MakeApp, settings: Settings, path: str
) -> None:
    client = make_app(limited(settings, address__bad_signatures=2)).test_client()
    answers = [client.post(path, data=b"{}") for _ in range(3)]
    assert [refuses(answer) for answer in answers] == [False, False, True]


def test_probes_and_signed_webhooks_are_not_counted(app: Flask) -> None:
    uncounted = {str(route) for route in routes_of(app) if is_uncounted(route.view)}
    assert uncounted == {
        "GET /healthz",
        "GET /metrics",
        "GET /readyz",
        "POST /api/webhooks/stripe",
        "POST /api/webhooks/bank",
    }


def test_public_pages_are_counted_by_address(make_app: MakeApp, settings: Settings) -> None:
    client = make_app(limited(settings, address__requests=2)).test_client()
    assert [client.get("/api/docs").status_code for _ in range(3)] == [200, 200, 429]
    assert client.get("/healthz").status_code == 200


def test_every_limit_that_can_apply_is_in_the_table(app: Flask) -> None:
    assert set(KINDS) <= set(POLICIES)
    kinds = {*KINDS.values(), "requests"} | {
        found.counts_as for found in app.view_functions.values() if hasattr(found, "counts_as")
    }
    assert {name for name in RATE_LIMITS if name.startswith("person.")} == {
        f"person.{kind}" for kind in kinds
    }
    for route in routes_of(app):
        name = limit_of(route.view, None)
        assert name in {"address.requests", None}


def test_the_page_tells_the_figures() -> None:
    page = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    [text] = re.findall(r"^\| limit \|.*?\n\n", page, re.MULTILINE | re.DOTALL)
    told = re.findall(r"^\| `([a-z_.]+)` \|.*\| ([\d,]+) \|$", text, re.MULTILINE)
    assert {name: int(most.replace(",", "")) for name, most in told} == RATE_LIMITS


# ---- Redis comes and goes -----------------------------------------------------------------------


def test_one_request_in_two_seconds_looks_whether_redis_is_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with redis_without_answers() as url:
        counts = RequestCounts(url)
        began_s = time.monotonic()
        for _ in range(200):
            counts.wait_s(1_000, "person.requests", "a")
        assert time.monotonic() - began_s < ALONE_S, "one waited, not two hundred"
        now_s = time.monotonic() + ALONE_S
        monkeypatch.setattr("web.request_counts.time.monotonic", lambda: now_s)
        asked = [counts._is_redis_asked() for _ in range(20)]
        assert asked == [True] + [False] * 19
        counts.close()


def test_it_counts_together_again_once_redis_is_back(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts, others = RequestCounts(redis_url), RequestCounts(redis_url)
    assert [others.wait_s(2, "person.requests", "b") for _ in range(2)] == [0, 0]
    counts._go_on_alone(OSError())
    assert counts.wait_s(2, "person.requests", "b") == 0, "alone, it knows of no other"
    now_s = time.monotonic() + ALONE_S
    monkeypatch.setattr("web.request_counts.time.monotonic", lambda: now_s)
    assert 0 < counts.wait_s(2, "person.requests", "b") <= 60
    assert counts.wait_s(2, "person.requests", "b") > 0
    for each in (counts, others):
        each.close()


def test_requests_at_once_are_not_miscounted(redis_url: str) -> None:
    counts = RequestCounts(redis_url)
    passed: list[bool] = []

    def ask() -> None:
        passed.extend(counts.wait_s(50, "person.payments", "c") == 0 for _ in range(20))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    counts.close()
    assert (len(passed), sum(passed)) == (160, 50)


# ---- the caller's address -----------------------------------------------------------------------

SPOOFED = {
    "X-Forwarded-For": "203.0.113.9",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "bank.test",
    "X-Forwarded-Port": "444",
    "X-Forwarded-Prefix": "/elsewhere",
    "Forwarded": "for=203.0.113.9;proto=https;host=bank.test",
}


@pytest.fixture
def seen(make_app: MakeApp, settings: Settings) -> FlaskClient:
    """Calls an application that believes a proxy; `/seen` tells what it took the request for."""
    app = make_app(dataclasses.replace(settings, trusted_proxies=(PROXY,)))
    return _telling(app)


def _telling(app: Flask) -> FlaskClient:
    from flask import request  # noqa: PLC0415 - next to its only use

    from web.policies import public  # noqa: PLC0415 - as above

    @public("a test")
    def tell() -> dict[str, str | None]:
        return {"from": request.remote_addr, "url": request.url}

    app.add_url_rule("/seen", view_func=tell)
    return app.test_client()


def look(client: FlaskClient, peer: str, headers: Headers) -> tuple[str, str]:
    answer = client.get("/seen", headers=headers, environ_overrides={"REMOTE_ADDR": peer})
    found = answer.get_json()
    return found["from"], found["url"]


def test_row_22_only_proxies_that_are_named_say_who_calls(
    seen: FlaskClient, make_app: MakeApp, settings: Settings
) -> None:
    plain = "http://localhost/seen"
    assert look(seen, "192.0.2.1", SPOOFED) == ("192.0.2.1", plain), "not a proxy of ours"
    nobody = _telling(make_app(settings))
    assert look(nobody, "10.0.0.1", SPOOFED) == ("10.0.0.1", plain), "no proxy is named"
    assert look(nobody, "127.0.0.1", SPOOFED) == ("127.0.0.1", plain)
    assert look(seen, "10.0.0.1", SPOOFED) == ("203.0.113.9", "https://bank.test/seen")
    long = {"X-Forwarded-For": "198.51.100.1, 203.0.113.9"}
    assert look(seen, "10.0.0.1", long)[0] == "203.0.113.9", "what is left of it was claimed"
    chain = {"X-Forwarded-For": "198.51.100.1, 203.0.113.9, 10.0.0.2, 10.0.0.3"}
    assert look(seen, "10.0.0.1", chain)[0] == "203.0.113.9"


@pytest.mark.parametrize(
    "claimed",
    ["", "unknown", "203.0.113.9:80", "a b", "10.0.0.2", ",", "<script>", "10.0.0.2," * 50],
)
def test_an_odd_chain_is_never_somebody_elses_address(seen: FlaskClient, claimed: str) -> None:
    address, _ = look(seen, "10.0.0.1", {"X-Forwarded-For": claimed, "X-Forwarded-Proto": "ftp"})
    assert ipaddress.ip_address(address) in PROXY
