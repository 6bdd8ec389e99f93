"""`strongroom secrets` and `sessions`, as an operator types them."""

import json
import secrets

import pytest
from click.testing import CliRunner, Result

from tests.web.conftest import environment
from web.command_line import main


@pytest.fixture
def environ(fresh_database_url: str, redis_url: str) -> dict[str, str]:
    return environment(database_url=fresh_database_url, redis_url=redis_url)


def run(environ: dict[str, str], *words: str, typed: str = "", code: int = 0) -> Result:
    found = CliRunner().invoke(main, words, env=environ, input=typed)
    assert found.exit_code == code, found.output
    return found


def test_secrets_are_listed_rotated_and_revoked(environ: dict[str, str]) -> None:
    value = f"whsec_{secrets.token_hex(16)}"
    rotated = run(environ, "secrets", "rotate", "stripe_webhook", "--json", typed=f"{value}\n")
    version = json.loads(rotated.stdout)
    assert value not in rotated.output
    listed = json.loads(run(environ, "secrets", "list", "--json").stdout)
    assert {one["kind"] for one in listed} >= {"stripe_webhook", "jwt_key", "session_key"}
    assert "is revoked" in run(environ, "secrets", "revoke", version["id"]).output
    [link] = [one for one in listed if one["kind"] == "link_key"]
    assert "rotate it first" in run(environ, "secrets", "revoke", link["id"], code=1).output
    assert "begins at" in run(environ, "secrets", "rotate", "link_key").output
    run(environ, "secrets", "revoke", link["id"])
    run(environ, "secrets", "rotate", "stripe_webhook", typed="nonsense", code=1)
    run(environ, "secrets", "rotate", "password", code=2)


def test_sessions_are_ended_of_one_or_of_all_but_not_by_accident(environ: dict[str, str]) -> None:
    assert "0 sessions" in run(environ, "sessions", "end", "--all").output
    assert "0 sessions" in run(environ, "sessions", "end", "--party", "pty_1").output
    run(environ, "sessions", "end", code=2)
