"""`strongroom ledger report`, `ledger export`, and `ledger verify --manifest`."""

import datetime as dt
import json
import secrets
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine

import ledger
from tests.web.conftest import environment
from web.command_line import main

NOON = dt.datetime(2026, 10, 15, 12, tzinfo=dt.UTC)

Run = Callable[..., Result]


@pytest.fixture
def run(fresh_database_url: str, redis_url: str) -> Run:
    environ = environment(database_url=fresh_database_url, redis_url=redis_url)

    def invoke(*arguments: object, code: int = 0) -> Result:
        result = CliRunner().invoke(main, ["ledger", *map(str, arguments)], env=environ)
        assert result.exit_code == code, (result.output, result.exception)
        return result

    return invoke


def post(engine: Engine, amount: int) -> None:
    with engine.begin() as connection:
        names = ("assets:bank:main", "equity:owners")
        specs = [ledger.AccountSpec(name, "EUR", mode="deferred") for name in names]
        first, second = ledger.open_accounts(connection, specs).values()
        lines = [ledger.Posting(first, amount), ledger.Posting(second, -amount)]
        ledger.post(connection, ledger.Entry(secrets.token_hex(16), "test", NOON, lines))


def test_a_table_for_people(run: Run, fresh_engine: Engine) -> None:
    post(fresh_engine, 12_345)
    shown = run("report", "trial-balance").output.splitlines()
    assert shown[1].split() == [
        "assets:bank:main", "asset", "EUR", "0.00", "123.45", "0.00", "123.45", "123.45", "0.00",
    ]  # fmt: skip
    assert shown[-1].split() == [
        "sum",
        "EUR",
        "0.00",
        "123.45",
        "123.45",
        "0.00",
        "123.45",
        "123.45",
    ]


def test_a_workbook_with_its_manifest(run: Run, fresh_engine: Engine, tmp_path: Path) -> None:
    post(fresh_engine, 12_345)
    file = tmp_path / "october.xlsx"
    run("report", "trial-balance", "--to", "2026-10-31", "--format", "xlsx", "-o", file)
    sheet = openpyxl.load_workbook(file).active
    assert sheet is not None
    manifest = json.loads(file.with_name("october.xlsx.manifest.json").read_text())
    assert (manifest["rows"], manifest["filters"]) == (2, {"to": "2026-10-31"})
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        "october.xlsx",
        "october.xlsx.manifest.json",
    ]


def test_a_manifest_is_proved_against_the_books_and_the_file(
    run: Run, fresh_engine: Engine, tmp_path: Path
) -> None:
    post(fresh_engine, 500)
    file = tmp_path / "journal.beancount"
    run("export", "beancount", "-o", file)
    post(fresh_engine, 700)  # later: not in it
    beside = file.with_name(file.name + ".manifest.json")
    assert "Manifests that hold: 1." in run("verify", "--manifest", beside).output
    file.write_text(file.read_text().replace("5.00", "6.00"))
    assert "the file journal.beancount" in run("verify", "--manifest", beside, code=1).output
    manifest = json.loads(beside.read_text())
    beside.write_text(json.dumps(manifest | {"rows": 1}))
    told = json.loads(run("verify", "--manifest", beside, "--json", code=1).output)
    assert [each["reason"].partition(":")[0] for each in told] == ["rows", "sha256"]
    beside.write_text("{}")
    assert "no manifest" in run("verify", "--manifest", beside, code=1).output


def test_the_format_follows_from_the_name(run: Run, fresh_engine: Engine, tmp_path: Path) -> None:
    post(fresh_engine, 500)
    run("report", "journal", "-o", tmp_path / "journal.csv")
    assert (tmp_path / "journal.csv").read_text().startswith("entry_id,effect_key")
    run("report", "journal", "-o", tmp_path / "journal.json")
    assert len(json.loads((tmp_path / "journal.json").read_text())["rows"]) == 2
    assert "--format" in run("report", "journal", "-o", tmp_path / "journal.pdf", code=2).output
    assert not (tmp_path / "journal.pdf").exists()


def test_to_standard_output(run: Run, fresh_engine: Engine) -> None:
    post(fresh_engine, 500)
    assert run("report", "journal", "--format", "csv").output.count("\n") == 3
    assert (
        'commodity "EUR"' in run("export", "hledger").output
        or "commodity" in run("export", "hledger").output
    )


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--as-of", "2999-01-01"), "as_of: 2999-01-01T23:59:59.999999Z lies in the future"),
        (("--from", "2026-13-01"), "from: Write a day"),
        (("--from", "2026-10-02", "--to", "2026-10-01"), "to: It lies before `from`"),
        (("--asset", "XXX"), "asset: There is no asset XXX; there are"),
        (("--account", "assets:nowhere"), "account: There is no account assets:nowhere"),
        (("--seller", "pty_1"), "seller_id: The report trial-balance has no such filter"),
        (("--format", "hledger"), "format: The report trial-balance can be written as"),
        (("-o", "/nowhere/at/all.csv"), "There is no folder"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(
    run: Run, arguments: tuple[str, ...], told: str
) -> None:
    code = 2 if "-o" in arguments else 1
    assert told in run("report", "trial-balance", *arguments, code=code).output
