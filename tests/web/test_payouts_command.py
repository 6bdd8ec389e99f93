"""`strongroom payouts`: what failed is found, tried first, and made again once."""

import json
import os
import subprocess
import sys

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine

from tests.databases import ROOT
from tests.payments.payouts.sellers import Sellers
from tests.web.conftest import environment
from tests.web.payout_provocations import failed_payout, sellers_of
from web.command_line import main


@pytest.fixture
def environ(fresh_database_url: str, redis_url: str) -> dict[str, str]:
    return environment(database_url=fresh_database_url, redis_url=redis_url)


@pytest.fixture
def sellers(fresh_engine: Engine) -> Sellers:
    return sellers_of(fresh_engine)


def run(environ: dict[str, str], *words: str, code: int = 0) -> Result:
    ended = CliRunner().invoke(main, ["payouts", *words], env=environ)
    assert ended.exit_code == code, (ended.output, ended.exception)
    return ended


def run_alone(environ: dict[str, str], *words: str) -> str:
    """In a process of its own, which has imported nothing but what this command does."""
    return subprocess.run(
        [sys.executable, "-m", "web.command_line", "payouts", *words],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **environ},  # noqa: TID251 - for the child
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_a_failed_payout_is_found_tried_and_made_again_once(
    environ: dict[str, str], sellers: Sellers
) -> None:
    failed = failed_payout(sellers)
    other = sellers.release(sellers.paid_by_bank())
    listed = run(environ, "list", "--status", "failed").stdout
    assert failed in listed
    assert other not in listed
    assert "destination_refused: The provider does not pay to this destination" in listed
    shown = run(environ, "show", failed).stdout.splitlines()
    assert {f"id: {failed}", "status: failed", "paid_at: -"} <= set(shown)

    retry = ("retry", failed, "--reference", "INC-10", "--reason", "The account is open again")
    tried = run(environ, *retry, "--dry-run")
    assert f"{failed}: 9500 EUR is sent now." in tried.stdout
    assert "this was a dry run" in tried.stderr
    assert json.loads(run(environ, "show", failed, "--json").stdout)["status"] == "failed"

    made, again = run_alone(environ, *retry), run(environ, *retry).stdout
    assert made == tried.stdout
    assert again == (f"{failed} was asked for with this reference before; it is queued.\n")
    queued = json.loads(run(environ, "list", "--status", "queued", "--json").stdout)
    assert [one["id"] for one in queued] == [other, failed]
    assert (queued[1]["amount"], queued[1]["failure"]) == ("9500", None)
    assert run(environ, "list", "--status", "failed").stdout == "There are no such payouts.\n"
    sellers.assert_invariants()


def test_what_has_not_failed_is_not_made_again(environ: dict[str, str], sellers: Sellers) -> None:
    waiting = sellers.release(sellers.paid_by_bank())
    refused = run(environ, "retry", waiting, code=1)
    assert "The payout is waiting; only one that failed is made again." in refused.stderr
    assert "no such payout" in run(environ, "retry", "pyo_none", code=1).stderr
    assert "no such payout" in run(environ, "show", "pyo_none", code=1).stderr


def test_only_so_many_of_a_seller_are_listed(environ: dict[str, str], sellers: Sellers) -> None:
    payouts = [sellers.release(sellers.paid_by_bank()) for _ in range(2)]
    seller = ("--seller", sellers.shop.seller_id)
    few = run(environ, "list", *seller, "--limit", "1")
    assert payouts[1] in few.stdout
    assert payouts[0] not in few.stdout
    assert "There are more" in few.stderr
    nobody = run(environ, "list", "--seller", "pty_none", "--json")
    assert json.loads(nobody.stdout) == []
