"""Personal data goes when its time is over or its person says so; the ledger stays whole."""

import dataclasses
import datetime as dt
import io
import json
import secrets
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, create_engine, func, select, text

from jobs.context import connect_context
from jobs.prune_records import prune_records
from ledger import broken_invariants
from payments.access.caller import Role
from payments.database import transaction
from payments.errors import NotFoundError
from payments.invoices.issue_credit_note import issue_credit_notes
from payments.invoices.issue_invoice import issue_invoice
from payments.invoices.read_invoice import read_document, read_file
from payments.invoices.tables import Invoice
from payments.log_lines import configure_log_lines
from payments.privacy.data_keys import connect_cipher
from payments.privacy.encryption import FieldCipher
from payments.rotate_encryption import ENCRYPTED_COLUMNS
from payments.settings import Settings
from payments.webhooks.drain_inbox import drain_inbox
from payments.webhooks.sealed_payload import unseal
from payments.webhooks.tables import InboxEvent
from tests.architecture.sources import ROOT
from tests.payments.invoices.desk import Desk
from tests.payments.shop import KEYSET, NOW, Shop
from tests.security.dump import dumped
from tests.security.one_world import api, one_app, one_settings, sign
from tests.web.conftest import Headers, KeyOf, settings
from tests.web.test_webhooks import event, signed

__all__ = ["api", "one_app", "one_settings", "settings"]

WEBHOOKS = "/api/webhooks/stripe"
_ALL_WRITTEN = text("DELETE FROM strongroom.documents_due")


@pytest.fixture(scope="module")
def owner(database_url: str) -> Iterator[Engine]:
    engine = create_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def service(key_of: KeyOf) -> Headers:
    return key_of(Role.SERVICE)


@pytest.fixture
def admin(key_of: KeyOf) -> Headers:
    return key_of(Role.ADMIN)


def register(api: FlaskClient, headers: Headers, name: str) -> str:
    body = {
        "reference": f"person-{name}",
        "name": name,
        "email": f"{name}@example.com",
        "address": f"{name} Street",
        "tax_id": f"{name}-17",
        "country": "DE",
    }
    answer = api.post("/api/parties", json=body, headers=headers)
    assert answer.status_code == 201, answer.text
    return str(answer.get_json()["id"])


def erase(
    api: FlaskClient, headers: Headers, party_id: str, again: str = ""
) -> tuple[int, dict[str, Any]]:
    body = {"reference": f"erase-{party_id}{again}", "reason": "Asked by letter."}
    answer = api.post(f"/api/parties/{party_id}/erase", json=body, headers=headers)
    return answer.status_code, answer.get_json()


def prune(settings: Settings, *, at: dt.datetime, **changes: Any) -> Mapping[str, int]:
    context = connect_context(dataclasses.replace(settings, **changes))
    figures = prune_records(dataclasses.replace(context, clock=lambda: at), {})
    context.engine.dispose()
    context.bell.close()
    return figures


def test_row_38_a_payload_is_encrypted_kept_for_a_while_and_never_logged(
    engine: Engine, owner: Engine, api: FlaskClient, one_settings: Settings, key_of: KeyOf
) -> None:
    lines = io.StringIO()
    configure_log_lines("DEBUG", stream=lines)
    canary = f"Zq{secrets.token_hex(16)}"
    payload = event(data={"object": {"id": "cus_1", "name": canary}})
    event_id = json.loads(payload)["id"]
    assert api.post(WEBHOOKS, data=payload, headers=signed(payload)).status_code == 200
    for hostile in (payload[:-1], payload.replace(b"livemode", b"lifemode"), b"[" + payload):
        assert api.post(WEBHOOKS, data=hostile, headers=signed(payload)).status_code == 400
        assert api.post(WEBHOOKS, data=hostile, headers=signed(hostile)).status_code in (200, 400)
    cipher = connect_cipher(engine, KEYSET)
    with transaction(engine) as session:
        row = session.scalars(select(InboxEvent).filter_by(event_id=event_id)).one()
    kept = unseal(cipher, row.payload_encrypted or b"", provider="stripe", event_id=event_id)
    assert kept == payload  # as it was signed, byte for byte
    now = dt.datetime.now(dt.UTC)  # noqa: TID251 - the application's clock is real here
    drain_inbox(engine, cipher=cipher, limit=100, now=now)
    assert event_id in dumped(owner)
    assert canary not in dumped(owner)
    assert event_id in lines.getvalue() or "request" in lines.getvalue()
    assert canary not in lines.getvalue()

    assert prune(one_settings, at=now + dt.timedelta(days=89))["webhook_payloads"] == 0
    assert prune(one_settings, at=now + dt.timedelta(days=91))["webhook_payloads"] >= 1
    with transaction(engine) as session:
        row = session.scalars(select(InboxEvent).filter_by(event_id=event_id)).one()
    assert (row.state, row.payload_encrypted) == ("ignored", None)
    again = api.post(WEBHOOKS, data=payload, headers=signed(payload))
    assert again.status_code == 200
    with transaction(engine) as session:  # still the same event: it has its effect once, for ever
        assert session.scalar(select(func.count(InboxEvent.id)).filter_by(event_id=event_id)) == 1
    body = {"reference": secrets.token_hex(16), "source": "inbox", "ids": [event_id]}
    refused = api.post("/api/ops/webhooks/replay", json=body, headers=key_of(Role.OPERATOR))
    assert refused.status_code == 400
    assert "From Stripe's list" in refused.text


