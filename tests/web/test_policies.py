"""The policy table against every route: who is let in, and who is not."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from payments.access.caller import PERSON_ROLES, Role
from tests.architecture.routes import Route, routes_of
from tests.web.conftest import KeyOf, TokenOf
from web.policies import POLICIES

# A stream does not end and a key starts no session: these have their own tests.
ELSEWHERE = {"events.read", "sessions.start"}


@pytest.fixture
def guarded(app: Flask) -> list[Route]:
    return [route for route in routes_of(app) if route.action is not None]


def test_nobody_gets_in_without_proof(client: FlaskClient, guarded: list[Route]) -> None:
    for route in guarded:
        answer = client.open(route.example, method=route.method, json={})
        assert answer.status_code == 401, str(route)


@pytest.mark.parametrize("role", Role)
def test_each_role_reaches_what_its_policy_says_and_nothing_else(
    client: FlaskClient, key_of: KeyOf, token_of: TokenOf, guarded: list[Route], role: Role
) -> None:
    headers = token_of("pty_0", role) if role in PERSON_ROLES else key_of(role)
    for route in guarded:
        if route.action in ELSEWHERE:
            continue
        answer = client.open(route.example, method=route.method, headers=headers)
        # A page says so to people; everything else to programs.
        code = (answer.get_json(silent=True) or {}).get("code")
        says_so = code == "role_forbidden" or answer.mimetype == "text/html"
        refused = answer.status_code == 403 and says_so
        assert refused == (role not in POLICIES[str(route.action)]), f"{route}: {answer.text}"
