"""Bank statements over HTTP and on the command line: in, refused with the reason, listed."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine

from payments.access.caller import Role
from payments.bank_settings import BankAccount
from payments.settings import Settings
from tests.payments.reconciliation.statements.camt_files import (
    IBAN,
    balance,
    balanced,
    document,
    entry,
    statement,
)
from tests.web.conftest import Headers, KeyOf
from tests.web.test_command_line import Run, environ, run

__all__ = ["environ", "run"]

PATH = "/api/reconciliation/statements"
TABLE = b"Day;What;Sum\n20.11.2026;Tea;1.234,50\n21.11.2026;Fee;-1,00\n"
MAPPING = {
    "delimiter": ";",
    "decimal": ",",
    "thousands": ".",
    "date_format": "DD.MM.YYYY",
    "columns": {"booked_on": "Day", "text": "What", "amount": "Sum"},
}


@pytest.fixture
def database_url(fresh_database_url: str) -> str:
    return fresh_database_url


@pytest.fixture
def engine(fresh_engine: Engine) -> Engine:
    return fresh_engine


@pytest.fixture
def finance(key_of: KeyOf) -> Headers:
    return key_of(Role.FINANCE)


def test_a_statement_is_taken_in_and_listed(client: FlaskClient, finance: Headers) -> None:
    content = balanced("12.50", "0.01")
    url = f"{PATH}?account=main&filename=nov.xml"
    answer = client.post(url, data=content, headers=finance)
    assert answer.status_code == 201, answer.text
    body = answer.get_json()
    [found] = body.pop("statements")
    assert body == {
        "file_id": found["file_id"],
        "filename": "nov.xml",
        "format": "camt.053",
        "new_lines": 2,
        "already_imported": False,
    }
    assert (found["opening_balance"], found["closing_balance"]) == ("10000", "11251")
    assert (found["account"], found["lines"], found["new_lines"]) == ("main", 2, 2)
    again = client.post(url, data=content, headers=finance)
    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (200, "true")
    assert again.get_json() == answer.get_json() | {"already_imported": True}
    assert client.get(PATH, headers=finance).get_json() == {"data": [found], "next": None}
    none = client.get(f"{PATH}?account=other", headers=finance)
    assert none.get_json() == {"data": [], "next": None}


def test_pages_of_statements_follow_each_other(client: FlaskClient, finance: Headers) -> None:
    parts = [statement(entry("1.00", ref=f"R{n}"), ref=f"S{n}") for n in range(3)]
    client.post(f"{PATH}?account=main", data=document(*parts), headers=finance)
    first = client.get(f"{PATH}?limit=2", headers=finance).get_json()
    assert [found["statement_ref"] for found in first["data"]] == ["S2", "S1"]
    second = client.get(f"{PATH}?limit=2&after={first['next']}", headers=finance).get_json()
    assert ([found["statement_ref"] for found in second["data"]], second["next"]) == (["S0"], None)
    odd = client.get(f"{PATH}?after=pay_1", headers=finance)
    assert (odd.status_code, odd.get_json()["code"]) == (400, "validation")


def test_a_table_needs_a_mapping(client: FlaskClient, finance: Headers) -> None:
    answer = client.post(f"{PATH}?account=main", data=TABLE, headers=finance)
    assert (answer.status_code, answer.get_json()["code"]) == (400, "statement_unreadable")
    assert "give a mapping" in answer.get_json()["detail"]
    query = {"account": "main", "mapping": json.dumps(MAPPING)}
    answer = client.post(PATH, query_string=query, data=TABLE, headers=finance)
    assert answer.status_code == 201, answer.text
    [found] = answer.get_json()["statements"]
    assert (found["lines"], found["opening_balance"]) == (2, None)


UNBALANCED = document(
    statement(entry("5.00"), balances=balance("OPBD", "1.00") + balance("CLBD", "7.00"))
)


@pytest.mark.parametrize(
    ("content", "code", "place", "told"),
    [
        (b"", "statement_unreadable", "file", "empty"),
        (b"%PDF-1.7", "statement_unreadable", "file", "not text"),
        (balanced("1.00")[:-9], "statement_unreadable", "file", "cut off"),
        (
            document(statement(entry("1.0O"))),
            "statement_unreadable",
            "entry 1 (line 3), amount",
            "'1.0O' is not an amount",
        ),
        (
            UNBALANCED,
            "statement_not_balanced",
            "statement 1 (line 3), balances",
            "the lines' sum 5.00 EUR make 6.00 EUR, but the closing balance is 7.00 EUR",
        ),
        (
            document(statement(iban="DE02120300000000202051")),
            "statement_of_other_account",
            "statement 1 (line 3), account",
            "an account that ends in '2051', not of 'main'",
        ),
    ],
    ids=["empty", "pdf", "cut off", "amount", "balance", "account"],
)
def test_a_refusal_names_the_place_and_the_reason(
    client: FlaskClient, finance: Headers, content: bytes, code: str, place: str, told: str
) -> None:
    answer = client.post(f"{PATH}?account=main", data=content, headers=finance)
    body = answer.get_json()
    assert (answer.status_code, body["code"]) == (400, code)
    assert list(body["errors"]) == [place]
    assert told in body["errors"][place][0]
    assert client.get(PATH, headers=finance).get_json()["data"] == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({}, "account"),
        ({"account": "savings"}, "account"),
        ({"account": "main", "format": "pdf"}, "format"),
        ({"account": "main", "mapping": "nobank"}, "mapping"),
        ({"account": "main", "mapping": '{"columns": {"amount": 0}}'}, "mapping.columns.amount"),
        ({"account": "main", "maping": "n26"}, "maping"),
    ],
)
def test_a_wrong_query_names_the_field(
    client: FlaskClient, finance: Headers, query: dict[str, str], field: str
) -> None:
    answer = client.post(PATH, query_string=query, data=balanced("1"), headers=finance)
    assert (answer.status_code, answer.get_json()["code"]) == (400, "validation")
    assert field in answer.get_json()["errors"]


def test_a_file_of_another_account_is_not_the_same_again(
    make_app: Any, settings: Settings, finance: Headers
) -> None:
    twin = BankAccount(name="twin", identifier=IBAN, currency="EUR")
    both = replace(settings, bank_accounts={**settings.bank_accounts, "twin": twin})
    client = make_app(both).test_client()
    content = balanced("1.00")
    assert client.post(f"{PATH}?account=main", data=content, headers=finance).status_code == 201
    answer = client.post(f"{PATH}?account=twin", data=content, headers=finance)
    assert (answer.status_code, answer.get_json()["code"]) == (422, "reference_reused")


def test_only_this_address_takes_more_than_a_megabyte(
    client: FlaskClient, finance: Headers
) -> None:
    padding = b" " * 2_000_000
    content = balanced("1.00")
    answer = client.post(f"{PATH}?account=main", data=content + padding, headers=finance)
    assert answer.status_code == 201, answer.text
    answer = client.post(f"{PATH}?account=main", data=b"x" * 32_000_001, headers=finance)
    assert (answer.status_code, answer.get_json()["code"]) == (413, "too_large")


@pytest.mark.parametrize("role", [Role.SERVICE, Role.SUPPORT, Role.OPERATOR])
def test_only_finance_and_admins_import(client: FlaskClient, key_of: KeyOf, role: Role) -> None:
    headers = key_of(role)
    answer = client.post(f"{PATH}?account=main", data=balanced("1.00"), headers=headers)
    assert (answer.status_code, answer.get_json()["code"]) == (403, "role_forbidden")
    listed = client.get(PATH, headers=headers)
    assert listed.status_code == (200 if role is Role.OPERATOR else 403)


def test_the_command_imports_and_lists(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "november.xml"
    file.write_bytes(balanced("12.50", "0.01"))
    told = run("statements", "import", str(file), "--account", "main").stdout
    assert "100.00" in told
    assert "112.51" in told
    assert "(camt.053): 2 lines, 2 of them new." in told
    again = run("statements", "import", str(file), "--account", "main").stdout
    assert "november.xml was imported before" in again
    [row] = json.loads(run("statements", "list", "--json").stdout)
    assert (row["opening"], row["closing"], row["lines"]) == ("10000", "11251", 2)
    assert "STMT-1" in run("statements", "list", "--account", "main").stdout
    assert "No statement" in run("statements", "list", "--account", "gbp").stdout


def test_the_command_maps_tables(run: Run, tmp_path: Path) -> None:
    table, mapping = tmp_path / "t.csv", tmp_path / "mapping.json"
    table.write_bytes(TABLE)
    mapping.write_text(json.dumps(MAPPING))
    arguments = ("statements", "import", str(table), "--account", "main", "--mapping")
    found = json.loads(run(*arguments, str(mapping), "--json").stdout)
    assert (found["format"], found["new_lines"], found["already_imported"]) == ("csv", 2, False)
    assert json.loads(run(*arguments, json.dumps(MAPPING), "--json").stdout)["already_imported"]


def test_the_command_says_why_it_refuses(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "wrong.xml"
    file.write_bytes(UNBALANCED)
    told = run("statements", "import", str(file), "--account", "main", code=1).output
    assert "the closing balance is 7.00 EUR" in told
    assert (
        "account: Use one of: main."
        in run("statements", "import", str(file), "--account", "savings", code=1).output
    )
