"""Only named fields: no request sets what it should not, no answer says too much."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from payments.access.caller import KEY_ROLES, PERSON_ROLES, Role
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
from tests.security.test_matrix import Matrix, able, matrix, said
from tests.security.world import Strangers
from web.paths import openapi_path

__all__ = ["api", "keys", "matrix", "one_app", "one_settings", "strangers", "world"]  # fixtures

# What a caller would like to set: of the row, of the books, of another tenant, of the framework.
SMUGGLED: Mapping[str, Any] = {
    "id": "ord_1",
    "status": "succeeded",
    "tenant_id": "another",
    "principal": "key:admin",
    "party_id": "pty_1",
    "owner_id": "pty_1",
    "is_admin": True,
    "kyc_level": "full",
    "livemode": True,
    "amount_captured": "1",
    "fee": "0",
    "requested_by": "somebody",
    "approved_by": "somebody",
    "created_at": "2020-01-01T00:00:00Z",
    "__class__": "x",
    "constructor": {"prototype": {}},
}
_SECRET = re.compile(
    r"_encrypted|^(secret|id)_hash$|^secret$|pepper|password|lease_token|^wrapped$"
)


@pytest.fixture(scope="module")
def document(api: FlaskClient) -> dict[str, Any]:
    found: dict[str, Any] = api.get("/api/openapi.json").get_json()
    return found


def caller_of(roles: frozenset[Role], keys: Keys, strangers: Strangers) -> dict[str, str]:
    role = next(iter(sorted(roles & KEY_ROLES)), None)
    return keys.make(role) if role else sign(strangers.buyer_id, next(iter(roles)))


def test_row_27_only_named_fields_go_in(
    matrix: Matrix, keys: Keys, strangers: Strangers, engine: Engine
) -> None:
    """Each field nobody named is refused, on every route with a body, and nothing is written."""
    before, tried = written(engine), 0
    for name, route in matrix.routes.items():
        if route.method == "GET" or not takes_body(matrix, name):
            continue
        headers = caller_of(able(route), keys, strangers)
        answer = matrix.send(name, headers, matrix.own(), more=SMUGGLED)
        assert said(answer) == (400, "validation"), (name, answer.text)
        errors = answer.get_json()["errors"]
        for field in SMUGGLED.keys() - own_fields(matrix, name):
            at_fault = [fault for fault in errors if fault.split(".")[0] == field]
            assert at_fault, (name, field, errors)
        tried += 1
    assert tried > 40
    assert written(engine) == before


def takes_body(matrix: Matrix, name: str) -> bool:
    return matrix.body_schema(name) is not None


def own_fields(matrix: Matrix, name: str) -> set[str]:
    """The few of them that are fields of the route in earnest."""
    schema = matrix.body_schema(name)
    return set() if schema is None else set(schema().fields)


def written(engine: Engine) -> list[int]:
    tables = ("parties", "orders", "payments", "refunds", "releases", "freezes", "idempotency_keys")
    with engine.connect() as connection:
        return [
            connection.execute(text(f"SELECT count(*) FROM strongroom.{table}")).scalar_one()
            for table in tables
        ]


def test_what_a_body_holds_is_as_strict_all_the_way_down(document: dict[str, Any]) -> None:
    tried = set()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            content = method != "parameters" and operation.get("requestBody", {}).get("content")
            for schema in schemas_in(document, (content or {}).get("application/json", {})):
                tried.add(schema)
                found = document["components"]["schemas"][schema]
                assert found.get("additionalProperties") is False, (path, method, schema)
    assert len(tried) > 30


def schemas_in(document: dict[str, Any], node: Any) -> Iterator[str]:
    for value in (
        node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    ):
        if isinstance(value, str) and value.startswith("#/components/schemas/"):
            name = value.rpartition("/")[2]
            yield name
            yield from schemas_in(document, document["components"]["schemas"][name])
        else:
            yield from schemas_in(document, value)


def test_a_filter_nobody_knows_is_refused(
    matrix: Matrix, keys: Keys, strangers: Strangers, document: dict[str, Any]
) -> None:
    tried = 0
    for name, route in matrix.routes.items():
        described = document["paths"].get(openapi_path(route.rule), {})
        operation = described.get(route.method.lower(), {})
        if not any(one.get("in") == "query" for one in operation.get("parameters", ())):
            continue
        headers = caller_of(able(route), keys, strangers)
        answer = matrix.send(name, headers, matrix.own(), query="tenant_id=1")
        assert said(answer) == (400, "validation"), (name, answer.text)
        assert "tenant_id" in answer.get_json()["errors"]
        tried += 1
    assert tried > 10


def test_only_named_fields_go_out(
    matrix: Matrix, keys: Keys, document: dict[str, Any], one_app: Flask
) -> None:
    """Every field of an answer is one that the description names, and none is a secret."""
    people = matrix.world.shop
    callers = {
        "buyer": sign(people.buyer_id, "buyer"),
        "seller": sign(people.seller_id, "seller"),
        "admin": keys.make(Role.ADMIN),
    }
    read = 0
    for name, route in matrix.routes.items():
        described = document["paths"].get(openapi_path(route.rule), {}).get("get")
        if route.method != "GET" or described is None:
            continue
        for caller, headers in callers.items():
            if caller in able(route):
                answer = matrix.send(name, headers, matrix.own(caller))
                body = answer.get_json(silent=True)
                if answer.status_code == 200 and isinstance(body, dict):
                    shape = described["responses"]["200"]["content"]["application/json"]["schema"]
                    assert_named(document, shape, body, f"{name} by {caller}")
                    read += 1
    assert read > 30
    assert PERSON_ROLES
    assert one_app.debug is False


def assert_named(document: dict[str, Any], schema: Any, value: Any, where: str) -> None:
    schema = resolved(document, schema)
    if isinstance(value, list):
        for one in value:
            assert_named(document, schema.get("items", {}), one, where)
    elif isinstance(value, dict):
        named = schema.get("properties")
        for field, inner in value.items():
            assert not _SECRET.search(field), f"{where}: {field}"
            if named is not None:
                assert field in named, f"{where}: {field} is not described"
                assert_named(document, named[field], inner, f"{where}.{field}")


def resolved(document: dict[str, Any], schema: Any) -> dict[str, Any]:
    """Follow references; of alternatives take the one that describes something."""
    while True:
        alternatives = schema.get("allOf") or schema.get("anyOf") or schema.get("oneOf")
        if alternatives:
            schema = next((one for one in alternatives if "$ref" in one), alternatives[0])
        elif "$ref" in schema:
            schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        else:
            return dict(schema)
