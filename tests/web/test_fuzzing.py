"""Whatever is sent, the answer is a considered one: never an internal error."""

import json
from typing import Any
from urllib.parse import quote_from_bytes

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from payments.access.caller import Role
from tests.web.conftest import KeyOf, TokenOf

LINE = {"description": "Tea", "quantity": 1, "unit_amount": "100", "tax_rate": "19"}
CALLS: list[tuple[str, str, dict[str, Any]]] = [
    ("POST", "/api/parties", {"reference": "f", "name": "Ada", "email": "a@b.test"}),
    ("PUT", "/api/parties/pty_0/kyc", {"level": "basic"}),
    (
        "POST",
        "/api/orders",
        {
            "reference": "f",
            "buyer_id": "pty_0",
            "seller_id": "pty_1",
            "currency": "EUR",
            "lines": [LINE],
            "platform_fee": "0",
        },
    ),
    ("POST", "/api/payments/intents", {"reference": "f", "order_id": "ord_0"}),
    ("POST", "/api/keys", {"reference": "f", "name": "Books", "role": "finance", "scopes": []}),
    ("POST", "/api/keys/key_0/rotate", {"reference": "f", "overlap_s": 60}),
]
ROLES = {"/api/keys": Role.ADMIN, "/api/keys/key_0/rotate": Role.ADMIN}

TEXT = st.text() | st.sampled_from(["\x00", "\ud800", "1e999", "-0", "٣", "9" * 80, "null"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)


@pytest.mark.parametrize("call", CALLS, ids=lambda call: f"{call[0]} {call[1]}")
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_odd_bodies_are_refused_in_order(
    client: FlaskClient, key_of: KeyOf, call: tuple[str, str, dict[str, Any]], data: st.DataObject
) -> None:
    method, path, good = call
    body: Any = dict(good)
    if data.draw(st.integers(0, 9)) == 0:
        body = data.draw(JSON)
    elif "lines" in body and data.draw(st.booleans()):
        body["lines"] = [LINE | {data.draw(st.sampled_from(sorted(LINE))): data.draw(JSON)}]
    else:
        body[data.draw(st.sampled_from(sorted(good)) | TEXT)] = data.draw(JSON)
    answer = client.open(
        path,
        method=method,
        data=json.dumps(body),
        content_type="application/json",
        headers=key_of(ROLES.get(path, Role.SERVICE)),
    )
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400:
        assert answer.get_json()["code"] != "internal"


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(odd=st.binary(max_size=60))
def test_odd_paths_queries_and_credentials_are_refused_in_order(
    client: FlaskClient, token_of: TokenOf, odd: bytes
) -> None:
    quoted, header = quote_from_bytes(odd), odd.translate(None, b"\r\n").decode("latin-1")
    known = token_of("pty_0")
    for path, headers, statuses in (
        (f"/api/payments/pay_{quoted}", known, {404, 405, 308}),
        (f"/api/payments?after={quoted}", known, {200, 400}),
        ("/api/payments", {"Authorization": f"Bearer {header}"}, {401}),
        ("/api/payments", {"Cookie": f"strongroom_session={header}"}, {401}),
    ):
        answer = client.get(path, headers=headers)
        assert answer.status_code in statuses, (path, answer.text)
