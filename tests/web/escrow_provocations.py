"""Every problem code of escrows and payout destinations, provoked over HTTP without any chain."""

import dataclasses
import datetime as dt
import secrets
from typing import Any

from werkzeug.test import TestResponse

from payments.access.caller import Role
from payments.database import transaction
from payments.escrow.tables import Escrow
from payments.identifiers import new_id
from payments.lifecycle.tables import Payment
from payments.orders.view import OrderView
from tests.payments.shop import NOW, new_party
from tests.web.provocations import Stage, provokes

BUYER = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"  # of EIP-55's own examples
SELLER = "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359"
CONTRACT = "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB"


def between_strangers(stage: Stage, currency: str = "USDC") -> OrderView:
    """Return an order of parties whom nobody knows, and who have no addresses."""
    buyer_id, seller_id = new_party(stage.engine), new_party(stage.engine, "Sam")
    strangers = dataclasses.replace(stage.shop, buyer_id=buyer_id, seller_id=seller_id)
    return strangers.order(currency=currency)


def deploy(stage: Stage, order: OrderView, **body: Any) -> TestResponse:
    asked = {"order_id": order.id, "asset": order.currency} | body
    return stage.post("/api/escrow/deploy-contract", asked, role=Role.SERVICE)


def know(stage: Stage, *party_ids: str) -> None:
    """Raise their KYC level; the application has another keyset, so it cannot show them."""
    with stage.engine.begin() as connection:
        for party_id in party_ids:
            connection.exec_driver_sql(
                "UPDATE strongroom.parties SET kyc_level = 'basic' WHERE id = %s", (party_id,)
            )


def propose(stage: Stage, party_id: str, *, role: Role = Role.SERVICE, **wanted: str) -> str:
    body = {"kind": "chain", "chain": "base", "address": BUYER} | wanted
    answer = stage.post(f"/api/parties/{party_id}/payout-destinations", body, role=role)
    assert answer.status_code == 201, answer.text
    return f"/api/payout-destinations/{answer.get_json()['id']}"


@provokes("kyc_required")
def nobody_knows_the_parties(stage: Stage) -> TestResponse:
    return deploy(stage, between_strangers(stage))


@provokes("asset_not_order_currency")
def the_order_is_in_another_asset(stage: Stage) -> TestResponse:
    return deploy(stage, between_strangers(stage), asset="ETH")


@provokes("asset_not_supported")
def no_chain_holds_euros(stage: Stage) -> TestResponse:
    return deploy(stage, between_strangers(stage, "EUR"))


@provokes("payout_address_missing")
def they_have_no_address(stage: Stage) -> TestResponse:
    order = between_strangers(stage)
    know(stage, order.buyer_id, order.seller_id)
    return deploy(stage, order)


@provokes("payout_address_shared")
def they_have_one_address(stage: Stage) -> TestResponse:
    order = between_strangers(stage)
    know(stage, order.buyer_id, order.seller_id)
    for party_id in (order.buyer_id, order.seller_id):
        stage.post(f"{propose(stage, party_id)}/approve", {}, role=Role.FINANCE)
    return deploy(stage, order)


@provokes("second_person_needed")
def who_asked_to_lift_a_freeze_lifts_it(stage: Stage) -> TestResponse:
    headers = stage.key_of(Role.OPERATOR)
    order_id = between_strangers(stage).id
    frozen = stage.post(
        "/api/ops/freeze", {"reason": "A drill.", "order_id": order_id}, role=Role.SUPPORT
    )
    for _ in range(2):
        body = {"freeze_id": frozen.get_json()["id"], "reason": "The drill is over."}
        body |= {"reference": secrets.token_hex(16)}
        answer: TestResponse = stage.client.post("/api/ops/unfreeze", json=body, headers=headers)
    return answer


@provokes("destination_decided")
def it_was_rejected(stage: Stage) -> TestResponse:
    path = propose(stage, new_party(stage.engine))
    stage.post(f"{path}/reject", {}, role=Role.FINANCE)
    return stage.post(f"{path}/approve", {}, role=Role.FINANCE)


@provokes("escrow_not_disputable")
def nothing_was_paid_in(stage: Stage) -> TestResponse:
    path = f"/api/escrow/{waiting_escrow(stage)}/dispute"
    return stage.post(path, {"reason": "It is late."}, role=Role.SUPPORT)


def waiting_escrow(stage: Stage) -> str:
    """Write an escrow that waits for its deposit; return its id."""
    order = between_strangers(stage)
    now = NOW
    escrow_id = new_id("esc", now=now)
    payment = Payment(
        id=new_id("pay", now=now),
        order_id=order.id,
        rail="crypto",
        provider="evm",
        provider_ref=f"base:{secrets.token_hex(16)}",
        capture="automatic",
        status="requires_action",
        amount=order.amount,
        currency=order.currency,
        amount_refunded=0,
        escrow_id=escrow_id,
        created_at=now,
        updated_at=now,
    )
    escrow = Escrow(
        id=escrow_id,
        order_id=order.id,
        payment_id=payment.id,
        seller_id=order.seller_id,
        chain="base",
        asset=order.currency,
        contract_address=f"0x{secrets.token_hex(20)}",
        chain_reference=f"0x{secrets.token_hex(32)}",
        depositor=BUYER,
        beneficiary=SELLER,
        operator=CONTRACT,
        arbiter=CONTRACT,
        guardian=CONTRACT,
        amount=order.amount,
        fund_by=now + dt.timedelta(hours=1),
        release_by=now + dt.timedelta(days=1),
        arbiter_by=now + dt.timedelta(days=2),
        status="awaiting_deposit",
        created_at=now,
        updated_at=now,
    )
    with transaction(stage.engine) as session:
        session.add(payment)
        session.flush()
        session.add(escrow)
    return escrow_id
