"""Escrows over HTTP on a local chain: what a frontend developer relies on."""

import dataclasses
import secrets
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine
from werkzeug.test import TestResponse

from payments.access.caller import Role
from payments.settings import Settings
from sandbox.chain.wallet import Wallet
from tests.chain import CHAIN_NAME, TestChain, running_chain
from tests.payments.escrow.desk import Desk
from tests.payments.shop import KEYSET, new_party, open_shop
from tests.web.conftest import Headers, KeyOf, MakeApp, TokenOf

SECRET = "acct_1Nv0FGQ9RKHgCVdK"


@pytest.fixture(scope="module")
def chain() -> Iterator[TestChain]:
    with running_chain() as chain:
        yield chain


@pytest.fixture(scope="module")
def desk(engine: Engine, chain: TestChain) -> Desk:
    """Whoever sends and watches; parties and their addresses are made over HTTP."""
    return Desk(open_shop(engine), chain, chain.settings())


@pytest.fixture
def settings(settings: Settings, chain: TestChain) -> Settings:
    return dataclasses.replace(
        settings, chains={CHAIN_NAME: chain.settings()}, encryption_keyset=KEYSET
    )


@pytest.fixture
def client(make_app: MakeApp, settings: Settings) -> FlaskClient:
    return make_app(settings).test_client()


@dataclasses.dataclass
class Api:
    """The API as a backend, finance, a buyer and a seller call it."""

    client: FlaskClient
    service: Headers
    finance: Headers
    buyer: Headers
    seller: Headers

    def post(
        self, path: str, body: dict[str, Any] | None = None, headers: Headers | None = None
    ) -> TestResponse:
        content = {"reference": secrets.token_hex(16)} | (body or {})
        return self.client.post(path, json=content, headers=headers or self.service)

    def get(self, path: str, headers: Headers | None = None) -> dict[str, Any]:
        answer = self.client.get(path, headers=headers or self.service)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.get_json()
        return found

    def give_address(self, party_id: str, wallet: Wallet) -> None:
        self.client.put(
            f"/api/parties/{party_id}/kyc", json={"level": "basic"}, headers=self.service
        )
        body = {"kind": "chain", "chain": CHAIN_NAME, "address": wallet.address}
        proposed = self.post(f"/api/parties/{party_id}/payout-destinations", body)
        assert proposed.status_code == 201, proposed.text
        path = f"/api/payout-destinations/{proposed.get_json()['id']}/approve"
        approved = self.post(path, headers=self.finance)
        assert (approved.status_code, approved.get_json()["status"]) == (200, "approved")


@pytest.fixture
def api(client: FlaskClient, desk: Desk, key_of: KeyOf, token_of: TokenOf) -> Api:
    shop = desk.shop
    api = Api(
        client,
        key_of(Role.SERVICE),
        key_of(Role.FINANCE),
        token_of(shop.buyer_id),
        token_of(shop.seller_id, Role.SELLER),
    )
    api.give_address(shop.buyer_id, desk.chain.buyer)
    api.give_address(shop.seller_id, desk.chain.seller)
    return api


def test_an_order_is_paid_with_a_wallet(api: Api, desk: Desk) -> None:
    order = desk.order()
    body = {"reference": secrets.token_hex(16), "order_id": order.id, "asset": "USDC"}
    first, again = (api.post("/api/escrow/deploy-contract", body, api.buyer) for _ in range(2))
    assert (first.status_code, again.status_code) == (202, 200)
    assert again.headers["Idempotent-Replayed"] == "true"
    escrow = first.get_json()
    assert again.get_json() == escrow
    assert (escrow["status"], escrow["deposit"], escrow["tx_hash"]) == ("deploying", None, None)

    desk.go_on()
    named = {"escrow_id": escrow["id"]}
    seen = api.post("/api/escrow/monitor-deployment", named, api.buyer)
    assert seen.status_code == 400  # it creates nothing, so it takes no reference
    answer = api.client.post("/api/escrow/monitor-deployment", json=named, headers=api.buyer)
    shown = answer.get_json()
    assert (answer.status_code, shown["status"]) == (200, "awaiting_deposit")
    assert shown["contract_address"] == escrow["contract_address"]
    assert (shown["confirmations"], shown["required_confirmations"]) == (3, 3)
    assert shown["deposit"]["to"] == escrow["contract_address"]
    assert shown == api.get(f"/api/escrow/{escrow['id']}", api.seller)

    desk.pay(desk.escrow(escrow["id"]))
    desk.go_on()
    assert api.get(f"/api/escrow/{escrow['id']}")["status"] == "funded"
    payment = api.get(f"/api/payments/{escrow['payment_id']}", api.buyer)
    assert (payment["rail"], payment["status"]) == ("crypto", "succeeded")
    assert payment["escrow_id"] == escrow["id"]
    assert api.get(f"/api/orders/{order.id}")["status"] == "paid"


