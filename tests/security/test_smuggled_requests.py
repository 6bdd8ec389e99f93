"""Requests that say one thing to what checks them and another to what serves them."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient

from payments.access.caller import Role
from tests.security.one_world import (
    Keys,
    api,
    keys,
    one_app,
    one_settings,
    sign,
    strangers,
    world,
)
from tests.security.world import Strangers, World

__all__ = ["api", "keys", "one_app", "one_settings", "strangers", "world"]  # fixtures


def odd_paths(order: str) -> Iterator[str]:
    """Ways to spell the list of keys, or somebody's order, that a proxy and we may read apart."""
    yield from ("//api/keys", "/api//keys", "///api///keys", "/api/./keys", "/api/orders/../keys")
    yield from ("/api/orders/..%2fkeys", "/api/orders/%2e%2e/keys", "/api/orders%2f..%2fkeys")
    yield from ("/api%2fkeys", "/api/%6beys", "/API/KEYS", "/api/keys/", "/api/keys;a=1")
    yield from (
        "/api/keys%00",
        "/api/keys%20",
        "/api/keys%0d%0aX:1",
        "/api/keys%3f",
        "/api/keys.json",
    )
    yield from (f"//api//orders//{order}", f"/api/orders/%2f{order}", f"/api/orders/{order}%2f")
    yield from (f"/api/orders/{order}/", f"/api/orders/{order}%00", f"/api/orders/{order.lower()}")
    yield from (
        f"/api/orders/{order},x",
        f"/api/orders/{order}%0a",
        "/api/orders/*",
        "/api/orders/%",
    )
    yield from ("/api/orders/' OR '1'='1", "/api/orders/$ne", "/api/orders/..", "/\\evil.test/api")


def test_no_spelling_of_a_path_leads_past_its_policy(
    api: FlaskClient, world: World, strangers: Strangers
) -> None:
    for path in odd_paths(world.ids["order"]):
        for headers in ({}, sign(strangers.buyer_id, Role.BUYER)):
            answer = api.get(path, headers=headers)
            assert answer.status_code in (308, 400, 401, 403, 404), (path, answer.status_code)
            if answer.status_code == 308:  # slashes are merged: on this host, to the policy there
                where = urlsplit(answer.headers["Location"])
                assert where.netloc in ("", "localhost"), path
                assert api.get(where.path, headers=headers).status_code in (401, 403, 404), path


OVERRIDES = ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "X-Method")


def test_a_method_is_the_one_of_the_request_line(
    api: FlaskClient, world: World, keys: Keys
) -> None:
    service, path = keys.make(Role.SERVICE), f"/api/parties/{world.shop.buyer_id}/kyc"
    for header in OVERRIDES:
        answer = api.post(path, json={"level": "full"}, headers={**service, header: "PUT"})
        assert answer.status_code == 405, header
    for query in ("_method=PUT", "method=PUT", "X-HTTP-Method-Override=PUT"):
        assert (
            api.post(f"{path}?{query}", json={"level": "full"}, headers=service).status_code == 405
        )
    form = api.post(path, data={"_method": "PUT", "level": "full"}, headers=service)
    assert form.status_code == 405
    for method in ("TRACE", "CONNECT", "PROPFIND", "DEBUG", "get"):
        answer = api.open("/api/keys", method=method, headers=keys.make(Role.ADMIN))
        assert answer.status_code in (400, 405, 501) or method == "get", method


REWRITES = {
    "X-Original-URL": "/api/keys",
    "X-Rewrite-URL": "/api/keys",
    "X-Forwarded-Prefix": "/api/keys",
    "X-Forwarded-Uri": "/api/keys",
    "X-Accel-Redirect": "/api/keys",
    "X-Script-Name": "/console",
}
CLAIMED = {
    "X-User-Id": "pty_1",
    "X-Party-Id": "pty_1",
    "X-Role": "admin",
    "X-Principal": "key:1",
    "X-Forwarded-User": "admin",
    "X-Remote-User": "admin",
    "Remote-User": "admin",
    "X-Client-Cert": "CN=admin",
    "X-Forwarded-For": "127.0.0.1",
    "X-Real-Ip": "127.0.0.1",
    "Forwarded": "for=127.0.0.1",
}


@pytest.mark.parametrize("header", sorted(REWRITES | CLAIMED))
def test_no_other_header_says_who_calls_or_what(
    api: FlaskClient, strangers: Strangers, header: str
) -> None:
    said = {header: (REWRITES | CLAIMED)[header]}
    assert api.get("/api/keys", headers=said).status_code == 401
    buyer = sign(strangers.buyer_id, Role.BUYER)
    assert api.get("/api/keys", headers=buyer | said).status_code == 403
    listed = api.get("/api/payments", headers=buyer | said)
    assert listed.get_json() == {"data": [], "next": None}


def test_one_credential_and_it_alone_counts(
    api: FlaskClient, world: World, keys: Keys, strangers: Strangers
) -> None:
    admin = keys.make(Role.ADMIN)["Authorization"]
    buyer = sign(strangers.buyer_id, Role.BUYER)["Authorization"]
    for twice in (f"{buyer}, {admin}", f"{admin},{buyer}", f"{buyer} {admin}", f"{admin}\t{buyer}"):
        assert api.get("/api/keys", headers={"Authorization": twice}).status_code == 401, twice
    for scheme in ("Basic", "Digest", "Token", "ApiKey", ""):
        text = f"{scheme} {admin.split()[1]}".strip()
        assert api.get("/api/keys", headers={"Authorization": text}).status_code == 401, scheme
    assert api.get("/api/keys", headers={"authorization": admin}).status_code == 200
    assert api.get("/api/keys", headers={"AUTHORIZATION": admin.lower()}).status_code == 401
    for name in ("api_key", "API_KEY", "access_token", "Token"):
        answer = api.get(f"/api/keys?{name}={admin.split()[1]}")
        assert answer.get_json()["code"] == "credentials_in_url", name
    # A cookie beside a token is not asked: who sends both is who the token says.
    answer = api.get(
        f"/api/orders/{world.ids['order']}",
        headers={"Authorization": buyer, "Cookie": "strongroom_session=x; strongroom_session=y"},
    )
    assert answer.status_code == 404


def test_a_parameter_given_twice_shows_nothing_of_others(
    api: FlaskClient, world: World, strangers: Strangers
) -> None:
    """Whichever of the two counts, it is filtered by who calls."""
    buyer, theirs = sign(strangers.buyer_id, Role.BUYER), world.ids["order"]
    own = "ord_00000000000000000000000000"
    for query in (
        f"order_id={own}&order_id={theirs}",
        f"order_id={theirs}&order_id={own}",
        f"order_id[]={theirs}",
        f"order_id={own}%26order_id={theirs}",
        f"order_id={theirs}&limit=1&limit=100",
    ):
        answer = api.get(f"/api/payments?{query}", headers=buyer)
        assert theirs not in answer.text
        assert answer.status_code == 400 or answer.get_json()["data"] == [], query


def test_head_and_options_tell_no_more_than_get(
    api: FlaskClient, world: World, strangers: Strangers
) -> None:
    path = f"/api/orders/{world.ids['order']}"
    assert api.head(path).status_code == 401
    assert api.head(path, headers=sign(strangers.buyer_id, Role.BUYER)).status_code == 404
    there, missing = (api.options(one) for one in (path, "/api/orders/ord_0"))
    assert (there.status_code, there.text) == (missing.status_code, missing.text)