def test_a_person_is_erased_and_the_books_stay(
    engine: Engine, owner: Engine, api: FlaskClient, service: Headers, admin: Headers
) -> None:
    names = {who: f"Zq{who}{secrets.token_hex(6)}" for who in ("buyer", "seller")}
    buyer_id, seller_id = (register(api, service, name) for name in names.values())
    holder = f"Zqholder{secrets.token_hex(6)}"
    bank = {"kind": "bank", "currency": "GBP", "iban": "GB33BUKB20201555555555", "holder": holder}
    path = f"/api/parties/{buyer_id}/payout-destinations"
    body = {"reference": secrets.token_hex(16), **bank}
    assert api.post(path, json=body, headers=service).status_code == 201
    cipher, desk = connect_cipher(engine, KEYSET), Desk(engine)
    desk.shop = Shop(engine, buyer_id, seller_id)
    order = desk.sold()
    with transaction(engine) as session:
        issue_invoice(session, order_id=order.id, now=NOW, cipher=cipher)
        session.execute(_ALL_WRITTEN)

    status, problem = erase(api, admin, buyer_id)
    assert (status, problem["code"]) == (409, "party_in_use")
    assert "1 orders whose money is held" in problem["detail"]

    desk.refund(order, order.amount)
    with transaction(engine) as session:
        issue_credit_notes(session, order_id=order.id, now=NOW, cipher=cipher)
        session.execute(_ALL_WRITTEN)
    before = books(engine)
    person = sign(buyer_id, Role.BUYER)
    assert api.get(f"/api/parties/{buyer_id}", headers=person).status_code == 200
    status, party = erase(api, admin, buyer_id)
    assert status == 200, party
    assert party["erased_at"] is not None
    assert {party[field] for field in ("name", "email", "address", "tax_id", "country")} == {None}
    assert erase(api, admin, buyer_id)[0] == 200  # the same wish again
    assert erase(api, admin, buyer_id, again="!")[1]["code"] == "conflict"
    assert api.get(f"/api/parties/{buyer_id}", headers=person).status_code == 401
    query = {"email": f"{names['buyer']}@example.com"}
    found = api.get("/api/parties", query_string=query, headers=service)
    assert found.get_json()["items"] == []
    assert register_again(api, service, names["buyer"]) == "reference_reused"
    [shown] = api.get(path, headers=admin).get_json()["data"]
    assert (shown["holder"], shown["iban"], shown["hint"]) == (None, None, "erased")
    assert_nothing_begins(api, service, admin, buyer_id, seller_id, shown["id"])

    assert books(engine) == before
    with transaction(engine) as session:
        assert not broken_invariants(session.connection())
        # The invoice says what it said, until its own time is over.
        invoice = session.scalars(
            select(Invoice).filter_by(order_id=order.id, kind="invoice")
        ).one()
        assert read_document(invoice, cipher=cipher).buyer.name == names["buyer"]
    assert api.get(f"/api/parties/{seller_id}", headers=service).get_json()["name"]
    with owner.connect() as connection:
        left = connection.execute(_LEFT, {"party_id": buyer_id}).one()
    assert set(left) == {None}


