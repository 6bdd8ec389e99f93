"""The console's desks: who gets in, who is offered what, and that nothing of a page runs."""

import re

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine

from payments.access.caller import PERSON_ROLES, Role
from tests.payments.releases.till import Till
from tests.web.conftest import Headers, KeyOf, TokenOf
from web.parts import parts_of
from web.policies import POLICIES

STAFF = {Role.SUPPORT, Role.FINANCE, Role.OPERATOR, Role.ADMIN}
DESKS = {
    "/console/releases": "console.read",
    "/console/webhooks": "webhooks.read",
    "/console/dead-letters": "dead_letters.read",
    "/console/restores": "restores.read",
    "/console/pending": "pending.read",
    "/console/reconciliation": "reconciliation.read",
    "/console/periods": "ledger.read",
    "/console/incidents": "incidents.read",
    "/console/alerts": "alerts.read",
    "/console/secrets": "secrets.read",
    "/console/audit": "audit.read",
}
MUCH = 2_500_000
"""Net, in minor units: enough for a second person."""

each_desk = pytest.mark.parametrize("path", DESKS)


@pytest.fixture
def admin(key_of: KeyOf) -> Headers:
    return key_of(Role.ADMIN)


def calls_of(page: str) -> set[str]:
    """What a page offers to do, ids left out."""
    return {
        re.sub(r"[a-z]{2,4}_\w+", "…", call) for call in re.findall(r'data-call="([^"]+)"', page)
    }


@each_desk
def test_a_desk_is_for_the_roles_of_its_policy(
    client: FlaskClient, key_of: KeyOf, token_of: TokenOf, path: str
) -> None:
    assert client.get(path).status_code == 401
    for role in Role:
        headers = token_of("pty_0", role) if role in PERSON_ROLES else key_of(role)
        answer = client.get(path, headers=headers)
        expected = 200 if role in POLICIES[DESKS[path]] else 403
        assert (answer.status_code, answer.mimetype) == (expected, "text/html"), (role, answer.text)


@each_desk
def test_who_may_not_see_a_desk_is_not_led_to_it(
    client: FlaskClient, key_of: KeyOf, path: str
) -> None:
    for role in STAFF:
        page = client.get("/console/runbooks", headers=key_of(role)).text
        assert (f'<a href="{path}"' in page) == (role in POLICIES[DESKS[path]]), role


@each_desk
def test_a_desk_loads_and_runs_only_what_is_ours(
    client: FlaskClient, admin: Headers, path: str
) -> None:
    answer = client.get(path, headers=admin)
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:|<script>", answer.text)
    assert not re.search(r'(src|href|action)="(https?:)?//', answer.text)
    assert answer.headers["Cache-Control"] == "no-store"


@each_desk
def test_a_filter_that_cannot_be_read_says_so(
    client: FlaskClient, admin: Headers, path: str
) -> None:
    if path in {"/console/periods", "/console/restores"}:
        pytest.skip("it takes none")
    odd = "?after=%00&kind=horoscope&state=odd&outcome=odd&amount=x&status=odd"
    answer = client.get(f"{path}{odd}", headers=admin)
    assert answer.status_code == 400, answer.text
    assert "<code>" in answer.text


@each_desk
def test_an_empty_desk_says_what_that_means(client: FlaskClient, admin: Headers, path: str) -> None:
    page = client.get(path, headers=admin).text
    assert re.search(r'class="nothing"|<tbody>\s*<tr>', page)


OFFERS = {
    ("/console/releases", Role.SUPPORT): {"POST /api/ops/freeze"},
    ("/console/releases", Role.FINANCE): {
        "POST /api/ops/freeze",
        "POST /api/releases/…/approve",
        "POST /api/releases/…/cancel",
    },
    ("/console/releases", Role.OPERATOR): {"POST /api/ops/freeze"},
    ("/console/restores", Role.SUPPORT): set(),
    ("/console/restores", Role.OPERATOR): {"POST /api/ops/restores"},
    ("/console/webhooks", Role.SUPPORT): set(),
    ("/console/webhooks", Role.OPERATOR): {
        "POST /api/ops/webhooks/replay",
        "PUT /api/ops/webhooks/retry-window",
    },
    ("/console/reconciliation", Role.OPERATOR): set(),
    ("/console/reconciliation", Role.FINANCE): {"POST /api/reconciliation/runs"},
    ("/console/incidents", Role.SUPPORT): set(),
    ("/console/incidents", Role.OPERATOR): {"POST /api/ops/incidents"},
    ("/console/pending", Role.FINANCE): set(),
    ("/console/pending", Role.SUPPORT): {"POST /api/ops/asks"},
    ("/console/secrets", Role.OPERATOR): set(),
}


