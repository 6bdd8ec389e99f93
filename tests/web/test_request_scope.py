import json

import pytest
from flask.testing import FlaskClient

from payments.access.caller import Role
from payments.log_lines import current_request_id
from tests.web.conftest import KeyOf


def test_the_callers_request_id_comes_back_and_is_logged(
    client: FlaskClient, key_of: KeyOf, capsys: pytest.CaptureFixture[str]
) -> None:
    headers = {**key_of(Role.ADMIN), "X-Request-Id": "shop-7f3a.1"}
    answer = client.get("/api/keys?limit=5", headers=headers)
    assert answer.headers["X-Request-Id"] == "shop-7f3a.1"
    [line] = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    assert (
        line.items()
        >= {
            "event": "request",
            "request_id": "shop-7f3a.1",
            "method": "GET",
            "path": "/api/keys",
            "status": 200,
            "role": "admin",
        }.items()
    )
    assert headers["Authorization"].removeprefix("Bearer ") not in json.dumps(line)


@pytest.mark.parametrize(
    "given",
    ["", "short", "a" * 129, "with space", "x\u00e9xxxxxxx", "4242424242424242", "a{b}cdefgh"],
)
def test_an_odd_request_id_is_replaced(client: FlaskClient, given: str) -> None:
    answer = client.get("/healthz", headers={"X-Request-Id": given})
    assert answer.headers["X-Request-Id"].startswith("req_")


def test_nothing_of_a_request_is_left_behind_it(client: FlaskClient) -> None:
    first, second = (client.get("/healthz").headers["X-Request-Id"] for _ in range(2))
    assert first != second
    assert current_request_id() is None
