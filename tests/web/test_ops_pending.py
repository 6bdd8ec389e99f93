"""What waits longer than usual, dead letters and refusals, over HTTP."""

import secrets
from typing import Any

import pytest
from flask.testing import FlaskClient

from payments.access.caller import Role
from tests.web.conftest import Headers, KeyOf


@pytest.fixture
def operator(key_of: KeyOf) -> Headers:
    return key_of(Role.OPERATOR)


@pytest.mark.parametrize(
    "path",
    [
        "/api/ops/pending",
        "/api/ops/asks",
        "/api/ops/dead-letters",
        "/api/ops/webhooks/refusals",
    ],
)
def test_what_there_is_is_listed(client: FlaskClient, operator: Headers, path: str) -> None:
    answer = client.get(path, headers=operator)
    assert answer.status_code == 200, answer.get_json()


def test_all_dead_jobs(client: FlaskClient, operator: Headers) -> None:
    body: dict[str, Any] = {"reference": secrets.token_hex(8), "kind": "job", "all": True}
    answer = client.post(
        "/api/ops/dead-letters/replay", json=body | {"reason": "x"}, headers=operator
    )
    assert answer.status_code == 202, answer.get_json()


def test_poll(client: FlaskClient, operator: Headers) -> None:
    answer = client.post("/api/ops/stripe/poll", json={"reference": "abc"}, headers=operator)
    assert answer.status_code == 202, answer.get_json()
