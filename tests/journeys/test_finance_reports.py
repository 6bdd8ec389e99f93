"""Reports and exports of a running system's books: every format, proved by others' programs."""

import csv
import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from sandbox.calls import TIMEOUT_S, created
from tests.conditions import wait_until
from tests.journeys.conftest import System
from tests.journeys.finance import PATIENCE_S, FinanceOffice, calendar
from tests.outside_tools import find_hledger
from tests.payments.reports.exporting import bean_check, hledger_balances, hledger_check

Check = Callable[[Path, str], str]

REPORTS = [
    *("trial-balance", "general-ledger", "journal", "income-statement", "balance-sheet"),
    *("escrow-positions", "fees", "ageing-pending", "ageing-suspense"),
]
PACKAGES = {"xero": "*Narration", "quickbooks": "Journal No."}
needs_hledger = pytest.mark.skipif(find_hledger() is None, reason="There is no hledger here.")
OUTSIDE = [
    pytest.param("beancount", bean_check, id="beancount"),
    pytest.param("hledger", hledger_check, id="hledger", marks=needs_hledger),
]


@pytest.fixture(scope="module")
def office(system: System, books: Engine) -> FinanceOffice:
    """Finance, after a sale by card, a refund of a part, and an entry by hand."""
    office = FinanceOffice(system, books)
    office.post_entry(calendar().last, "expenses:rent", "liabilities:accrued:rent", "120000")
    with system.listening() as listener:
        payment = system.pay()
        system.wait_until(listener, payment, "succeeded")
        url = f"{system.way_in.base_url}/api/payments/{payment['id']}/refunds"
        refund = {"reference": f"part-{payment['id']}", "amount": "3500"}
        created(system.cast.backend.post(url, json=refund, timeout=TIMEOUT_S))
        system.wait_until(listener, payment, "partially_refunded")
    return office


@pytest.fixture(scope="module")
def as_of(office: FinanceOffice) -> str:
    """A moment that is over: what was recorded by then changes no more."""
    return office.report("trial-balance").headers["Report-As-Of"]


@pytest.mark.parametrize("name", [*REPORTS, "seller-statement"])
def test_every_report_in_every_format_for_people_and_the_same_again(
    office: FinanceOffice, as_of: str, name: str
) -> None:
    seller = {"seller_id": office.system.cast.seller_id} if name == "seller-statement" else {}
    filters = {"as_of": as_of, **seller}
    shown = office.report(name, **filters).json()
    assert (shown["report"], shown["as_of"]) == (name, as_of)
    table = office.report(name, format="csv", **filters)
    assert table.headers["Content-Type"].startswith("text/csv")
    assert f'filename="{name}-' in table.headers["Content-Disposition"]
    columns = [column["name"] for column in shown["columns"]]
    assert next(csv.reader(io.StringIO(table.text))) == columns
    assert table.content == office.report(name, format="csv", **filters).content
    workbook = office.report(name, format="xlsx", **filters)
    with zipfile.ZipFile(io.BytesIO(workbook.content)) as archive:
        assert "xl/worksheets/sheet1.xml" in archive.namelist()
    assert workbook.content == office.report(name, format="xlsx", **filters).content


@pytest.mark.parametrize("detail", ["control", "account"])
def test_the_trial_balance_adds_up_and_each_figure_leads_to_its_entries(
    office: FinanceOffice, as_of: str, detail: str
) -> None:
    shown = office.report("trial-balance", as_of=as_of, detail=detail, asset="EUR").json()
    [total] = shown["totals"]
    assert total["closing_debit"] == total["closing_credit"]
    [rent] = [row for row in shown["rows"] if row["account"] == "expenses:rent"]
    behind = office.who("finance").get(
        f"{office.system.way_in.base_url}{rent['drill_down']}", timeout=TIMEOUT_S
    )
    rows = [row for row in behind.json()["rows"] if row["kind"] not in ("opening", "closing")]
    assert sum(int(row["debit"] or 0) for row in rows) == int(rent["debit"])
    entry = office.entry(rows[0]["entry_id"])
    assert entry["description"] == "Month's end."


@pytest.mark.parametrize(("name", "check"), OUTSIDE)
def test_others_verify_the_journal_that_is_downloaded(
    office: FinanceOffice, as_of: str, tmp_path: Path, name: str, check: Check
) -> None:
    books = office.report("journal", format=name, as_of=as_of).text
    assert check(tmp_path, books) == ""
    this_month = {"from": str(calendar().after), "to": str(calendar().today)}
    assert (
        check(tmp_path, office.report("journal", format=name, as_of=as_of, **this_month).text) == ""
    )
    assert check(tmp_path, books.replace("1200.00 EUR", "1200.01 EUR", 1)) != ""


@needs_hledger
def test_hledgers_trial_balance_is_ours(office: FinanceOffice, as_of: str, tmp_path: Path) -> None:
    theirs = {
        (account, asset): number
        for account, asset, number in hledger_balances(
            tmp_path, office.report("journal", format="hledger", as_of=as_of).text
        )
    }
    table = office.report("trial-balance", format="csv", as_of=as_of, detail="account").text
    ours = {
        (row["account"], row["asset"]): row["closing"]
        for row in csv.DictReader(io.StringIO(table))
        if row["closing"].strip("-0.")
    }
    assert ours
    assert theirs == ours


