"""`strongroom ledger` entries and months, as who is logged in."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine

from tests.payments.periods.closing_desk import ClosingDesk
from tests.web.conftest import environment
from web.command_line import main
from web.commands import people

RENT = (
    *("--debit", "expenses:rent 1200.00 EUR", "--credit", "liabilities:accrued:rent 1200 EUR"),
    *("--on", "2026-10-31", "--reason", "Rent of October."),
)


@pytest.fixture
def environ(fresh_database_url: str, redis_url: str) -> dict[str, str]:
    return environment(database_url=fresh_database_url, redis_url=redis_url)


def run(environ: dict[str, str], user: str, *arguments: str, code: int = 0) -> str:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(people, "login_name", lambda: user)
        ended = CliRunner().invoke(
            main, ("ledger", *arguments), env=environ | {"LOGNAME": "mallory"}
        )
    assert ended.exit_code == code, (ended.output, ended.exception)
    return ended.output


def ask(environ: dict[str, str], *more: str) -> str:
    asked = json.loads(run(environ, "ada", "post-entry", *RENT, *more, "--json"))
    return str(asked["id"])


def test_one_asks_and_another_approves(environ: dict[str, str], tmp_path: Path) -> None:
    assert "no such entries" in run(environ, "ada", "entries")
    bill = tmp_path / "bill.pdf"
    bill.write_bytes(b"a bill")
    entry_id = ask(environ, "--attachment", str(bill), "--reference", "rent-10")
    assert ask(environ, "--attachment", str(bill), "--reference", "rent-10") == entry_id
    assert "somebody else" in run(environ, "ada", "approve-entry", entry_id, code=1)

    told = run(environ, "bob", "approve-entry", entry_id)

    assert f"{entry_id} is posted as entry 1." in told
    assert "expenses:rent" in told
    assert "1200.00" in told
    [row] = json.loads(run(environ, "bob", "entries", "--json"))
    assert (row["status"], row["requested_by"], row["decided_by"]) == (
        "posted",
        "command:ada",
        "command:bob",
    )
    reversal = json.loads(run(environ, "ada", "reverse-entry", "1", "--reason", "Twice.", "--json"))
    assert "rejected: No." in run(environ, "bob", "reject-entry", reversal["id"], "--reason", "No.")
    assert json.loads(run(environ, "ada", "entries", "1", "--json"))["id"] == entry_id


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("expenses:rent 1.001 EUR", "2 decimals"),
        ("expenses:rent -1 EUR", "no line"),
        ("expenses:rent 1 ABC", "no line"),
    ],
)
def test_a_line_that_cannot_be_read_is_refused(
    environ: dict[str, str], line: str, why: str
) -> None:
    told = run(environ, "ada", "post-entry", *RENT, "--debit", line, code=2)
    assert why in told


def test_a_month_is_closed_shown_and_reopened_by_two(
    environ: dict[str, str], fresh_engine: Engine
) -> None:
    desk = ClosingDesk(fresh_engine)
    run(environ, "bob", "approve-entry", ask(environ))
    told = run(environ, "ada", "close-period", "2026-10", code=1)
    assert "reconciled" in told
    assert "not ready" in told
    desk.reconcile()
    assert "2026-10 is open." in run(environ, "ada", "periods", "2026-10")

    assert "2026-10 is closed" in run(environ, "ada", "close-period", "2026-10")

    shown = run(environ, "ada", "periods", "2026-10")
    assert "2026-10 is closed." in shown
    assert "ok  invariants_hold" in shown
    months = json.loads(run(environ, "ada", "periods", "--json"))
    assert [month["state"] for month in months if month["month"] == "2026-10"] == ["closed"]
    again = ("reopen-period", "2026-10", "--reason", "A bill was found.")
    assert "still closed" in run(environ, "ada", *again)
    assert "somebody else" in run(environ, "ada", *again, code=1)
    assert "open again" in run(environ, "bob", *again)


def test_what_is_no_month_is_refused(environ: dict[str, str]) -> None:
    assert "no month" in run(environ, "ada", "close-period", "October", code=1)
    assert "ID=WHY" in run(environ, "ada", "close-period", "2026-10", "--explain", "x", code=2)