def assert_nothing_begins(
    api: FlaskClient, service: Headers, admin: Headers, gone: str, other: str, destination: str
) -> None:
    """Nobody orders from, pays out to or learns anew of a party that was erased."""
    line = {"description": "Lamp", "quantity": 1, "unit_amount": "100", "tax_rate": "0"}
    for buyer_id, seller_id in ((gone, other), (other, gone)):
        body = {"buyer_id": buyer_id, "seller_id": seller_id, "currency": "EUR", "lines": [line]}
        body["reference"] = secrets.token_hex(16)
        answer = api.post("/api/orders", json=body, headers=service)
        assert answer.status_code == 400, answer.text
        assert "no such party" in answer.text
    body = {
        "reference": secrets.token_hex(16),
        "kind": "stripe",
        "account": "acct_1Nv0FGQ9RKHgCVdL",
    }
    path = f"/api/parties/{gone}/payout-destinations"
    assert api.post(path, json=body, headers=service).status_code == 404
    path = f"/api/payout-destinations/{destination}/approve"
    answer = api.post(path, json={"reference": secrets.token_hex(16)}, headers=admin)
    assert (answer.status_code, answer.get_json()["code"]) == (409, "destination_decided")


def test_money_that_waits_to_go_back_keeps_its_payer(
    engine: Engine, owner: Engine, api: FlaskClient, service: Headers, admin: Headers
) -> None:
    buyer_id, seller_id = (register(api, service, f"Zq{secrets.token_hex(6)}") for _ in "ab")
    desk = Desk(engine)
    desk.shop = Shop(engine, buyer_id, seller_id)
    order = desk.sold()
    desk.refund(order, order.amount)
    receipt = """
        INSERT INTO strongroom.bank_receipts (id, payment_id, source, receipt_ref, amount, currency,
               occurred_at, reason, created_at, updated_at)
        SELECT 'rcp_late', id, 'statement', 'late', 5, currency, now(), 'late', now(), now()
          FROM strongroom.payments WHERE order_id = :order_id"""
    with owner.begin() as connection:
        connection.execute(text(receipt), {"order_id": order.id})
        connection.execute(_ALL_WRITTEN)
    status, problem = erase(api, admin, buyer_id)
    assert (status, problem["code"]) == (409, "party_in_use")
    assert "1 receipts that wait to go back" in problem["detail"]


def test_documents_are_kept_to_the_end_of_the_tenth_year(
    engine: Engine, owner: Engine, one_settings: Settings
) -> None:
    cipher, desk = FieldCipher(KEYSET), Desk(engine)
    order = desk.sold()
    desk.issue(order)
    [issued] = desk.issued(order)
    desk.render(issued.id)
    assert issued.issued_at.year == NOW.year
    last = dt.datetime(NOW.year + 10, 12, 31, 23, 59, tzinfo=dt.UTC)
    figures = prune(one_settings, at=last)
    assert (figures["invoices"], figures["invoice_files"]) == (0, 0)
    figures = prune(one_settings, at=last + dt.timedelta(minutes=1))
    assert figures["invoices"] >= 1
    assert figures["invoice_files"] >= 1
    with transaction(engine) as session:
        row = session.get_one(Invoice, issued.id)
        assert (row.number_text, row.amount) == (issued.number, order.amount)
        with pytest.raises(NotFoundError, match="no longer"):
            read_document(row, cipher=cipher)
        with pytest.raises(NotFoundError, match="no longer"):
            read_file(session, invoice_id=issued.id, format_name="pdf", cipher=cipher)
    with owner.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM strongroom.invoices")).scalar_one()


def test_every_column_of_ciphertexts_says_how_long_it_is_kept() -> None:
    inventory = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    _, _, inventory = inventory.partition("## Personal data")
    for encrypted in ENCRYPTED_COLUMNS:
        named = f"`{encrypted.table.__tablename__}.{encrypted.column}`"
        assert named in inventory, f"{named} is not in the inventory of docs/security.md"


def books(engine: Engine) -> list[tuple[object, ...]]:
    """Return everything that was booked, ordered, paid and numbered."""
    with engine.connect() as connection:
        return [
            tuple(row)
            for statement in (
                "SELECT * FROM ledger.postings ORDER BY 1",
                "SELECT id, amount, status FROM strongroom.orders ORDER BY 1",
                "SELECT id, amount, status FROM strongroom.payments ORDER BY 1",
                "SELECT id, number_text, amount, tax_amount FROM strongroom.invoices ORDER BY 1",
            )
            for row in connection.execute(text(statement))
        ]


def register_again(api: FlaskClient, headers: Headers, name: str) -> str:
    body = {"reference": f"person-{name}", "name": name}
    answer = api.post("/api/parties", json=body, headers=headers)
    return str(answer.get_json()["code"])


_LEFT = text("""
    SELECT name_encrypted, email_encrypted, email_index, address_encrypted, tax_id_encrypted,
           country FROM strongroom.parties WHERE id = :party_id
""")
