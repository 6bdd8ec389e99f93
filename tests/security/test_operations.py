"""What operations added, attacked: the console, its searches, self-tests, alerts, dead letters."""

import io
import re
import secrets
from pathlib import Path
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, select, text

from payments.access.caller import Role
from payments.alerts.apprise_sender import NotSentError, send, understands
from payments.dead_letters.mask import MASK, mask
from payments.log_lines import configure_log_lines
from payments.search.sources import SOURCES, Source
from tests.web.conftest import KeyOf

PAGES = Path(__file__).parents[2] / "web" / "pages" / "console"
FORM = re.compile(r"<form\b[^>]*>")


@pytest.mark.parametrize("page", sorted(PAGES.glob("*.html")), ids=lambda page: page.name)
def test_no_field_of_an_act_gets_into_an_address(page: Path) -> None:
    """Before its module has come, a form of an act must not be sent as a query."""
    for form in FORM.findall(page.read_text()):
        acts, asks = "data-call" in form, 'method="get"' in form
        assert acts != asks, form
        assert not acts or 'method="dialog"' in form, form


ODD_DAYS = ("0001-01-01", "0001-02-01", "1969-12-31", "9999-12-31")


@pytest.mark.parametrize(
    "query",
    [
        *({"amount": "1", "to": day} for day in ODD_DAYS),
        *({"amount": "1", "from": day} for day in ODD_DAYS),
        *({"amount": "1", "from": day, "to": day} for day in ODD_DAYS),
        {"amount": "1", "currency": "\x00"},
        {"amount": "1", "currency": "E" * 5000},
        {"reference": "%", "name": "_"},
        {"reference": "' OR 1=1 --"},
        {"reference": "x" * 140},
    ],
    ids=str,
)
def test_odd_searches_of_the_bank_are_answered(
    client: FlaskClient, key_of: KeyOf, query: dict[str, str]
) -> None:
    headers = key_of(Role.FINANCE)
    answer = client.get("/api/ops/bank-search", query_string=query, headers=headers)
    assert answer.status_code in (200, 400), answer.text


def test_names_at_banks_are_looked_for_by_who_may_read_them(
    client: FlaskClient, key_of: KeyOf
) -> None:
    for role in (Role.SUPPORT, Role.OPERATOR, Role.FINANCE, Role.ADMIN):
        answer = client.get("/api/ops/bank-search?name=Ada", headers=key_of(role))
        reads_names = role in (Role.FINANCE, Role.ADMIN)
        assert answer.status_code == (200 if reads_names else 400), role


@pytest.mark.parametrize(
    "asked",
    [
        *("%", "_", "a@", "@" * 255, "\x00", "😀" * 255, "'--", "pay_%%%%%%%%", "\ud800x"),
        *("x" * 256, "ord_" + "0" * 64, "0x" + "f" * 64),
    ],
    ids=ascii,
)
def test_odd_searches_find_nothing(client: FlaskClient, key_of: KeyOf, asked: str) -> None:
    query, headers = quote(asked, errors="surrogatepass"), key_of(Role.SUPPORT)
    answer = client.get(f"/api/ops/search?q={query}", headers=headers)
    assert answer.status_code == 400 or answer.get_json()["data"] == []
    page = client.get(f"/console/search?q={query}", headers=headers)
    assert page.status_code in (200, 400)


NAMES = [(source, name) for source in SOURCES for name in source.names]


@pytest.mark.parametrize(("source", "name"), NAMES, ids=lambda part: getattr(part, "prefix", part))
def test_an_index_answers_each_search_however_big_the_table(
    engine: Engine, source: Source, name: str
) -> None:
    query = select(source.table.id).where(source.names[name]("a-b-c"))
    sql = query.compile(engine, compile_kwargs={"literal_binds": True})
    with engine.connect() as connection:
        connection.exec_driver_sql("SET enable_seqscan = off")
        plan = connection.exec_driver_sql(f"EXPLAIN {sql}").scalars().all()
    assert [line for line in plan if "Seq Scan" in line] == []
    assert [line for line in plan if "Index Cond" in line] != []


@pytest.mark.parametrize("origin", ["https://a\x01b", "https://ä.example", "https://\x7f"])
def test_odd_origins_are_answered_by_the_self_test(
    client: FlaskClient, key_of: KeyOf, origin: str
) -> None:
    asked = {"origin": origin}
    headers = key_of(Role.OPERATOR)
    answer = client.post("/api/ops/events/self-test", json=asked, headers=headers)
    assert answer.status_code in (200, 400), answer.text


def test_whom_a_self_test_listened_as_stands_in_the_audit_log(
    client: FlaskClient, key_of: KeyOf, engine: Engine
) -> None:
    who = "pty_01KB2V6Q0R8Y4W5Z7X9A1C3E5G"
    asked, headers = {"party_id": who}, key_of(Role.OPERATOR)
    answer = client.post("/api/ops/events/self-test", json=asked, headers=headers)
    assert answer.status_code == 200, answer.text
    with engine.connect() as connection:
        noted = connection.execute(
            text("""
                SELECT count(*) FROM strongroom.audit_entries
                 WHERE action = 'events.test' AND subjects @> ARRAY[:who]
            """),
            {"who": who},
        ).scalar_one()
        open_sessions = connection.execute(
            text("SELECT count(*) FROM strongroom.sessions WHERE revoked_at IS NULL")
        ).scalar_one()
    assert (noted, open_sessions) == (1, 0)