def test_the_command_writes_what_is_downloaded_and_proves_it_again(
    office: FinanceOffice, as_of: str, tmp_path: Path
) -> None:
    books, workbook = tmp_path / "books.beancount", tmp_path / "trial-balance.xlsx"
    export = ("ledger", "export", "beancount", "--as-of", as_of, "-o", str(books))
    report = ("ledger", "report", "trial-balance", "--as-of", as_of, "-o", str(workbook))
    for command in (export, report):
        told = office.command(*command, folder=tmp_path)
        assert (told.code, as_of in told.out) == (0, True), told
    content = books.read_bytes()
    assert content == office.report("journal", format="beancount", as_of=as_of).content
    assert bean_check(tmp_path, content.decode()) == ""
    trial_balance = office.report("trial-balance", format="xlsx", as_of=as_of).content
    assert workbook.read_bytes() == trial_balance

    manifests = [file.with_name(f"{file.name}.manifest.json") for file in (books, workbook)]
    sha256 = json.loads(manifests[0].read_text())["sha256"]
    assert sha256 == hashlib.sha256(content).hexdigest()
    verify = ["ledger", "verify", *(part for one in manifests for part in ("--manifest", str(one)))]
    proved = office.command(*verify, folder=tmp_path)
    assert (proved.code, "Manifests that hold: 2." in proved.out) == (0, True), proved
    books.write_bytes(content.replace(b"1200.00", b"1300.00", 1))
    assert office.command(*verify, folder=tmp_path).code == 1


@pytest.mark.parametrize("package", PACKAGES)
def test_an_accounting_package_gets_its_journal_once_every_account_is_mapped(
    office: FinanceOffice, as_of: str, package: str
) -> None:
    wanted = {"format": package, "as_of": as_of, "asset": "EUR"}
    url = f"{office.system.way_in.base_url}/api/ledger/mappings/{package}"
    finance = office.who("finance")
    unmapped = created(finance.put(url, json={"data": []}, timeout=TIMEOUT_S))["unmapped"]
    refused = office.get("reports/journal", **wanted)
    assert (refused.status_code, refused.json()["code"]) == (409, "mapping_missing")
    assert "expenses:rent" in str(unmapped)
    assert set(refused.json()["errors"]) <= {*unmapped, "account", "data"}
    mapped = [{"account": path, "code": path[-20:], "tax_code": "No Tax"} for path in unmapped]
    answer = created(finance.put(url, json={"data": mapped}, timeout=TIMEOUT_S))
    assert answer["unmapped"] == []
    table = list(csv.DictReader(io.StringIO(office.report("journal", **wanted).text)))
    assert next(iter(table[0])) == PACKAGES[package]
    assert any("expenses:rent"[-20:] in row.values() for row in table)


def ask_for_export(office: FinanceOffice, **more: str) -> Any:
    return created(office.post("exports", {"report": "journal", "format": "csv", **more}))


def export_now(office: FinanceOffice, export: Any) -> Any:
    return created(office.get(f"exports/{export['id']}"))


def wait_for_export(office: FinanceOffice, export: Any) -> Any:
    wait_until(lambda: export_now(office, export)["status"] == "ready", timeout_s=PATIENCE_S)
    return export_now(office, export)


def check_download(office: FinanceOffice, export: Any) -> bytes:
    """Download what an export has made; it is what its manifest says."""
    url = f"{office.system.way_in.base_url}{export['download_url']}"
    answer = office.who("finance").get(url, timeout=TIMEOUT_S)
    assert answer.ok, answer.text
    manifest = export["manifest"]
    assert hashlib.sha256(answer.content).hexdigest() == manifest["sha256"]
    assert len(answer.content) == manifest["size"]
    assert manifest["rows"] == export["row_count"]
    for sums in manifest["sums"]:
        assert sums["debit"] == sums["credit"], sums
    return answer.content


def test_a_job_writes_an_export_that_is_what_the_report_is(
    office: FinanceOffice, as_of: str
) -> None:
    export = wait_for_export(office, ask_for_export(office, as_of=as_of))
    downloaded = check_download(office, export)
    assert downloaded == office.report("journal", format="csv", as_of=as_of).content
    assert export["id"] in {one["id"] for one in office.get("exports").json()["data"]}


def test_a_worker_that_is_killed_in_the_middle_of_an_export_is_followed_by_another(
    office: FinanceOffice, books: Engine, as_of: str
) -> None:
    with books.connect() as connection, connection.begin():
        # Nobody can keep a piece, so the worker has begun and cannot end.
        connection.execute(text("LOCK TABLE strongroom.export_pieces IN SHARE MODE"))
        export = ask_for_export(office, as_of=as_of)
        wait_until(lambda: is_blocked(books), timeout_s=PATIENCE_S)
        office.kill_worker()
    office.let_lease_pass("make_export")
    ended = wait_for_export(office, export)
    assert (
        check_download(office, ended) == office.report("journal", format="csv", as_of=as_of).content
    )


def is_blocked(books: Engine) -> bool:
    """Whether somebody waits for the lock on the exports' pieces."""
    waiting = """
        SELECT count(*) FROM pg_locks
         WHERE relation = 'strongroom.export_pieces'::regclass AND NOT granted
    """
    with books.connect() as connection:
        return bool(connection.execute(text(waiting)).scalar_one())
