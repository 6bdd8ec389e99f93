"""Card numbers are refused at the door: in every field, every filter, every header that is kept."""

import io
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from flask.testing import FlaskClient
from marshmallow import Schema, fields
from sqlalchemy import Engine, text
from werkzeug.test import TestResponse

from payments.access.caller import KEY_ROLES, Role
from payments.log_lines import configure_log_lines
from tests.architecture.routes import Route
from tests.security.matrix_requests import REQUESTS
from tests.security.one_world import (
    Keys,
    api,
    keys,
    one_app,
    one_settings,
    sign,
    world,
)
from tests.security.test_matrix import Matrix, able, matrix, said
from tests.web.conftest import Headers
from web.schemas.fields import AmountField

__all__ = ["api", "keys", "matrix", "one_app", "one_settings", "world"]  # fixtures

# Published for tests by the networks; as people write them, with blanks, hyphens, and words.
WRITTEN = ("4242424242424242", "5555 5555 5555 4444", "card: 3782-822463-10005, thanks")
DIGITS = ("4242424242424242", "5555555555554444", "378282246310005")
FULL_ACCESS = {"X-Access-Reason": "Ticket 4711"}


def caller_of(route: Route, keys: Keys, matrix: Matrix) -> Headers:
    role = next(iter(sorted(able(route) & KEY_ROLES)), None)
    return keys.make(role) if role else sign(matrix.world.shop.buyer_id, next(iter(able(route))))


def bodies_with(value: str, schema: Schema, body: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Each text of a body in turn replaced by `value`, also inside lists and objects."""
    for name, field in schema.fields.items():
        if isinstance(field, AmountField):
            continue  # in wei, any amount has that many digits
        if isinstance(field, fields.Nested):
            given = body.get(name)
            inner = given[0] if isinstance(given, list) and given else given
            if isinstance(inner, Mapping):
                for where, changed in bodies_with(value, field.schema, inner):
                    whole = {**inner, **changed}
                    yield f"{name}.{where}", {name: [whole] if isinstance(given, list) else whole}
        elif isinstance(field, fields.List):
            yield name, {name: [value]}
        else:
            yield name, {name: value}


@contextmanager
def log_lines() -> Iterator[io.StringIO]:
    """What the process writes down meanwhile."""
    lines = io.StringIO()
    configure_log_lines("DEBUG", stream=lines)
    try:
        yield lines
    finally:
        configure_log_lines("ERROR")


def assert_nowhere(written: str) -> None:
    squeezed = written.replace(" ", "").replace("-", "")
    assert not [digits for digits in DIGITS if digits in squeezed]


def kept_as_text(engine: Engine) -> str:
    """Every row of every table of ours, as text."""
    with engine.connect() as connection:
        tables = connection.execute(
            text(
                "SELECT table_schema, table_name FROM information_schema.tables"
                " WHERE table_schema IN ('strongroom', 'ledger') AND table_type = 'BASE TABLE'"
            )
        ).all()
        return "\n".join(
            str(row[0])
            for schema, table in tables
            for row in connection.execute(text(f'SELECT t::text FROM "{schema}"."{table}" t'))
        )


def test_row_48_a_card_number_is_refused_in_every_field_of_every_route(
    matrix: Matrix, keys: Keys, engine: Engine
) -> None:
    tried = 0
    with log_lines() as lines:
        for name, route in matrix.routes.items():
            schema = matrix.body_schema(name)
            if route.method == "GET" or schema is None:
                continue
            headers = caller_of(route, keys, matrix)
            sample = REQUESTS[name].json(matrix.own()) or {}
            for number, value in enumerate(WRITTEN):
                for field, changed in bodies_with(value, schema(), sample):
                    if number and tried > 100 and field not in TEXTS:
                        continue  # ways of writing are told apart by one function for all fields
                    answer = matrix.send(name, headers, matrix.own(), more=changed)
                    assert said(answer) == (400, "validation"), (name, field, answer.text)
                    assert_nowhere(answer.text)
                    tried += 1
    assert tried > 150
    assert_nowhere(lines.getvalue())
    assert_nowhere(kept_as_text(engine))


TEXTS = frozenset({"reference", "reason", "name", "description", "lines.description", "note"})


def test_nor_is_one_taken_from_an_address_or_a_header(
    matrix: Matrix, keys: Keys, api: FlaskClient
) -> None:
    order = matrix.own()("order")
    admin = keys.make(Role.ADMIN) | FULL_ACCESS
    with log_lines() as lines:
        requests: tuple[Callable[[], TestResponse], ...] = (
            lambda: api.get(f"/api/parties?email={DIGITS[0]}", headers=admin),
            lambda: api.get(f"/api/orders/{DIGITS[0]}", headers=admin),
            lambda: api.get(f"/api/{DIGITS[0]}?card={DIGITS[1]}", headers=admin),
            lambda: api.post(
                "/api/parties",
                json={"name": "Ada"},
                headers=admin | {"Idempotency-Key": WRITTEN[1].replace(" ", "-")},
            ),
            lambda: api.get(
                f"/api/invoices/{order}", headers=admin | {"X-Access-Reason": WRITTEN[1]}
            ),
        )
        for asked in requests:
            answer = asked()
            assert answer.status_code in (400, 404), answer.text
            assert_nowhere(answer.text)
        ignored = api.get(f"/api/orders/{order}?note={DIGITS[2]}", headers=admin)
        assert_nowhere(ignored.text)
        given = api.get(f"/api/orders/{order}", headers=admin | {"X-Request-Id": DIGITS[0]})
        assert given.status_code == 200
        assert_nowhere(given.headers["X-Request-Id"])
    assert_nowhere(lines.getvalue())


@pytest.mark.parametrize("body", ["[" + json.dumps(WRITTEN[0]) + "]", '{"' + DIGITS[0] + '": 1}'])
def test_nor_from_what_is_no_field(keys: Keys, api: FlaskClient, body: str) -> None:
    admin = keys.make(Role.ADMIN)
    with log_lines() as lines:
        answer = api.post("/api/parties", data=body, content_type="application/json", headers=admin)
    assert answer.status_code == 400
    assert_nowhere(answer.text + lines.getvalue())
