"""Every route, every kind of caller, and what is theirs, another's, or not there at all.

Made from the routes the application serves: a new one without a policy, or without an entry in
matrix_requests.py, fails. For whom something does not belong to, it does not exist: the answer is
the same to the letter as for what was never there.
"""

import dataclasses
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from marshmallow import Schema
from werkzeug.test import TestResponse

from payments.access.caller import KEY_ROLES, PERSON_ROLES, STAFF_ROLES, Role
from tests.architecture.routes import Route, routes_of
from tests.architecture.test_routes import PUBLIC
from tests.security.matrix_requests import MISSING, REQUESTS, Body, Entry, kinds_of, path_of
from tests.security.one_world import (
    Keys,
    api,
    keys,
    now,
    one_app,
    one_settings,
    sign,
    strangers,
    world,
)
from tests.security.world import Strangers, World
from tests.web.conftest import Headers
from web.policies import DANGEROUS, POLICIES

__all__ = ["api", "keys", "one_app", "one_settings", "strangers", "world"]  # fixtures

POLICY_CODES = {"unauthorized", "role_forbidden", "scope_missing", "step_up_required"}
Named = Callable[[str], str]


@dataclasses.dataclass(frozen=True)
class Matrix:
    """Sends the request of a route as somebody."""

    api: FlaskClient
    world: World
    served: dict[str, Route]

    @property
    def routes(self) -> dict[str, Route]:
        """The routes that have an entry, as all must."""
        return {name: route for name, route in self.served.items() if name in REQUESTS}

    def own(self, role: str = "buyer") -> Named:
        """Name what belongs to the world's people."""
        named = {"buyer": self.world.shop.buyer_id, "seller": self.world.shop.seller_id}
        return lambda kind: named.get(kind) or self.world.id_of(kind, role)

    def body_schema(self, route: str) -> type[Schema] | None:
        """The schema of a route's JSON body."""
        told = getattr(self.routes[route].view, "_apidoc", {}).get("arguments", {})
        found = [one for one in told.get("parameters", ()) if one.get("in") == "json"]
        schema = found[0]["schema"] if found else None
        return type(schema) if isinstance(schema, Schema) else schema

    def send(
        self,
        route: str,
        headers: Headers,
        named: Named,
        *,
        more: Body | None = None,
        query: str = "",
    ) -> TestResponse:
        """Send a route's request; `more` is added to its body, `query` to its address."""
        entry, found = REQUESTS[route], self.routes[route]
        path = path_of(found.rule, entry, named)
        path += ("&" if "?" in path else "?") + query if query else ""
        asked: dict[str, Any] = {"headers": {**entry.headers, **headers}}
        if entry.raw is not None:
            asked |= {"data": entry.raw, "content_type": "application/octet-stream"}
        elif (body := entry.json(named)) is not None:
            asked["json"] = {**body, **(more or {})}
        answer = self.api.open(path, method=found.method, **asked)
        answer.get_data()
        answer.close()  # a stream of events has a place until then
        return answer


@pytest.fixture(scope="module")
def matrix(one_app: Flask, api: FlaskClient, world: World) -> Matrix:
    guarded = {str(route): route for route in routes_of(one_app) if str(route) not in PUBLIC}
    return Matrix(api, world, guarded)


def said(answer: TestResponse) -> tuple[int, str]:
    """The status, and the code of a problem; a page of the console says no code."""
    return answer.status_code, (answer.get_json(silent=True) or {}).get("code", "")


def able(route: Route) -> frozenset[Role]:
    return POLICIES[str(route.action)]


def test_every_route_has_a_policy_and_an_entry(matrix: Matrix) -> None:
    assert {name for name, route in matrix.served.items() if route.action is None} == set()
    assert set(matrix.served) == set(REQUESTS), "see matrix_requests.py"
    assert set(POLICIES) >= DANGEROUS


# ---- who is not let in at all --------------------------------------------------------------------


def ended(keys: Keys) -> Iterator[Headers]:
    """Credentials of an administrator that ended, or that never were."""
    stale = int(now().timestamp()) - 3600
    yield {}
    yield keys.make(Role.ADMIN, ended="expired")
    yield keys.make(Role.ADMIN, ended="revoked")
    yield sign("pty_admin", Role.ADMIN, iat=stale, exp=stale + 600)
    yield sign("pty_admin", Role.ADMIN, aud="another")
    yield sign("pty_admin", Role.SERVICE)


