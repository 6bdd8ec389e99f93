"""What the simulated bank moves, its statements say alike in every format, and we read so."""

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest
import requests
from sqlalchemy import Engine, text

from payments.bank_reference import new_reference, reference_key
from payments.reconciliation.import_statement import import_statement
from payments.reconciliation.statements.csv_mapping import parse_mapping
from payments.reconciliation.statements.model import Line, Statement
from payments.reconciliation.statements.parse import parse_statements
from payments.reconciliation.store_lines import reference_keys
from tests.payments.reconciliation.statements.reading import SCALES
from tests.payments.reconciliation.statements.test_import import CIPHER, FINANCE
from tests.payments.simulated_bank import CLIENT_SECRET, Bank, bank, letterbox, running_bank

__all__ = ["bank", "letterbox", "running_bank"]

FORMATS = ("camt053", "mt940", "csv")
NOW = dt.datetime.now(dt.UTC)  # noqa: TID251 - the simulated bank's clock is real


def statement_of(bank: Bank, form: str, account: str, **query: str) -> bytes:
    url = f"{bank.url}/_sandbox/statements/{form}"
    headers = {"Authorization": f"Bearer {CLIENT_SECRET}"}
    answer = requests.get(url, params={"account": account, **query}, headers=headers, timeout=10)
    assert answer.ok, answer.text
    return answer.content


def read(bank: Bank, form: str, account: str, **query: str) -> Statement:
    parsed = parse_statements(
        statement_of(bank, form, account, **query),
        account=bank.bank_accounts[account],
        scales=SCALES,
        today=NOW.date(),
        mapping=parse_mapping("sandbox"),
    )
    [statement] = parsed.statements
    return statement


def move(bank: Bank, account: str) -> list[str]:
    """Have all kinds of lines booked, and return the references that transfers quote."""
    quoted = [new_reference() for _ in range(4)]
    texts = [quoted[0], f"Order 12 {quoted[1]} thank you", f"{quoted[2][:7]} {quoted[2][7:]}"]
    texts.append("Grüße & more, " * 8 + quoted[3])
    for number, told in enumerate(texts, start=1):
        transfer: dict[str, Any] = {"account": account, "amount": number * 1001, "text": told}
        bank.knob("transfers", transfer | {"name": f"Payer {number} & Söhne"})
    twin = {"account": account, "amount": 500, "text": "Tea", "name": "Twin"}
    bank.knob("transfers", twin)
    bank.knob("transfers", twin)
    bank.knob("transfers", {"account": account, "amount": -700, "text": "Rent", "name": "House"})
    bank.knob("fees", {"account": account, "amount": 490, "text": "Account fee"})
    bank.knob("noise", {"account": account, "count": 10, "seed": 7})
    return quoted


def figures(line: Line) -> tuple[Any, ...]:
    return line.position, line.amount, line.booked_on, line.bank_ref, line.is_bank_charge


@pytest.mark.parametrize("account", ["main", "usd", "gbp"])
def test_all_formats_say_the_same(bank: Bank, account: str) -> None:
    quoted = move(bank, account)
    camt, mt940, table = (read(bank, form, account) for form in FORMATS)
    old = read(bank, "camt053", account, version="02")
    assert [replace(line, where="") for line in old.lines] == [
        replace(line, where="") for line in camt.lines
    ]
    for other in (mt940, table):
        assert [figures(line) for line in other.lines] == [figures(line) for line in camt.lines]
        assert (other.opening_balance, other.closing_balance) == (
            camt.opening_balance,
            camt.closing_balance,
        )
    moved = sum(line.amount for line in camt.lines)
    assert camt.closing_balance == (camt.opening_balance or 0) + moved
    assert sum(line.is_bank_charge for line in camt.lines) >= 1
    for statement in (camt, mt940, table):
        found = {key for line in statement.lines for key in reference_keys(line)}
        assert {reference_key(reference) for reference in quoted} <= found


def test_the_formats_of_one_day_are_no_double(bank: Bank, fresh_engine: Engine) -> None:
    move(bank, "main")
    brought = []
    for form in FORMATS:
        answered = import_statement(
            fresh_engine,
            caller=FINANCE,
            content=statement_of(bank, form, "main"),
            filename=form,
            account="main",
            accounts=bank.bank_accounts,
            mapping=parse_mapping("sandbox"),
            cipher=CIPHER,
            now=NOW,
        )
        brought.append(answered.resource.new_lines)
    assert brought[0] > 10
    assert brought[1:] == [0, 0]
    with fresh_engine.connect() as connection:
        count = connection.execute(text("SELECT count(*) FROM strongroom.statement_lines"))
        assert count.scalar_one() == brought[0]