HOSTILE = "<img src=x onerror=alert(1)>\"'{{7*7}}"
READ = (
    *("", "/alerts", "/incidents", "/releases", "/secrets", "/audit", "/pending", "/webhooks"),
    *("/dead-letters", "/dead-letters?kind=job", "/search?q={q}", "/{q}", "/audit?actor={q}"),
    *("/webhooks?type={q}", "/releases?order_id={q}", "/reconciliation?reference={q}"),
    *("/finance?asset={q}", "/alerts?after={q}", "/payments/pay_1?only={q}", "/runbooks/{q}"),
)


@pytest.fixture
def hostile_texts(client: FlaskClient, key_of: KeyOf, engine: Engine) -> str:
    """Markup wherever people, providers and errors leave text; returns an incident's id."""
    admin = key_of(Role.ADMIN)

    def post(path: str, **body: object) -> str:
        body["reference"] = secrets.token_hex(16)
        answer = client.post(path, json=body, headers=admin)
        assert answer.status_code in (200, 201), answer.text
        return str(answer.get_json()["id"])

    told = {"title": HOSTILE, "banner": HOSTILE, "severity": "P2"}
    incident = post("/api/ops/incidents", **told)
    change = {"reference": secrets.token_hex(16), "note": HOSTILE}
    client.patch(f"/api/ops/incidents/{incident}", json=change, headers=admin)
    post("/api/keys", name=HOSTILE, role="support")
    post("/api/ops/freeze", reason=HOSTILE)
    with engine.begin() as connection:
        connection.execute(
            text("""
                INSERT INTO strongroom.outbox (job, state, due_at, created_at, finished_at, error)
                VALUES ('run_export', 'dead', now(), now(), now(), :hostile)
            """),
            {"hostile": HOSTILE},
        )
        connection.execute(
            text("""
                INSERT INTO strongroom.webhook_inbox (provider, event_id, event_type, occurred_at,
                       payload_encrypted, received_at, state, due_at, error)
                VALUES ('stripe', :hostile, :hostile, now(), '\\x00', now(), 'new', now(), :hostile)
            """),
            {"hostile": HOSTILE},
        )
    return incident


def test_no_text_becomes_markup_on_any_page(
    client: FlaskClient, key_of: KeyOf, hostile_texts: str
) -> None:
    admin, shown = key_of(Role.ADMIN), 0
    for path in (*READ, f"/incidents/{hostile_texts}"):
        page = client.get("/console" + path.replace("{q}", quote(HOSTILE)), headers=admin)
        assert page.status_code in (200, 400, 404), (path, page.text)
        if page.mimetype == "text/html":
            assert "<img src=x" not in page.text, path
            assert "\"'{{7*7}}" not in page.text, path
        shown += "onerror=alert" in page.text
    assert shown > 8  # the texts are there, as text


@pytest.mark.parametrize(
    "pasted",
    [
        "sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc",
        "whsec_" + "4eC39HqLyjWDarjtT1zdp7dc",
        "Pay to DE89 3704 0044 0532 0130 00",
        "Card 4242 4242 4242 4242 is declined",
    ],
)
def test_no_secret_is_told_to_everybody_in_a_banner(
    client: FlaskClient, key_of: KeyOf, pasted: str
) -> None:
    headers = key_of(Role.OPERATOR)
    told = {"title": "Odd", "severity": "notice", "reference": secrets.token_hex(16)}
    refused = client.post("/api/ops/incidents", json=told | {"banner": pasted}, headers=headers)
    assert (refused.status_code, list(refused.get_json()["errors"])) == (400, ["banner"])
    opened = client.post("/api/ops/incidents", json=told, headers=headers).get_json()
    change = {"reference": secrets.token_hex(16), "banner": pasted}
    path = f"/api/ops/incidents/{opened['id']}"
    assert client.patch(path, json=change, headers=headers).status_code == 400
    assert pasted not in client.get("/api/status").text


TOKEN = "T0psecretOfAnAddress"


@pytest.mark.parametrize(
    "address",
    [
        f"slack://{TOKEN}a/{TOKEN}b/{TOKEN}c",
        f"json://user:{TOKEN}@127.0.0.1:9/{TOKEN}?token={TOKEN}",
        f"ntfy://127.0.0.1:9/{TOKEN}",
        f"nosuch://{TOKEN}",
        f"json://[{TOKEN}",
    ],
)
def test_no_log_and_no_error_has_an_address_of_alerts(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("socket.getaddrinfo", _nobody)
    lines = io.StringIO()
    configure_log_lines("DEBUG", stream=lines)
    with pytest.raises(NotSentError) as refused:
        send(address, title="t", body="b", kind="test", timeout_s=1)
    understands(address)
    configure_log_lines("INFO")
    assert TOKEN.lower() not in f"{refused.value}{lines.getvalue()}".lower()


def _nobody(*_asked: object, **_more: object) -> None:
    raise OSError("nobody is there")


PEOPLE = {
    "phone": "015112345678",
    "account_number": "26207729",
    "sort_code": "560029",
    "dob": {"day": 1, "month": 2, "year": 1980},
    "date_of_birth": "1980-02-01",
    "postal_code": "10115",
    "last4": "4242",
    "customer": "ada_lovelace",
}


def test_numbers_of_people_are_masked_in_dead_letters() -> None:
    assert mask(PEOPLE) == dict.fromkeys(PEOPLE, MASK)
    kept = {
        "id": "pi_3Nabc0",
        "amount": "1250",
        "amount_in_minor": 1250,
        "created_at": "2026-11-22T12:00:00Z",
        "payment": "pay_01KB2V6Q0R8Y4W5Z7X9A1C3E5G",
    }
    assert mask(kept) == kept
