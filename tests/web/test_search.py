"""Search by anything: every piece of a thing that somebody may have leads to it."""

import dataclasses
import datetime as dt
import secrets

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, select

from payments.access.caller import Role
from payments.audit.tables import AuditEntry
from payments.database import transaction
from payments.escrow.tables import Escrow, EscrowEffect
from tests.payments.shop import NOW, Shop, open_shop
from tests.web.conftest import Headers, KeyOf
from tests.web.test_webhooks import deliver, event, signed


@pytest.fixture
def shop(engine: Engine) -> Shop:
    return open_shop(engine)


@pytest.fixture
def support(key_of: KeyOf) -> Headers:
    return key_of(Role.SUPPORT)


def found(client: FlaskClient, headers: Headers, text: str) -> dict[str, str]:
    """Return what of a thing was found, by its id."""
    answer = client.get("/api/ops/search", query_string={"q": text}, headers=headers)
    assert answer.status_code == 200, answer.text
    return {one["id"]: one["by"] for one in answer.get_json()["data"]}


def test_an_order_and_its_payment_are_found_by_every_piece(
    client: FlaskClient, shop: Shop, support: Headers
) -> None:
    payment = shop.payment(shop.order())
    assert found(client, support, payment.order_id) == {
        payment.order_id: "id",
        payment.id: "order",
    }
    assert found(client, support, f" {payment.id} ") == {payment.id: "id"}
    assert payment.id in found(client, support, payment.id[:-6])
    assert found(client, support, str(payment.provider_ref)) == {payment.id: "provider id"}
    assert found(client, support, "pay_0") == {}
    assert payment.order_id in found(client, support, shop.seller_id)


def test_what_a_caller_made_is_found_by_their_reference(
    client: FlaskClient, shop: Shop, key_of: KeyOf, support: Headers
) -> None:
    reference = f"shop-{secrets.token_hex(4)}"
    line = {"description": "Lamp", "quantity": 1, "unit_amount": "5000", "tax_rate": "19"}
    body = {
        "reference": reference,
        "buyer_id": shop.buyer_id,
        "seller_id": shop.seller_id,
        "currency": "EUR",
        "lines": [line],
    }
    made = client.post("/api/orders", json=body, headers=key_of(Role.SERVICE)).get_json()
    assert found(client, support, reference) == {made["id"]: "reference"}


def test_an_escrow_is_found_by_its_address_in_any_spelling_and_by_its_transactions(
    client: FlaskClient, engine: Engine, shop: Shop, support: Headers
) -> None:
    payment = shop.payment(shop.order())
    address, tx_hash = f"0x{secrets.token_hex(20)}", f"0x{secrets.token_hex(32)}"
    fixed = {"created_at": NOW, "updated_at": NOW}
    people = ("depositor", "beneficiary", "operator", "arbiter", "guardian")
    escrow = Escrow(
        id=f"esc_{secrets.token_hex(16)}",
        order_id=payment.order_id,
        payment_id=payment.id,
        seller_id=shop.seller_id,
        chain="base",
        asset="EUR",
        contract_address=f"0x{address[2:].upper()}",
        chain_reference=f"0x{secrets.token_hex(32)}",
        **{name: f"0x{secrets.token_hex(20)}" for name in people},
        amount=payment.amount,
        fund_by=NOW + dt.timedelta(hours=1),
        release_by=NOW + dt.timedelta(days=1),
        arbiter_by=NOW + dt.timedelta(days=2),
        status="awaiting_deposit",
        **fixed,
    )
    effect = EscrowEffect(
        escrow_id=escrow.id,
        key=secrets.token_hex(16),
        kind="deposited",
        amount=payment.amount,
        tx_hash=tx_hash,
        log_index=0,
        block_number=1,
        block_hash=f"0x{secrets.token_hex(32)}",
        block_at=NOW,
        state="seen",
        **fixed,
    )
    with transaction(engine) as session:
        session.add(escrow)
        session.flush()
        session.add(effect)
        session.flush()
        escrow_id, depositor = escrow.id, escrow.depositor
    assert found(client, support, address) == {escrow_id: "contract address"}
    assert found(client, support, depositor.upper().replace("X", "x")) == {
        escrow_id: "depositor's address"
    }
    assert found(client, support, tx_hash) == {escrow_id: "transaction hash"}


def test_an_event_is_found_by_its_id(client: FlaskClient, support: Headers) -> None:
    event_id = f"evt_{secrets.token_hex(16)}"
    payload = event(type="customer.created", id=event_id)
    deliver(client, payload, signed(payload))
    assert found(client, support, event_id) == {event_id: "event id"}


def test_people_are_found_by_their_whole_address_and_it_stays_written_down(
    client: FlaskClient, engine: Engine, shop: Shop, key_of: KeyOf, support: Headers
) -> None:
    person = {"reference": secrets.token_hex(16), "name": "Ada", "email": "ada@example.test"}
    made = client.post("/api/parties", json=person, headers=key_of(Role.SERVICE)).get_json()
    order = dataclasses.replace(shop, buyer_id=made["id"]).order()
    ids = found(client, support, "ADA@example.test")
    assert ids == {made["id"]: "e-mail", order.id: "buyer"}
    with transaction(engine) as session:
        last = select(AuditEntry).order_by(AuditEntry.number.desc()).limit(1)
        entry = session.scalars(last).one()
        assert (entry.action, entry.outcome) == ("things.search", "seen")
        assert entry.subjects == [made["id"]]
    assert found(client, support, "ada@example.tes") == {}
    answer = client.get("/api/ops/search?q=ada@example.test", headers=key_of(Role.FINANCE))
    assert (answer.get_json()["data"], answer.get_json()["unsearched"] is None) == ([], False)


@pytest.mark.parametrize("text", ["", " ", "x" * 256, "a\x00"])
def test_a_search_for_nothing_is_refused(client: FlaskClient, support: Headers, text: str) -> None:
    answer = client.get("/api/ops/search", query_string={"q": text}, headers=support)
    assert (answer.status_code, answer.get_json()["code"]) == (400, "validation")
