"""Hostile JSON: two readings, depth, size, odd numbers and characters; the same on every route."""

import json

import pytest
from flask import Flask
from flask.testing import FlaskClient

from payments.access.caller import Role
from tests.architecture.routes import routes_of
from tests.web.conftest import Headers, KeyOf
from web.bodies import BODY_LIMIT_BYTES, reads_raw_body
from web.json_bodies import DEEPEST
from web.policies import POLICIES

HOSTILE = {
    "twice": (b'{"a": 1, "a": 2}', "twice"),
    "twice, one escaped": (b'{"a": 1, "\\u0061": 2}', "twice"),
    "twice, inside": (b'{"lines": [{"b": 1, "b": 1}]}', "twice"),
    "NaN": (b'{"a": NaN}', "NaN"),
    "Infinity": (b'{"a": [-Infinity]}', "Infinity"),
    "digits": (b'{"a": ' + b"9" * 5_000 + b"}", "100 digits"),
    "decimals": (b'{"a": 0.' + b"1" * 500_000 + b"}", "100 digits"),
    "exponent": (b'{"a": 1e999999999}', "exponent"),
    "deep list": (b'{"a": ' + b"[" * 400_000 + b"]" * 400_000 + b"}", "flatten"),
    "deep object": (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "flatten"),
    "half a character": (b'{"a": "\\ud800"}', "half a character"),
    "half a character as a name": (b'{"\\udfff": 1}', "half a character"),
    "NUL": (b'{"a": "b\\u0000c"}', "NUL"),
    "a mark": (b'\xef\xbb\xbf{"a": 1}', "byte order mark"),
    "UTF-16": ('{"a": 1}'.encode("utf-16"), "UTF-8"),
    "UTF-16 without a mark": ('{"a": 1}'.encode("utf-16-be"), "UTF-8"),
    "Latin-1": ('{"a": "é"}'.encode("latin-1"), "UTF-8"),
    "long UTF-8": (b'{"a": "\xc0\xaf"}', "UTF-8"),
    "cut off": (b'{"a": ', "JSON"),
    "two": (b"{} {}", "JSON"),
    "a comment": (b"{} // more", "JSON"),
}
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def admin(key_of: KeyOf) -> Headers:
    return key_of(Role.ADMIN)


@pytest.mark.parametrize("name", HOSTILE)
def test_what_can_be_read_in_two_ways_is_refused_with_a_remedy(
    client: FlaskClient, admin: Headers, name: str
) -> None:
    body, told = HOSTILE[name]
    answer = client.post("/api/parties", data=body, headers=admin | JSON)
    assert (answer.status_code, answer.get_json()["code"]) == (400, "validation")
    assert told in answer.get_json()["detail"]


def test_row_42_every_route_refuses_the_same_bodies(app: Flask, key_of: KeyOf) -> None:
    """Also those that look at no body: none is left unread, and none is read in another way."""
    client = app.test_client()
    tried = 0
    for route in routes_of(app):
        if route.action is None or route.method not in {"POST", "PUT", "PATCH", "DELETE"}:
            continue
        headers = _somebody(key_of, route.action)
        if headers is None or reads_raw_body(route.view):
            continue
        for name in ("twice", "NaN", "exponent", "half a character", "UTF-16"):
            body, told = HOSTILE[name]
            answer = client.open(
                route.example, method=route.method, data=body, headers=headers | JSON
            )
            assert answer.status_code == 400, (str(route), name, answer.text)
            assert told in answer.get_json()["detail"], str(route)
        large = b'{"a": "' + b"b" * BODY_LIMIT_BYTES + b'"}'
        answer = client.open(route.example, method=route.method, data=large, headers=headers | JSON)
        assert answer.status_code == 413, str(route)
        tried += 1
    assert tried > 40


def test_what_is_as_deep_or_large_as_allowed_is_read(client: FlaskClient, admin: Headers) -> None:
    deep = b'{"reference": "r", "name": ' + b"[" * (DEEPEST - 1) + b"]" * (DEEPEST - 1) + b"}"
    answer = client.post("/api/parties", data=deep, headers=admin | JSON)
    assert answer.get_json()["errors"].keys() == {"name"}, "it was read, and is no name"
    brackets = json.dumps({"reference": "brackets", "name": "[{" * 100})
    assert client.post("/api/parties", data=brackets, headers=admin | JSON).status_code == 201


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "application/json; charset=utf-16"},
        {"Content-Type": "application/json; charset=latin-1"},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
        {"Content-Type": "text/json"},
    ],
)
def test_other_encodings_are_415(client: FlaskClient, admin: Headers, headers: Headers) -> None:
    answer = client.post("/api/parties", data=b"{}", headers=admin | headers)
    assert (answer.status_code, answer.get_json()["code"]) == (415, "unsupported_media_type")


def _somebody(key_of: KeyOf, action: str) -> Headers | None:
    """Return a key that may do it; None when none may."""
    for role in (Role.SERVICE, Role.ADMIN, Role.FINANCE, Role.OPERATOR, Role.SUPPORT):
        if role in POLICIES[action]:
            return key_of(role)
    return None
