"""`strongroom freeze`, `unfreeze`, `freezes` and `releases`, as who is logged in."""

import json

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine

from tests.payments.releases.till import Till
from tests.web.conftest import environment
from web.command_line import main
from web.commands import people


@pytest.fixture
def environ(fresh_database_url: str, redis_url: str) -> dict[str, str]:
    return environment(database_url=fresh_database_url, redis_url=redis_url)


@pytest.fixture
def till(fresh_engine: Engine) -> Till:
    return Till(fresh_engine)


def run(environ: dict[str, str], user: str, *arguments: str, code: int = 0) -> str:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(people, "login_name", lambda: user)
        ended = CliRunner().invoke(main, arguments, env=environ | {"LOGNAME": "mallory"})
    assert ended.exit_code == code, (ended.output, ended.exception)
    return ended.stderr if code else ended.stdout


def test_one_freezes_and_two_lift_it(environ: dict[str, str], till: Till) -> None:
    order = till.paid()
    assert run(environ, "ada", "freezes") == "Nothing is frozen.\n"
    frozen = ("freeze", "--reason", "A drill.", "--order", order.id, "--reference", "drill-1")
    told, again = (run(environ, "ada", *frozen) for _ in range(2))
    freeze_id = told.split(":")[0]
    assert told == again == f"{freeze_id}: releases of {order.id} are frozen. Two lift it.\n"
    [row] = json.loads(run(environ, "ada", "freezes", "--json"))
    assert (row["id"], row["what"], row["created_by"]) == (freeze_id, order.id, "command:ada")
    assert "still in force" in run(environ, "ada", "unfreeze", "--reason", "Over.")
    refused = run(environ, "ada", "unfreeze", freeze_id, "--reason", "Over.", code=1)
    assert "somebody else" in refused
    lifted = run(environ, "bob", "unfreeze", freeze_id, "--reason", "Over.")
    assert lifted == f"{freeze_id} is lifted.\n"
    assert freeze_id in run(environ, "bob", "freezes", "--all")
    assert till.release(order).resource.status == "posted"


def test_releases_are_listed(environ: dict[str, str], till: Till) -> None:
    order = till.paid()
    release = till.release(order, 100).resource
    [row] = json.loads(run(environ, "ada", "releases", "list", "--order", order.id, "--json"))
    assert (row["id"], row["amount"], row["status"]) == (release.id, "100", "posted")
    assert release.id in run(environ, "ada", "releases", "list", "--status", "posted")
    told = run(environ, "ada", "releases", "list", "--status", "requested")
    assert told == "There are no such releases.\n"
