import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine, text

import ledger
from ledger import AccountSpec, Entry, Posting
from payments.access.api_keys import authenticate_key
from payments.access.caller import Role
from payments.errors import UnauthorizedError
from payments.privacy.data_keys import connect_cipher
from payments.secret_versions.live import LiveSecrets
from payments.settings import read_settings
from tests.conditions import wait_until
from tests.web.conftest import environment
from web.command_line import main
from web.commands.output import print_rows

NOW = dt.datetime.now(dt.UTC)  # noqa: TID251 - commands read the clock

Run = Callable[..., Result]


@pytest.fixture
def environ(fresh_database_url: str, redis_url: str) -> dict[str, str]:
    return environment(database_url=fresh_database_url, redis_url=redis_url)


@pytest.fixture
def run(environ: dict[str, str]) -> Run:
    def invoke(*arguments: str, code: int = 0) -> Result:
        result = CliRunner().invoke(main, arguments, env=environ)
        assert result.exit_code == code, (result.output, result.exception)
        return result

    return invoke


def test_help_needs_no_configuration() -> None:
    result = CliRunner().invoke(main, ["--help"], env={"DATABASE_URL": ""})
    assert result.exit_code == 0
    for command in ("doctor", "encryption", "keys", "ledger", "webhooks"):
        assert command in result.output
    assert "Flask" not in result.output
    assert "--app" not in result.output


def test_a_table_is_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    at = dt.datetime(2026, 11, 23, 9, 8, 58, 32302, tzinfo=dt.timezone(dt.timedelta(hours=2)))
    print_rows([{"at": at, "approved": False, "scopes": []}], as_json=False, empty="None.")
    assert capsys.readouterr().out.splitlines()[1].split() == ["2026-11-23", "07:08:58", "no", "-"]


@pytest.mark.parametrize("command", [["doctor"], ["keys", "list"]])
def test_a_faulty_configuration_is_told_in_sentences(command: list[str]) -> None:
    result = CliRunner().invoke(main, command, env={"STRONGROOM_ENV": "sandbox"})
    assert result.exit_code == 1
    assert "DATABASE_URL is missing" in result.output
    assert "Traceback" not in result.output


def test_a_database_that_is_away_is_told_in_a_sentence(environ: dict[str, str]) -> None:
    away = environ | {"DATABASE_URL": "postgresql://a:hunter2@127.0.0.1:9/c"}
    result = CliRunner().invoke(main, ["keys", "list"], env=away)
    assert result.exit_code == 1
    assert "PostgreSQL refused or is away" in result.output
    assert "hunter2" not in result.output


def test_doctor_speaks_to_people_and_programs(run: Run, environ: dict[str, str]) -> None:
    found = json.loads(run("doctor", "--json", code=1).stdout)
    assert {check["state"] for check in found} <= {"ok", "warn", "fail"}
    away = CliRunner().invoke(main, ["doctor"], env=environ | {"REDIS_URL": "redis://127.0.0.1:9"})
    assert away.exit_code == 1
    assert "FAIL" in away.output


def test_keys_are_made_rotated_listed_and_revoked(
    run: Run, fresh_engine: Engine, environ: dict[str, str]
) -> None:
    settings = read_settings(environ)
    cipher = connect_cipher(fresh_engine, settings.encryption_keyset)
    peppers = LiveSecrets(fresh_engine, cipher=cipher, settings=settings)

    def opens(text: str) -> bool:
        try:
            authenticate_key(fresh_engine, text, peppers=peppers, livemode=False, now=NOW)
        except UnauthorizedError:
            return False
        return True

    made = run("keys", "create", "--name", "Shop", "--role", "service", "--days", "30")
    text = made.stdout.strip()
    assert opens(text)
    [key] = json.loads(run("keys", "list", "--json").stdout)
    assert (key["name"], key["role"]) == ("Shop", Role.SERVICE)
    new = json.loads(run("keys", "rotate", key["id"], "--overlap-hours", "1", "--json").stdout)
    assert opens(text)
    assert opens(new["key"])
    run("keys", "revoke", new["id"])
    assert not opens(new["key"])
    assert "Shop" in run("keys", "list").stdout
    assert "no such API key" in run("keys", "revoke", "key_0", code=1).output


def sealed_when_settled(run: Run) -> Any:
    """Seal the one entry: it must wait while older transactions run anywhere on the server."""
    sealed: list[Any] = []

    def seal() -> bool:
        sealed.append(json.loads(run("ledger", "seal", "--json").stdout))
        return bool(sealed[-1]["entries"] == 1)

    wait_until(seal, timeout_s=30)
    return sealed[-1]


