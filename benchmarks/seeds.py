"""Payments that wait for their webhook, and the signed bytes Stripe would send for them."""

import datetime as dt
import hashlib
import hmac
import json
import time
from typing import Any, NamedTuple

from sqlalchemy import Engine, insert

from benchmarks.raw_http import request_bytes
from payments.access.caller import Caller, Role
from payments.database import transaction
from payments.identifiers import new_id
from payments.lifecycle.tables import Payment, PaymentEvent
from payments.orders.tables import Order
from payments.parties.create_party import create_party
from payments.privacy.data_keys import connect_cipher
from payments.settings import Settings
from sandbox.home import ROOT

AMOUNT = 12_500
_SHAPES = ROOT / "tests" / "sandbox" / "stripe" / "data" / "fixtures3.json"
_SHOP = Caller(principal="key:benchmark", role=Role.SERVICE)


class Seeded(NamedTuple):
    """A payment of an order of its own."""

    payment_id: str
    order_id: str
    provider_ref: str


def seed_parties(engine: Engine, settings: Settings, *names: str) -> list[str]:
    """Make a party of each name and return their ids."""
    cipher = connect_cipher(engine, settings.encryption_keyset)
    with transaction(engine) as session:
        return [
            create_party(
                session, caller=_SHOP, reference=name, name=name, now=_now(), cipher=cipher
            ).resource.id
            for name in names
        ]


def seed_orders(engine: Engine, buyer_id: str, seller_id: str, *, count: int) -> list[str]:
    """Make open orders and return their ids."""
    now = _now()
    ids = [new_id("ord", now=now) for _ in range(count)]
    row = {
        "buyer_id": buyer_id,
        "seller_id": seller_id,
        "currency": "EUR",
        "amount": AMOUNT,
        "tax_amount": 0,
        "platform_fee": 500,
        "status": "open",
        "created_at": now,
        "updated_at": now,
    }
    with transaction(engine) as session:
        session.execute(insert(Order), [{"id": one, **row} for one in ids])
    return ids


def seed_payments(engine: Engine, order_ids: list[str]) -> list[Seeded]:
    """Make a payment of each order, as `create_intent` leaves it."""
    now = _now()
    seeded = []
    for n, order_id in enumerate(order_ids):
        payment_id = new_id("pay", now=now)
        seeded.append(Seeded(payment_id, order_id, f"pi_benchmark{n:012d}"))
    payments = [
        {
            "id": one.payment_id,
            "order_id": one.order_id,
            "rail": "card",
            "provider": "stripe",
            "provider_ref": one.provider_ref,
            "capture": "automatic",
            "status": "created",
            "amount": AMOUNT,
            "currency": "EUR",
            "amount_refunded": 0,
            "created_at": now,
            "updated_at": now,
        }
        for one in seeded
    ]
    steps = [
        {
            "payment_id": one.payment_id,
            "seq": 1,
            "to_status": "created",
            "cause": "api:create",
            "occurred_at": now,
            "recorded_at": now,
        }
        for one in seeded
    ]
    with transaction(engine) as session:
        session.execute(insert(Payment), payments)
        session.execute(insert(PaymentEvent), steps)
    return seeded


def webhook_requests(seeded: list[Seeded], settings: Settings) -> list[bytes]:
    """Return the deliveries of `payment_intent.succeeded`, with every field Stripe sends."""
    shapes = json.loads(_SHAPES.read_text())["resources"]
    return [_delivery(_succeeded(shapes, one), settings) for one in seeded]


def _succeeded(shapes: dict[str, Any], payment: Seeded) -> dict[str, Any]:
    created = int(time.time())
    intent = {
        **shapes["payment_intent"],
        "id": payment.provider_ref,
        "amount": AMOUNT,
        "amount_received": AMOUNT,
        "currency": "eur",
        "created": created,
        "status": "succeeded",
        "metadata": {"payment_id": payment.payment_id, "order_id": payment.order_id},
        "last_payment_error": None,
    }
    return {
        **shapes["event"],
        "id": f"evt_{payment.provider_ref}",
        "type": "payment_intent.succeeded",
        "livemode": False,
        "created": created,
        "data": {"object": intent},
    }


def _delivery(event: dict[str, Any], settings: Settings) -> bytes:
    payload = json.dumps(event, indent=2).encode()  # as Stripe writes it
    signed_at = int(time.time())
    secret = settings.stripe_webhook_secrets[0].encode()
    digest = hmac.new(secret, b"%d.%s" % (signed_at, payload), hashlib.sha256).hexdigest()
    headers = {"Stripe-Signature": f"t={signed_at},v1={digest}"}
    return request_bytes("/api/webhooks/stripe", payload, headers)


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