def test_nobody_gets_in_without_a_live_credential(matrix: Matrix, keys: Keys) -> None:
    for headers in ended(keys):
        for name in matrix.routes:
            answer = matrix.send(name, headers, matrix.own())
            assert answer.status_code == 401, (name, headers, answer.text)


def test_a_role_reaches_what_its_policy_says_and_nothing_else(
    matrix: Matrix, keys: Keys, strangers: Strangers
) -> None:
    callers = {role: keys.make(role) for role in KEY_ROLES}
    callers[Role.BUYER] = sign(strangers.buyer_id, Role.BUYER)
    callers[Role.SELLER] = sign(strangers.seller_id, Role.SELLER)
    for name, route in matrix.routes.items():
        for role in set(Role) - able(route):
            answer = matrix.send(name, callers[role], matrix.own())
            assert answer.status_code == 403, (name, role, answer.text)
            assert said(answer)[1] in ("role_forbidden", ""), (name, role, answer.text)


def test_a_narrowed_key_does_one_thing(matrix: Matrix, keys: Keys) -> None:
    scopes = ("parties.read", "orders.read")
    narrowed = {
        (role, scope): keys.make(role, scopes=[scope]) for role in KEY_ROLES for scope in scopes
    }
    for name, route in matrix.routes.items():
        scope = next(one for one in scopes if one != route.action)
        for role in able(route) & KEY_ROLES:
            answer = matrix.send(name, narrowed[role, scope], matrix.own())
            assert answer.status_code == 403, (name, role, answer.text)
            assert said(answer)[1] in ("scope_missing", ""), (name, role, answer.text)


def test_staff_need_a_second_factor_and_a_fresh_one_for_what_is_dangerous(matrix: Matrix) -> None:
    old = int(now().timestamp()) - 301
    lacking = {role: sign("pty_staff", role, amr=["pwd"]) for role in STAFF_ROLES}
    stale = {role: sign("pty_staff", role, auth_time=old) for role in STAFF_ROLES}
    for name, route in matrix.routes.items():
        for role in able(route) & STAFF_ROLES:
            answer = matrix.send(name, lacking[role], matrix.own())
            assert answer.status_code == 403, (name, role, answer.text)
            assert said(answer)[1] in ("step_up_required", ""), (name, role, answer.text)
        if route.action in DANGEROUS:
            for role in able(route) & STAFF_ROLES:
                answer = matrix.send(name, stale[role], matrix.own())
                assert said(answer) == (403, "step_up_required"), (name, role, answer.text)


# ---- whose it is ---------------------------------------------------------------------------------


def about_somebodys(route: Route, entry: Entry) -> set[str]:
    return (kinds_of(route.rule) | entry.kinds) - {"buyer", "seller"}


def test_what_belongs_to_others_is_not_there(matrix: Matrix, strangers: Strangers) -> None:
    foreign = {
        Role.BUYER: sign(strangers.buyer_id, Role.BUYER),
        Role.SELLER: sign(strangers.seller_id, Role.SELLER),
    }
    tried = 0
    for name, route in matrix.routes.items():
        if not about_somebodys(route, REQUESTS[name]):
            continue
        for role in able(route) & PERSON_ROLES:
            theirs = matrix.send(name, foreign[role], matrix.own(role.value))
            missing = matrix.send(name, foreign[role], MISSING.__getitem__)
            assert theirs.status_code == 404, (name, role, theirs.text)
            assert shape(theirs) == shape(missing), (name, role)
            tried += 1
    assert tried > 40


def shape(answer: TestResponse) -> tuple[object, ...]:
    """All of an answer that could tell one from another."""
    body = answer.get_json()
    body.pop("request_id")
    headers = {name: value for name, value in answer.headers if name != "X-Request-Id"}
    headers.pop("Date", None)
    return answer.status_code, json.dumps(body), headers


NOT_THERE = ((404, "not_found"), (404, ""))
"""As the API says it, and as a page of the console does."""


def test_what_is_not_there_is_not_there_for_anybody(matrix: Matrix, keys: Keys) -> None:
    callers = {role: keys.make(role) for role in KEY_ROLES}
    for name, route in matrix.routes.items():
        if not about_somebodys(route, REQUESTS[name]):
            continue
        for role in able(route) & KEY_ROLES:
            answer = matrix.send(name, callers[role], MISSING.__getitem__)
            code = "" if answer.mimetype == "text/html" else "not_found"
            assert said(answer) == (404, code), (name, role, answer.text)


