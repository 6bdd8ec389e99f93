"""What waits longer than usual, dead letters and refusals, over HTTP."""

import secrets
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

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
    body: dict[str, Any] = {"reference": secrets.token_hex(16), "kind": "job", "all": True}
    answer = client.post(
        "/api/ops/dead-letters/replay", json=body | {"reason": "x"}, headers=operator
    )
    assert answer.status_code == 202, answer.get_json()


def test_a_dead_letter_is_discarded_at_its_desk(
    client: FlaskClient, engine: Engine, operator: Headers, key_of: KeyOf
) -> None:
    with engine.begin() as connection:
        letter = connection.execute(
            text(
                "INSERT INTO strongroom.outbox (job, args, state, due_at, attempts, error,"
                " created_at, finished_at) VALUES ('issue_invoice', '{}', 'dead', now(), 8, 'x',"
                " now(), now()) RETURNING 'obx_' || id"
            )
        ).scalar_one()
    desk, discard = "/console/dead-letters?kind=job", "POST /api/ops/dead-letters/discard"
    assert discard in client.get(desk, headers=operator).text
    assert discard not in client.get(desk, headers=key_of(Role.SUPPORT)).text
    body: dict[str, Any] = {
        "reference": secrets.token_hex(16),
        "kind": "job",
        "reason": "Done by hand",
    }
    assert client.post("/api/ops/dead-letters/discard", json=body, headers=operator).get_json()[
        "errors"
    ].keys() == {"ids"}
    body |= {"ids": [letter]}
    made = client.post("/api/ops/dead-letters/discard", json=body, headers=operator)
    assert (made.status_code, made.get_json()["accepted"]) == (201, 1)
    page = client.get(desk, headers=operator).text
    assert f'id="{letter}"' not in page
    assert "1 discarded" in page
    kept = client.get(f"{desk}&discarded=true", headers=operator).text
    assert f'id="{letter}"' in kept
    assert "“Done by hand”" in kept
    assert discard not in kept
    replay = {"reference": secrets.token_hex(16), "kind": "job", "ids": [letter], "reason": "x"}
    path = "/api/ops/dead-letters/replay"
    assert client.post(path, json=replay, headers=operator).get_json()["accepted"] == 1
    assert f'id="{letter}"' not in client.get(f"{desk}&discarded=true", headers=operator).text


def test_poll(client: FlaskClient, operator: Headers) -> None:
    answer = client.post("/api/ops/stripe/poll", json={"reference": "abc"}, headers=operator)
    assert answer.status_code == 202, answer.get_json()
