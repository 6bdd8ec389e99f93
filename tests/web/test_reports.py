"""The reports over HTTP: what they show, how they are asked for, and how they refuse."""

import contextlib
import csv
import datetime as dt
import io
import secrets
import threading
from typing import Any

import openpyxl
import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

import ledger
from payments.access.caller import Role
from payments.database import POOL_SIZE
from payments.errors import InvalidRequestError
from payments.reports import open_report
from payments.reports.formats.registry import FORMATS
from payments.reports.names import DEFINITIONS
from tests.web.conftest import Headers, KeyOf
from web import report_answers
from web.report_answers import MOST_AT_ONCE

NOON = dt.datetime(2026, 10, 15, 12, tzinfo=dt.UTC)
REPORTS = "/api/ledger/reports"


@pytest.fixture
def finance(key_of: KeyOf) -> Headers:
    return key_of(Role.FINANCE)


@pytest.fixture
def seller_id(client: FlaskClient, key_of: KeyOf) -> str:
    body = {"reference": secrets.token_hex(16), "name": "Sam"}
    made = client.post("/api/parties", json=body, headers=key_of(Role.SERVICE))
    return str(made.get_json()["id"])


@pytest.fixture(scope="module", autouse=True)
def books(engine: Engine) -> None:
    post(engine, ("assets:bank:main", 500), ("equity:owners", -500))
    post(engine, ("assets:bank:main", 70), ("income:platform-fees", -70))
    post(engine, ("expenses:processing:stripe", 20), ("assets:bank:main", -20), at=later(20))


def later(days: int) -> dt.datetime:
    return NOON + dt.timedelta(days=days)


def post(engine: Engine, *lines: tuple[str, int], at: dt.datetime = NOON) -> int:
    with engine.begin() as connection:
        specs = [ledger.AccountSpec(path, "EUR", mode="deferred") for path, _ in lines]
        ids = ledger.open_accounts(connection, specs)
        postings = [ledger.Posting(ids[path, "EUR"], amount) for path, amount in lines]
        entry = ledger.Entry(f"test_{secrets.token_hex(16)}", "test", at, postings)
        return ledger.post(connection, entry).entry_id


def get(client: FlaskClient, path: str, headers: Headers, **query: Any) -> Any:
    return client.get(path, query_string=query, headers=headers)


def test_trial_balance(client: FlaskClient, finance: Headers) -> None:
    period = {"from": "2026-10-16", "to": "2026-11-10"}
    shown = get(client, f"{REPORTS}/trial-balance", finance, **period).get_json()
    rows = {row["account"]: row for row in shown["rows"]}
    assert list(rows) == sorted(rows)
    bank = rows["assets:bank:main"]
    amounts = ("opening", "debit", "credit", "closing", "closing_debit", "closing_credit")
    assert [bank[name] for name in amounts] == ["570", "0", "20", "550", "550", "0"]
    assert [bank["class"], bank["asset"]] == ["asset", "EUR"]
    [totals] = shown["totals"]
    assert totals["opening"] == totals["closing"] == "0"
    assert totals["closing_debit"] == totals["closing_credit"] == "570"
    assert shown["from"] == "2026-10-16"
    assert shown["by"] == "effective"
    assert shown["sequence"] > 0
    assert [column["name"] for column in shown["columns"]] == list(bank)[:-1]


def test_income_statement_and_balance_sheet(client: FlaskClient, finance: Headers) -> None:
    income = get(client, f"{REPORTS}/income-statement", finance).get_json()["rows"]
    assert [(row["section"], row["amount"]) for row in income] == [
        ("income", "70"),
        ("expenses", "20"),
        ("result", "50"),
    ]
    sheet = get(client, f"{REPORTS}/balance-sheet", finance, to="2026-10-31").get_json()["rows"]
    assert [(row["section"], row["account"], row["amount"]) for row in sheet] == [
        ("assets", "assets:bank:main", "570"),
        ("equity", "equity:owners", "500"),
        ("equity", "equity:current-earnings", "70"),
        ("total", "assets", "570"),
        ("total", "liabilities-and-equity", "570"),
    ]


