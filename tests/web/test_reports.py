"""The reports over HTTP: what they show, how they are asked for, and how they refuse."""

import datetime as dt
import secrets

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine

import ledger
from payments.access.caller import Role
from tests.web.conftest import Headers, KeyOf

NOON = dt.datetime(2026, 10, 15, 12, tzinfo=dt.UTC)


@pytest.fixture
def finance(key_of: KeyOf) -> Headers:
    return key_of(Role.FINANCE)


def post(engine: Engine, *lines: tuple[str, int], at: dt.datetime = NOON) -> int:
    with engine.begin() as connection:
        ids = ledger.open_accounts(
            connection, [ledger.AccountSpec(path, "EUR", mode="deferred") for path, _ in lines]
        )
        postings = [ledger.Posting(ids[path, "EUR"], amount) for path, amount in lines]
        entry = ledger.Entry(f"test_{secrets.token_hex(8)}", "test", at, postings)
        return ledger.post(connection, entry).entry_id


def test_trial_balance(client: FlaskClient, engine: Engine, finance: Headers) -> None:
    post(engine, ("assets:bank:clearing", 500), ("equity:capital", -500))
    answer = client.get("/api/ledger/reports/trial-balance", headers=finance)
    assert answer.status_code == 200, answer.text
    shown = answer.get_json()
    assert [(row["account"], row["closing"]) for row in shown["rows"]] == [
        ("assets:bank:clearing", "500"),
        ("equity:capital", "-500"),
    ]
    assert shown["totals"][0]["closing"] == "0"