def test_owners_and_staff_reach_what_is_there(matrix: Matrix, keys: Keys) -> None:
    shop = matrix.world.shop
    callers = {role: keys.make(role) for role in KEY_ROLES}
    people = {"buyer": sign(shop.buyer_id, "buyer"), "seller": sign(shop.seller_id, "seller")}
    changes_last = sorted(matrix.routes, key=lambda name: not name.startswith("GET"))
    for name in changes_last:
        route, entry = matrix.routes[name], REQUESTS[name]
        named = about_somebodys(route, entry)
        for role in sorted(able(route) - PERSON_ROLES):
            answer = matrix.send(name, callers[role], matrix.own())
            if role in entry.hidden_from:
                assert said(answer) == (404, "not_found"), (name, role, answer.text)
                continue
            assert said(answer) not in NOT_THERE or not named, (name, role, answer.text)
            assert said(answer)[1] not in POLICY_CODES, (name, role, answer.text)
        for owner in entry.owners:
            answer = matrix.send(name, people[owner], matrix.own(owner))
            assert said(answer) != (404, "not_found"), (name, owner, answer.text)
            assert said(answer)[1] not in POLICY_CODES, (name, owner, answer.text)
            if route.method == "GET" and said(answer)[1] != "einvoice_not_available":
                assert answer.status_code == 200, (name, owner, answer.text)


def test_owners_see_no_more_of_each_other_than_they_share(matrix: Matrix) -> None:
    """A payout is the seller's alone, and a party's data and accounts are its own."""
    shop = matrix.world.shop
    buyer = sign(shop.buyer_id, "buyer")
    for name in (
        "GET /api/payouts/<id:payout_id>",
        "GET /api/parties/<id:party_id>",
        "GET /api/parties/<id:party_id>/payout-destinations",
        "POST /api/parties/<id:party_id>/payout-destinations",
    ):
        answer = matrix.send(name, buyer, matrix.own("seller"))
        missing = matrix.send(name, buyer, MISSING.__getitem__)
        assert shape(answer) == shape(missing), name


FILTERS = (
    "/api/payments?order_id={order}",
    "/api/releases?order_id={order}",
    "/api/releases?escrow_id={escrow}",
    "/api/payouts?seller_id={seller}",
    "/api/payouts?order_id={order}",
)


@pytest.mark.parametrize("filtered", FILTERS)
def test_a_filter_says_nothing_of_what_belongs_to_others(
    matrix: Matrix, strangers: Strangers, filtered: str
) -> None:
    caller = sign(strangers.seller_id, "seller")
    ids = matrix.world.ids | {"seller": matrix.world.shop.seller_id}
    theirs = matrix.api.get(filtered.format(**ids), headers=caller)
    missing = matrix.api.get(filtered.format(**MISSING, seller=MISSING["party"]), headers=caller)
    body, other = theirs.get_json(), missing.get_json()
    for one in (body, other):
        one.pop("request_id", None)
    assert (theirs.status_code, body) == (missing.status_code, other), filtered


def test_row_23_every_route_caller_and_object(matrix: Matrix, strangers: Strangers) -> None:
    """The generator itself: what it makes covers every route, and it sees a hole."""
    assert len(matrix.routes) > 90
    assert {str(route.action) for route in matrix.routes.values()} == set(POLICIES)
    people = {name for name, entry in REQUESTS.items() if entry.owners}
    reachable = {n for n, r in matrix.routes.items() if able(r) & PERSON_ROLES}
    everybodys = {"POST /api/session", "GET /api/events"}
    assert people == reachable - everybodys, "name the owners of what people may reach"
    assert kinds_of("/api/x/<id:order_id>/<document:number>.pdf") == {"order", "number"}
    unknown = [name for name in REQUESTS if "id>" in name and "/ops/" not in name]
    assert unknown
    headers = sign(strangers.buyer_id, "buyer")
    assert matrix.send("GET /api/orders/<id:order_id>", headers, matrix.own()).status_code == 404
    owner = sign(matrix.world.shop.buyer_id, "buyer")
    assert matrix.send("GET /api/orders/<id:order_id>", owner, matrix.own()).status_code == 200