def test_money_goes_back_in_part_and_a_dispute_stops_us(api: Api, desk: Desk) -> None:
    body = {"order_id": desk.order().id, "asset": "USDC"}
    escrow = api.post("/api/escrow/deploy-contract", body).get_json()
    path = f"/api/escrow/{escrow['id']}"
    assert api.post(f"{path}/refund").get_json()["code"] == "payment_not_refundable"
    desk.go_on()
    desk.pay(desk.escrow(escrow["id"]))
    desk.go_on()
    made = api.post(f"{path}/refund", {"amount": "400"})
    assert made.status_code == 201
    refund = made.get_json()
    assert (refund["status"], refund["payment_id"]) == ("pending", escrow["payment_id"])
    desk.go_on()
    assert api.get(f"/api/refunds/{refund['id']}", api.buyer)["status"] == "succeeded"
    assert api.get(path)["amount_refunded"] == "400"

    asked = api.post(f"{path}/dispute", {"reason": "It has three legs."}, api.seller)
    assert (asked.status_code, asked.get_json()["status"]) == (202, "funded")
    desk.go_on()
    disputed = api.get(path)
    assert (disputed["status"], disputed["dispute_reason"]) == ("disputed", "It has three legs.")
    assert api.post(f"{path}/refund").get_json()["code"] == "payment_disputed"
    timeline = api.get(f"/api/payments/{escrow['payment_id']}/timeline")
    kinds = [effect["kind"] for effect in timeline["effects"]]
    assert kinds == ["created", "deposited", "refunded", "disputed"]
    sent = {one["kind"]: one["tx_hash"] for one in timeline["transactions"]}
    assert sent.keys() == {"deploy", "refund", "dispute"}
    assert sent["deploy"] == disputed["tx_hash"]


def test_an_escrow_is_nobody_elses(api: Api, desk: Desk, token_of: TokenOf) -> None:
    body = {"order_id": desk.order().id, "asset": "USDC"}
    escrow = api.post("/api/escrow/deploy-contract", body).get_json()
    stranger = token_of(new_party(desk.engine, "Eve"))
    for answer in (
        api.client.get(f"/api/escrow/{escrow['id']}", headers=stranger),
        api.post(f"/api/escrow/{escrow['id']}/dispute", {"reason": "Mine!"}, stranger),
        api.client.post(
            "/api/escrow/monitor-deployment", json={"escrow_id": escrow["id"]}, headers=stranger
        ),
        api.client.get("/api/escrow/esc_0", headers=api.service),
    ):
        assert (answer.status_code, answer.get_json()["code"]) == (404, "not_found")


def test_a_payment_on_chain_is_not_canceled_confirmed_or_captured(api: Api, desk: Desk) -> None:
    body = {"order_id": desk.order().id, "asset": "USDC"}
    escrow = api.post("/api/escrow/deploy-contract", body).get_json()
    path = f"/api/payments/{escrow['payment_id']}"
    assert api.post(f"{path}/cancel").get_json()["code"] == "payment_not_cancelable"
    assert api.post(f"{path}/capture").get_json()["code"] == "payment_not_capturable"
    confirmed = api.post(f"{path}/confirm", {"payment_method": "pm_card_visa"})
    assert confirmed.get_json()["code"] == "payment_not_confirmable"


def test_a_party_says_where_it_is_paid_and_finance_decides(
    api: Api, desk: Desk, token_of: TokenOf
) -> None:
    party_id = new_party(desk.engine, "Pat")
    pat = token_of(party_id, Role.SELLER)
    path = f"/api/parties/{party_id}/payout-destinations"
    body = {"reference": secrets.token_hex(16), "kind": "stripe", "account": SECRET}
    first, again = (api.post(path, body, pat) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200)
    destination = first.get_json()
    assert (destination["account"], destination["hint"]) == (SECRET, "acct_…CVdK")
    assert again.get_json() == destination
    decide = f"/api/payout-destinations/{destination['id']}"
    assert api.post(f"{decide}/approve", headers=pat).status_code == 403
    approved = api.post(f"{decide}/approve", headers=api.finance).get_json()
    assert (approved["status"], approved["account"]) == ("approved", SECRET)
    assert api.post(f"{decide}/reject", headers=api.finance).get_json()["code"] == (
        "destination_decided"
    )
    [listed] = api.get(path)["data"]
    assert (listed["account"], listed["status"]) == (None, "approved")
    stranger = api.client.get(path, headers=api.buyer)
    assert stranger.status_code == 404
    wrong = api.post(path, {"kind": "chain", "chain": CHAIN_NAME, "address": "0x1"}, pat)
    assert (wrong.status_code, set(wrong.get_json()["errors"])) == (400, {"address"})