@pytest.mark.parametrize(("path", "role"), OFFERS)
def test_a_desk_offers_what_the_role_may_do_and_nothing_else(
    client: FlaskClient, engine: Engine, key_of: KeyOf, path: str, role: Role
) -> None:
    till = Till(engine)
    till.know("full")
    order = till.paid(MUCH)
    body = {"reference": f"release-{order.id}", "order_id": order.id}
    asked = client.post("/api/escrow/release", json=body, headers=key_of(Role.SERVICE))
    assert asked.get_json()["status"] == "requested", asked.text
    page = client.get(path, headers=key_of(role)).text
    assert calls_of(page) - {"DELETE /api/session"} == OFFERS[path, role]


def test_every_act_of_a_desk_is_a_call_of_the_api(
    client: FlaskClient, admin: Headers, app_rules: set[tuple[str, str]]
) -> None:
    for path in DESKS:
        for call in calls_of(client.get(path, headers=admin).text):
            method, _, target = call.partition(" ")
            rule = target.replace("…", "{}")
            assert any(
                method == known and re.fullmatch(pattern, rule) for known, pattern in app_rules
            ), (path, call)


@pytest.fixture
def app_rules(client: FlaskClient) -> set[tuple[str, str]]:
    """Methods and rules of the API, as patterns."""
    return {
        (method, re.sub(r"<[^>]+>", r"[^/]+", rule.rule))
        for rule in client.application.url_map.iter_rules()
        for method in rule.methods or ()
        if rule.rule.startswith("/api/")
    }


def test_who_asked_for_a_release_is_told_that_somebody_else_approves(
    client: FlaskClient, engine: Engine, token_of: TokenOf
) -> None:
    till = Till(engine)
    till.know("full")
    order = till.paid(MUCH)
    mine, other = token_of("pty_f1", Role.FINANCE), token_of("pty_f2", Role.FINANCE)
    body = {"reference": f"release-{order.id}", "order_id": order.id}
    release = client.post("/api/escrow/release", json=body, headers=mine).get_json()
    approve = f'data-call="POST /api/releases/{release["id"]}/approve"'
    assert approve not in client.get("/console/releases", headers=mine).text
    assert approve in client.get("/console/releases", headers=other).text


def test_a_freeze_stands_on_top_until_two_have_lifted_it(
    client: FlaskClient, engine: Engine, token_of: TokenOf
) -> None:
    order = Till(engine).paid()
    one, two = token_of("pty_o1", Role.OPERATOR), token_of("pty_o2", Role.OPERATOR)
    body = {"reference": order.id, "order_id": order.id, "reason": "Ticket 4711"}
    tried = client.post("/api/ops/freeze?dry_run=true", json=body, headers=one)
    assert (tried.status_code, tried.headers["Dry-Run"]) == (201, "true")
    assert "Ticket 4711" not in client.get("/console/releases", headers=one).text
    frozen = client.post("/api/ops/freeze", json=body, headers=one).get_json()
    assert "Ticket 4711" in client.get("/console/releases", headers=one).text
    lift = {"reference": f"lift-{order.id}", "freeze_id": frozen["id"], "reason": "All is well"}
    assert client.post("/api/ops/unfreeze", json=lift, headers=one).status_code == 202
    assert "a second person does" in client.get("/console/releases", headers=one).text
    assert "Agree and lift it" in client.get("/console/releases", headers=two).text
    assert client.post("/api/ops/unfreeze", json=lift, headers=two).status_code == 200
    assert "Ticket 4711" not in client.get("/console/releases", headers=two).text


def test_a_key_shows_its_uses_and_a_refused_webhook_its_reason(
    client: FlaskClient, admin: Headers
) -> None:
    keys = client.get("/api/keys", headers=admin).get_json()["data"]
    page = client.get(f"/console/secrets/keys/{keys[0]['id']}", headers=admin)
    assert page.status_code == 200, page.text
    missing = client.get("/console/secrets/keys/key_0", headers=admin)
    assert (missing.status_code, missing.mimetype) == (404, "text/html")
    odd = {"Stripe-Signature": "t=1,v1=0", "Content-Type": "application/json"}
    assert client.post("/api/webhooks/stripe", data=b"{}", headers=odd).status_code == 400
    parts_of(client.application).webhook_notes.write()
    assert "What to do" in client.get("/console/webhooks", headers=admin).text
