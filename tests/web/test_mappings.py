"""Account mappings over HTTP and on the command line, and the files that are written by them."""

import csv
import io
import secrets
from typing import Any

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient
from sqlalchemy import Engine

import ledger
from payments.access.caller import Role
from payments.settings import Settings
from tests.payments.shop import NOW
from tests.web.conftest import Headers, KeyOf, MakeApp, environment
from web.command_line import main

PATH = "/api/ledger/mappings/xero"
BANK = {"account": "assets:bank:main", "code": "090", "tax_code": "No Tax"}
ESCROW = {"account": "liabilities:escrow", "code": "820", "tax_code": "No Tax"}


@pytest.fixture
def client(make_app: MakeApp, settings: Settings) -> FlaskClient:
    return make_app(settings).test_client()


@pytest.fixture
def finance(key_of: KeyOf) -> Headers:
    headers: Headers = key_of(Role.FINANCE)
    return headers


@pytest.fixture(scope="module", autouse=True)
def books(engine: Engine) -> None:
    order = f"liabilities:escrow:ord_{'0' * 25}1"
    with engine.begin() as connection:
        specs = [ledger.AccountSpec(path, "EUR") for path in ("assets:bank:main", order)]
        debited, credited = ledger.open_accounts(connection, specs).values()
        for amount in (1_250, 300):
            lines = [ledger.Posting(debited, amount), ledger.Posting(credited, -amount)]
            key = f"paid_{secrets.token_hex(16)}"
            ledger.post(connection, ledger.Entry(key, "paid", NOW, lines))


def put(client: FlaskClient, headers: Headers, *data: object, status: int = 200) -> Any:
    answer = client.put(PATH, json={"data": data}, headers=headers)
    assert answer.status_code == status, answer.text
    return answer.get_json()


def test_what_lacks_is_named_until_it_is_mapped(client: FlaskClient, finance: Headers) -> None:
    put(client, finance)
    empty = client.get(PATH, headers=finance).get_json()
    assert empty == {
        "package": "xero",
        "data": [],
        "unmapped": ["assets:bank:main", "liabilities:escrow"],
    }
    assert put(client, finance, BANK)["unmapped"] == ["liabilities:escrow"]
    refused = client.get("/api/ledger/reports/journal?format=xero", headers=finance)
    assert (refused.status_code, refused.get_json()["code"]) == (409, "mapping_missing")
    assert set(refused.get_json()["errors"]) == {"liabilities:escrow"}


def test_the_journal_is_written_with_the_packages_accounts(
    client: FlaskClient, finance: Headers
) -> None:
    shown = put(client, finance, ESCROW, BANK)
    assert [one["account"] for one in shown["data"]] == [
        "assets:bank:main",
        "liabilities:escrow",
    ]
    answer = client.get("/api/ledger/reports/journal?format=xero", headers=finance)
    assert answer.status_code == 200
    of_day = ["Strongroom 2026-11-22 EUR", "22/11/2026"]
    assert list(csv.reader(io.StringIO(answer.text))) == [
        ["*Narration", "*Date", "Description", "*AccountCode", "*TaxRate", "*Amount"],
        [*of_day, "assets:bank:main", "090", "No Tax", "15.50"],
        [*of_day, "liabilities:escrow", "820", "No Tax", "-15.50"],
    ]


def test_replacing_removes_what_is_not_named(client: FlaskClient, finance: Headers) -> None:
    put(client, finance, BANK, ESCROW)
    shown = put(client, finance, ESCROW | {"code": "821"})
    [one] = shown["data"]
    assert (one["account"], one["code"]) == ("liabilities:escrow", "821")
    assert one["updated_by"].startswith("key:")


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        (BANK | {"account": "bank"}, "data"),
        (BANK | {"code": "=1+1"}, "assets:bank:main"),
        (BANK | {"tax_code": None}, "assets:bank:main"),
        (BANK | {"code": ""}, "data"),
    ],
)
def test_what_cannot_be_right_is_refused_and_changes_nothing(
    client: FlaskClient, finance: Headers, wrong: dict[str, object], field: str
) -> None:
    before = put(client, finance, ESCROW)["data"]
    refused = put(client, finance, ESCROW, wrong, status=400)
    assert any(name.startswith(field) for name in refused["errors"]), refused
    assert client.get(PATH, headers=finance).get_json()["data"] == before


def test_an_account_is_mapped_once(client: FlaskClient, finance: Headers) -> None:
    assert set(put(client, finance, BANK, BANK, status=400)["errors"]) == {"data"}


def test_only_finance_maps(client: FlaskClient, key_of: KeyOf) -> None:
    for role in (Role.SERVICE, Role.SUPPORT, Role.OPERATOR):
        put(client, key_of(role), BANK, status=403)


def test_there_are_two_packages(client: FlaskClient, finance: Headers) -> None:
    assert client.get("/api/ledger/mappings/quickbooks", headers=finance).status_code == 200
    assert client.get("/api/ledger/mappings/sage", headers=finance).status_code == 404


def test_the_command_line_maps_too(database_url: str, redis_url: str) -> None:
    environ = environment(database_url=database_url, redis_url=redis_url)

    def run(*arguments: str, code: int = 0) -> str:
        ended = CliRunner().invoke(main, ["ledger", "mappings", *arguments], env=environ)
        assert ended.exit_code == code, (ended.output, ended.exception)
        return ended.stderr if code else ended.stdout

    run("set", "quickbooks", "assets:bank:main", "Bank:Main")
    run("set", "quickbooks", "assets:bank:main", "Bank:Current")
    assert run("list", "quickbooks").split("\n")[1:3] == [
        "assets:bank:main    Bank:Current  -",
        "liabilities:escrow  -             -",
    ]
    run("remove", "quickbooks", "assets:bank:main")
    assert "is not mapped" in run("remove", "quickbooks", "assets:bank:main", code=1)
    assert "tax rate" in run("set", "xero", "assets:bank:main", "090", code=1)
