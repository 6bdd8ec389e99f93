"""`strongroom deadlines`: what an operator at the machine puts off, and sees put off."""

import datetime as dt
import json

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine

from payments.database import transaction
from payments.lifecycle.deadlines import effective_deadline
from tests.payments.bank_shop import bank_payment
from tests.payments.shop import open_shop
from tests.payments.simulated_bank import Bank, bank, letterbox, running_bank
from tests.web.conftest import environment
from web.command_line import main

__all__ = ["bank", "letterbox", "running_bank"]  # fixtures

UNTIL = dt.datetime.now(dt.UTC).replace(second=0, microsecond=0) + dt.timedelta(days=9)  # noqa: TID251 - commands read the clock


@pytest.fixture
def environ(fresh_database_url: str, redis_url: str, bank: Bank) -> dict[str, str]:
    told = environment(database_url=fresh_database_url, redis_url=redis_url)
    return told | bank.environment


def run(environ: dict[str, str], *arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(main, ["deadlines", *arguments], env=environ)
    assert result.exit_code == code, (result.output, result.exception)
    return result


def extend(environ: dict[str, str], *arguments: str, code: int = 0) -> Result:
    common = ("--until", f"{UNTIL:%Y-%m-%dT%H:%MZ}", "--reason", "The bank is slow.")
    return run(environ, "extend", *arguments, *common, code=code)


def test_payments_are_put_off_once_and_listed(
    environ: dict[str, str], fresh_engine: Engine
) -> None:
    payment = bank_payment(open_shop(fresh_engine))
    assert run(environ, "list").stdout == "No deadline was put off.\n"
    for _ in range(2):
        told = extend(environ, payment.id, "--reference", "outage-1", "--json")
        assert json.loads(told.stdout)["extended"] == 1
    with transaction(fresh_engine) as session:
        assert effective_deadline(session, payment) == UNTIL
    [listed] = json.loads(run(environ, "list", "--json").stdout)
    assert (listed["payments"], listed["provider"]) == (1, None)
    assert (listed["created_by"], listed["reason"]) == ("command:strongroom", "The bank is slow.")


def test_all_of_a_provider_are_put_off(environ: dict[str, str], fresh_engine: Engine) -> None:
    shop = open_shop(fresh_engine)
    payments = [bank_payment(shop) for _ in range(2)]
    told = extend(environ, "--provider", "truelayer").stdout
    assert told == f"2 payments may be paid until {UNTIL:%Y-%m-%d %H:%M} UTC.\n"
    with transaction(fresh_engine) as session:
        assert {effective_deadline(session, payment) for payment in payments} == {UNTIL}
    assert "truelayer" in run(environ, "list").stdout


def test_what_is_wrong_is_told_in_sentences(environ: dict[str, str], fresh_engine: Engine) -> None:
    order = open_shop(fresh_engine).order()
    for arguments, words in (
        ((), "Name one of"),
        (("--provider", "nobody"), "truelayer"),
        (("--order", order.id), "no such bank payment"),
        (("pay_0",), "pay_0"),
    ):
        told = extend(environ, *arguments, code=1).output
        assert words in told
        assert "Traceback" not in told
    assert "is no moment" in run(environ, "extend", "--until", "soon", code=2).output
