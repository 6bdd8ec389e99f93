"""What people are given, over HTTP and by the command, is what beancount and hledger verify."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient
from sqlalchemy import Engine

from payments.access.caller import Role
from payments.settings import Settings
from tests.outside_tools import find_hledger
from tests.payments.reports.busy_month import FIRST, LAST, write_busy_month
from tests.payments.reports.exporting import bean_check, hledger_check
from tests.web.conftest import KeyOf, MakeApp, environment
from web.command_line import main

Check = Callable[[Path, str], str]

TOOLS = [
    pytest.param("beancount", bean_check, id="beancount"),
    pytest.param(
        "hledger",
        hledger_check,
        id="hledger",
        marks=pytest.mark.skipif(find_hledger() is None, reason="There is no hledger here."),
    ),
]


@pytest.fixture(scope="module")
def books(engine: Engine) -> Engine:
    write_busy_month(engine, orders=60)
    return engine


@pytest.fixture
def client(books: Engine, make_app: MakeApp, settings: Settings) -> FlaskClient:
    assert books is not None
    return make_app(settings).test_client()


@pytest.mark.parametrize(("name", "check"), TOOLS)
def test_the_file_that_is_downloaded(
    client: FlaskClient, key_of: KeyOf, tmp_path: Path, name: str, check: Check
) -> None:
    path = f"/api/ledger/reports/journal?format={name}&from={FIRST}&to={LAST}"
    answer = client.get(path, headers=key_of(Role.FINANCE))
    assert answer.status_code == 200
    assert "Closing balances" in answer.text or " balance " in answer.text
    assert check(tmp_path, answer.text) == ""


@pytest.mark.parametrize(("name", "check"), TOOLS)
@pytest.mark.usefixtures("books")
def test_the_file_that_the_command_writes(
    database_url: str, redis_url: str, tmp_path: Path, name: str, check: Check
) -> None:
    file = tmp_path / f"october.{name}"
    arguments = ["ledger", "export", name, "--from", str(FIRST), "--to", str(LAST)]
    environ = environment(database_url=database_url, redis_url=redis_url)
    ended = CliRunner().invoke(main, [*arguments, "-o", str(file)], env=environ)
    assert ended.exit_code == 0, ended.output
    text = file.read_bytes().decode()
    assert check(tmp_path, text) == ""
    assert check(tmp_path, text.replace("1.08 EUR", "1.09 EUR", 1)) != ""
