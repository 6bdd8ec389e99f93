"""`strongroom reconcile` asks for runs and shows what came of them, to people and programs."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine

from jobs.context import JobContext, connect_context
from jobs.reconcile import reconcile
from payments.settings import read_settings
from tests.payments.bank_shop import ToldByBank
from tests.payments.reconciliation.desk import Desk, money_in, open_desk
from tests.web.conftest import environment
from web.command_line import main

Run = Callable[..., str]


@pytest.fixture
def environ(fresh_database_url: str, redis_url: str) -> dict[str, str]:
    return environment(database_url=fresh_database_url, redis_url=redis_url)


@pytest.fixture
def context(environ: dict[str, str]) -> Iterator[JobContext]:
    made = connect_context(read_settings(environ))
    yield made
    made.engine.dispose()
    made.bell.close()


@pytest.fixture
def desk(fresh_engine: Engine) -> Desk:
    return open_desk(fresh_engine)


@pytest.fixture
def command(environ: dict[str, str]) -> Run:
    def invoke(*arguments: str) -> str:
        result = CliRunner().invoke(main, ["reconcile", *arguments], env=environ)
        assert result.exit_code == 0, (result.output, result.exception)
        return result.stdout

    return invoke


def test_a_run_is_asked_for_followed_and_shown(
    command: Run, context: JobContext, desk: Desk
) -> None:
    payment = desk.payment(10_000)
    desk.tell(ToldByBank(payment).settled(amount=10_000))
    desk.statement(money_in(10_000, f"{payment.bank_reference}"), money_in(-2_300, "rent"))
    asked = json.loads(command("run", "--reference", "first", "--no-follow", "--json"))
    assert asked["status"] == "waiting"
    reconcile(context, {"run_id": asked["id"]})
    told = command("run", "--reference", "first")
    assert f"{asked['id']} is done in" in told
    figures = dict(line.rsplit(maxsplit=1) for line in told.splitlines() if line[-1:].isdigit())
    assert (figures["lines matched"], figures["  by reference"]) == ("1", "1")
    assert figures["lines put into suspense"] == "1"
    assert command("show") == command("show", asked["id"]) == told


def test_what_nothing_explains_is_listed(command: Run, context: JobContext, desk: Desk) -> None:
    assert "Everything is explained." in command("unmatched")
    assert "Everything agrees." in command("findings")
    [line_id] = desk.statement(money_in(-230_050, "rent"), opening=1_000, closing=-1)
    reconcile(context, {})
    told = command("unmatched", "--amount", "230050")
    assert line_id in told
    assert "-2300.50" in told
    found: dict[str, Any] = json.loads(command("findings", "--json"))[0]
    assert (found["kind"], found["amount"]) == ("balance_drift", -1)
    assert "balance_drift" in command("findings")
    assert "Everything agrees." in command("findings", "--kind", "duplicate")