def test_statement_of_an_account(client: FlaskClient, finance: Headers) -> None:
    path = "/api/ledger/accounts/assets:bank:main/statement"
    rows = get(client, path, finance, **{"from": "2026-10-01", "to": "2026-10-31"}).get_json()[
        "rows"
    ]
    assert [(row["kind"], row["balance"]) for row in rows] == [
        ("opening", "0"),
        ("test", "500"),
        ("test", "570"),
        ("closing", "570"),
    ]
    assert get(client, path.replace("main", "none"), finance).status_code == 404
    assert get(client, path.replace(":main", ""), finance).status_code == 404
    exported = get(client, path, finance, format="csv")
    assert exported.text.startswith("account,asset,seq,entry_id")


@pytest.mark.parametrize("name", ["journal", "general-ledger"])
def test_long_reports_come_page_by_page(client: FlaskClient, finance: Headers, name: str) -> None:
    as_of = get(client, f"{REPORTS}/{name}", finance).headers["Report-As-Of"]
    whole = get(client, f"{REPORTS}/{name}", finance, as_of=as_of, limit=1000).get_json()
    assert whole["next"] is None
    rows: list[Any] = []
    query: dict[str, Any] = {"limit": 2, "as_of": as_of}
    while query.get("after", "first") is not None:
        page = get(client, f"{REPORTS}/{name}", finance, **query).get_json()
        assert len(page["rows"]) <= 2
        rows += page["rows"]
        query["after"] = page["next"]
    assert [without_link(row) for row in rows] == [without_link(row) for row in whole["rows"]]
    assert len(rows) > 4


def without_link(row: dict[str, Any]) -> dict[str, Any]:
    return {name: cell for name, cell in row.items() if name != "drill_down"}


@pytest.mark.parametrize("after", ["x", "1", "1.x", "assets:bank:main EUR 999999", "a\x00 b 1"])
@pytest.mark.parametrize("name", ["journal", "general-ledger"])
def test_a_page_that_nobody_named(
    client: FlaskClient, finance: Headers, name: str, after: str
) -> None:
    answer = get(client, f"{REPORTS}/{name}", finance, after=after)
    assert answer.status_code == 400
    assert set(answer.get_json()["errors"]) == {"after"}


def test_files_say_what_they_are(client: FlaskClient, finance: Headers) -> None:
    query = {"from": "2026-10-01", "to": "2026-10-31"}
    for format_name, each in FORMATS.items():
        if each.reports is not None:
            continue
        answer = get(client, f"{REPORTS}/trial-balance", finance, format=format_name, **query)
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == each.content_type
        name = f"trial-balance-2026-10-01-2026-10-31.{each.extension}"
        assert answer.headers["Content-Disposition"] == f'attachment; filename="{name}"'
        assert int(answer.headers["Ledger-Sequence"]) > 0
        assert answer.headers["Report-As-Of"].endswith("Z")
        assert answer.headers["Cache-Control"] == "no-store"


def test_csv_and_workbook_say_the_same(client: FlaskClient, finance: Headers) -> None:
    path = f"{REPORTS}/trial-balance"
    lines = list(csv.reader(io.StringIO(get(client, path, finance, format="csv").text)))
    assert lines[1][:3] == ["assets:bank:main", "asset", "EUR"]
    assert lines[1][3:] == ["0.00", "5.70", "0.20", "5.50", "5.50", "0.00"]
    workbook = openpyxl.load_workbook(io.BytesIO(get(client, path, finance, format="xlsx").data))
    sheet = workbook.worksheets[0]
    cells = {tuple(cell.value for cell in row)[:3]: row for row in sheet.iter_rows()}
    found = next(row for name, row in cells.items() if name[0] == "assets:bank:main")
    assert found[4].value == 5.7