def test_the_ledger_is_proved_sealed_and_closed(run: Run, fresh_engine: Engine) -> None:
    assert "Nothing was posted" in run("ledger", "trial-balance").stdout
    names = [("assets:bank:main", "EUR"), ("equity:adjustments", "EUR")]
    with fresh_engine.begin() as connection:
        ids = ledger.open_accounts(connection, [AccountSpec(*name) for name in names])
        debit, credit = (ids[name] for name in names)
        entry = Entry(
            effect_key="test:1",
            kind="test",
            occurred_at=dt.datetime(2026, 9, 5, tzinfo=dt.UTC),
            postings=[Posting(debit, 12345), Posting(credit, -12345)],
        )
        ledger.post(connection, entry)
    rows = json.loads(run("ledger", "trial-balance", "--json").stdout)
    assert [(row["debit"], row["credit"]) for row in rows] == [("12345", "0"), ("0", "12345")]
    assert "123.45" in run("ledger", "trial-balance").stdout
    sealed = sealed_when_settled(run)
    assert (
        "Every seal fits the journal: 1"
        in run("ledger", "verify", "--anchor", sealed["anchor"]).stdout
    )
    assert json.loads(run("ledger", "verify", "--json").stdout) == []
    number = sealed["anchor"].partition(":")[0]
    assert "reason" in run("ledger", "verify", "--anchor", f"{number}:{'00' * 32}", code=1).stdout
    assert "Every invariant holds" in run("ledger", "invariants").stdout
    assert "reconciled" in run("ledger", "close-period", "2026-09", code=1).stdout


def test_encryption_keys_rotate(run: Run, environ: dict[str, str]) -> None:
    begun = json.loads(run("encryption", "rotate", "--json").stdout)
    assert (begun["status"], begun["encrypted"]) == ("running", 0)
    done = run("encryption", "rotate", "--wait").stdout.splitlines()[-1]
    assert "done: 0 of 0 fields encrypted anew." in done
    status = run("encryption", "status", "--count").stdout
    assert "data key 3: newest" in status or "data key 2: newest" in status
    keyset = run("encryption", "add-key").stdout
    assert len(json.loads(keyset)["key"]) == 2
    environ["ENCRYPTION_KEYSET"] = keyset
    assert "wrapped by an older keyset" in run("encryption", "status").stdout
    assert "data keys wrapped anew" in run("encryption", "rewrap").stdout
    told = json.loads(run("encryption", "status", "--json").stdout)
    assert {key["wrapped_by_primary"] for key in told["keys"]} == {True}


def test_webhooks_are_listed_replayed_and_given_time(run: Run, fresh_engine: Engine) -> None:
    assert "no such events" in run("webhooks", "list", "--state", "dead").stdout
    with fresh_engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO strongroom.webhook_inbox (provider, event_id, event_type,"
                " occurred_at, payload_encrypted, received_at, due_at, state, error, finished_at)"
                " VALUES ('stripe', 'evt_1', 'charge.updated', :now, '', :now, :now, 'dead',"
                " 'unknown_payment: …', :now)"
            ),
            {"now": NOW - dt.timedelta(hours=100)},
        )
    [row] = json.loads(run("webhooks", "list", "--state", "dead", "--json").stdout)
    assert (row["event_id"], row["error"]) == ("evt_1", "unknown_payment: …")
    assert "unknown_payment" in run("webhooks", "list").stdout
    made = json.loads(run("webhooks", "replay", "evt_1", "--reference", "once", "--json").stdout)
    assert made.items() >= {"source": "inbox", "status": "running", "accepted": 1}.items()
    assert made["id"] in run("webhooks", "replay", "evt_1", "--reference", "once").stdout
    assert "running" in run("webhooks", "show-replay", made["id"]).stdout
    fetched = run("webhooks", "replay", "--source", "stripe", "--from", f"{NOW:%Y-%m-%dT%H:%M}")
    assert "as Stripe lists them" in fetched.stdout
    assert "Not in the inbox" in run("webhooks", "replay", "evt_2", code=1).output
    assert "no moment" in run("webhooks", "replay", "--from", "noon", code=2).output
    assert "72" in run("webhooks", "retry-window").stdout
    assert "1 dead ones" in run("webhooks", "retry-window", "stripe", "168").stdout
    [window] = json.loads(run("webhooks", "retry-window", "--json").stdout)
    assert (window["hours"], window["set_by"]) == (168, "command:strongroom")
    assert "Use one of: stripe" in run("webhooks", "retry-window", "nobody", "1", code=1).output
    assert "how many hours" in run("webhooks", "retry-window", "stripe", code=2).output
