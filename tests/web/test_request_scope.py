import json

import pytest
from flask.testing import FlaskClient

from payments.access.caller import Role
from payments.log_lines import configure_log_lines, current_request_id
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
    ("path", "status"),
    [
        ("/api/ops/search?q=ada@example.test", 200),
        ("/api/parties?email=ada@example.test", 200),
        ("/api/ops/bank-search?name=ada@example.test", 200),
        ("/console/search?q=ada@example.test", 200),
        ("/console/webhooks?after=ada@example.test", 400),
        ("/api/ops/search?wanted=ada@example.test", 400),
        ("/nowhere?q=ada@example.test", 404),
    ],
)
def test_no_log_line_has_what_was_searched_for(
    client: FlaskClient,
    key_of: KeyOf,
    capsys: pytest.CaptureFixture[str],
    path: str,
    status: int,
) -> None:
    configure_log_lines("DEBUG")
    answer = client.get(path, headers=key_of(Role.ADMIN))
    assert answer.status_code == status, answer.text
    written = "".join(capsys.readouterr())
    assert '"event": "request"' in written
    assert "ada" not in written.replace("%40", "@").lower()
    assert answer.headers["Referrer-Policy"] == "no-referrer", "nor is it told to other pages"


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