@pytest.mark.parametrize("format_name", ["beancount", "hledger"])
def test_the_books_as_text(client: FlaskClient, finance: Headers, format_name: str) -> None:
    journal = get(client, f"{REPORTS}/journal", finance, format=format_name)
    assert journal.status_code == 200, journal.text
    as_of = journal.headers["Report-As-Of"]
    again = get(client, f"{REPORTS}/general-ledger", finance, format=format_name, as_of=as_of)
    assert again.data == journal.data


@pytest.mark.parametrize("name", DEFINITIONS)
def test_the_same_as_of_is_the_same_bytes_while_others_post(
    client: FlaskClient, engine: Engine, finance: Headers, name: str, seller_id: str
) -> None:
    needed = {"seller_id": seller_id, "account": "assets:bank:main"}
    query = {field: needed[field] for field in DEFINITIONS[name].needs}
    as_of = get(client, f"{REPORTS}/{name}", finance, **query).headers["Report-As-Of"]
    ended = threading.Event()

    def go_on_posting() -> None:
        while not ended.is_set():
            post(engine, ("assets:bank:main", 1), ("assets:suspense:unmatched", -1))

    posting = threading.Thread(target=go_on_posting)
    posting.start()
    try:
        for format_name in ("csv", "json"):
            first, *others = [
                get(client, f"{REPORTS}/{name}", finance, as_of=as_of, format=format_name, **query)
                for _ in range(4)
            ]
            assert first.status_code == 200, first.text
            assert {other.data for other in others} == {first.data}
    finally:
        ended.set()
        posting.join()


@pytest.mark.parametrize(
    ("name", "query", "field", "told"),
    [
        ("trial-balance", {"as_of": "2999-01-01"}, "as_of", "in the future"),
        ("trial-balance", {"as_of": "yesterday"}, "as_of", "2026-10-31T18:00:00Z"),
        ("trial-balance", {"as_of": "2026-10-31T18:00:00"}, "as_of", "Write a moment"),
        ("trial-balance", {"as_of": "0001-01-01T00:00:00+14:00"}, "as_of", "Write a moment"),
        ("trial-balance", {"from": "2026-02-30"}, "from", "as 2026-10-31"),
        ("trial-balance", {"to": "9999-12-31"}, "to", "as 2026-10-31"),
        ("trial-balance", {"from": "2026-10-02", "to": "2026-10-01"}, "to", "before `from`"),
        ("trial-balance", {"asset": "DOGE"}, "asset", "there are"),
        ("trial-balance", {"asset": "eur"}, "asset", "such as EUR"),
        ("trial-balance", {"account": "assets:moon"}, "account", "nor one below it"),
        ("trial-balance", {"account": "assets:bank:mai"}, "account", "no account"),
        ("trial-balance", {"account": "assets:\x00"}, "account", "an account's path"),
        ("trial-balance", {"control": "assets"}, "control", "no control account"),
        ("trial-balance", {"by": "hour"}, "by", "effective or recorded"),
        ("trial-balance", {"detail": "all"}, "detail", "control or account"),
        ("trial-balance", {"seller_id": "pty_1"}, "seller_id", "no such filter"),
        ("trial-balance", {"format": "pdf"}, "format", "Must be one of"),
        ("trial-balance", {"format": "beancount"}, "format", "can be written as json, csv"),
        ("journal", {"format": "hledger", "account": "assets"}, "account", "leave it out"),
        ("balance-sheet", {"from": "2026-10-01"}, "from", "no such filter"),
        ("seller-statement", {}, "seller_id", "name it"),
        ("seller-statement", {"seller_id": "pty_1"}, "seller_id", "no party"),
        ("account-statement", {}, "account", "name it"),
        ("journal", {"limit": "0"}, "limit", ""),
        ("journal", {"month": "10"}, "month", ""),
    ],
)
def test_what_is_wrong_is_said_by_field(
    client: FlaskClient, finance: Headers, name: str, query: Any, field: str, told: str
) -> None:
    answer = get(client, f"{REPORTS}/{name}", finance, **query)
    problem = answer.get_json()
    assert (answer.status_code, problem["code"]) == (400, "validation"), problem
    assert list(problem["errors"]) == [field]
    assert told in problem["errors"][field][0]


def test_a_report_nobody_knows(client: FlaskClient, finance: Headers) -> None:
    answer = get(client, f"{REPORTS}/profit", finance)
    assert answer.status_code == 404
    assert "trial-balance" in answer.get_json()["detail"]


def test_an_entry_that_is_being_written_is_waited_for(
    client: FlaskClient, engine: Engine, finance: Headers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_report, "PATIENCE_S", 0.05)
    with engine.connect() as connection:
        specs = [ledger.AccountSpec(p, "EUR", "deferred") for p in ("assets:a", "assets:b")]
        first, second = ledger.open_accounts(connection, specs).values()
        lines = [ledger.Posting(first, 1), ledger.Posting(second, -1)]
        ledger.post(connection, ledger.Entry(secrets.token_hex(16), "test", NOON, lines))
        answer = get(client, f"{REPORTS}/trial-balance", finance)
        assert (answer.status_code, answer.get_json()["code"]) == (503, "unavailable")
        assert answer.headers["Retry-After"]
        connection.rollback()
    assert get(client, f"{REPORTS}/trial-balance", finance).status_code == 200


def test_no_connection_is_kept_when_a_reader_hangs_up(
    client: FlaskClient, finance: Headers
) -> None:
    for _ in range(40):  # more than the pool has
        answer = client.get(f"{REPORTS}/journal?format=csv", headers=finance, buffered=False)
        next(iter(answer.response))
        answer.close()
    assert get(client, f"{REPORTS}/trial-balance", finance).status_code == 200


def test_no_more_than_so_many_are_read_at_once(client: FlaskClient, finance: Headers) -> None:
    path = f"{REPORTS}/journal?format=csv"
    readers = [client.get(path, headers=finance, buffered=False) for _ in range(MOST_AT_ONCE)]
    refused = client.get(path, headers=finance)
    assert (refused.status_code, refused.get_json()["code"]) == (429, "too_many_requests")
    for reader in readers:
        assert reader.status_code == 200
        reader.close()
    assert client.get(path, headers=finance).status_code == 200
    for _ in range(2 * MOST_AT_ONCE):  # a refusal takes no room
        assert get(client, f"{REPORTS}/trial-balance", finance, asset="DOGE").status_code == 400
    assert client.get(path, headers=finance).status_code == 200


def test_a_workbook_too_large_to_be_put_together_in_a_request_is_for_a_job(
    client: FlaskClient, finance: Headers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(report_answers.MOST_ROWS, "xlsx", 2)
    for _ in range(2 * MOST_AT_ONCE):  # it takes no room
        refused = get(client, f"{REPORTS}/journal", finance, format="xlsx")
    assert refused.status_code == 400
    assert "/api/ledger/exports" in refused.get_json()["errors"]["format"][0]
    assert get(client, f"{REPORTS}/journal", finance, format="csv").status_code == 200


def test_nobody_reads_a_report_for_ever(
    client: FlaskClient, finance: Headers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report_answers, "LONGEST_S", -1)
    begun = get(client, f"{REPORTS}/journal", finance, format="csv")
    with pytest.raises(InvalidRequestError):  # so that no part is taken for the whole
        begun.get_data()
    begun.close()
    refused = get(client, f"{REPORTS}/journal", finance, format="xlsx")
    assert (refused.status_code, refused.get_json()["code"]) == (400, "validation")


def test_a_reader_whom_the_database_has_left_takes_no_room(
    client: FlaskClient, owner_engine: Engine, finance: Headers
) -> None:
    path = f"{REPORTS}/journal?format=csv"
    for _ in range(2 * POOL_SIZE + 1):
        reader = client.get(path, headers=finance, buffered=False)
        assert reader.status_code == 200
        with owner_engine.begin() as connection:
            connection.exec_driver_sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name LIKE 'strongroom%%' AND datname = current_database()"
                "   AND state = 'idle in transaction'"
            )
        with contextlib.suppress(OperationalError):
            reader.close()
    assert client.get(path, headers=finance).status_code == 200
