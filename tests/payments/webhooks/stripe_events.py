"""Stripe's signed events, and payments they can be about, for tests of the inbox."""

import datetime as dt
import hashlib
import hmac
import json
import secrets
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Engine, select

from payments.database import transaction
from payments.identifiers import new_id
from payments.lifecycle.tables import Payment
from payments.privacy.encryption import FieldCipher
from payments.secret_versions.environment import environment_values
from payments.secret_versions.source import FixedSecrets
from payments.webhooks.inbox_writer import InboxWriter, Stored
from payments.webhooks.receive_event import receive_event
from payments.webhooks.tables import InboxEvent
from payments.webhooks.webhook_notes import WebhookNotes
from tests.jobs.environment import KEYSET, WEBHOOK_SECRET, make_settings
from tests.payments.shop import NOW, Shop

CIPHER = FieldCipher(KEYSET)
SETTINGS = make_settings(
    database_url="postgresql://unused.invalid/x", redis_url="redis://unused.invalid"
)


def new_payment(shop: Shop) -> Payment:
    """Return a card payment that Stripe knows and the payer has not confirmed yet."""
    order = shop.order()
    payment = Payment(
        id=new_id("pay", now=NOW),
        order_id=order.id,
        rail="card",
        provider="stripe",
        provider_ref=f"pi_{secrets.token_hex(12)}",
        capture="automatic",
        status="created",
        amount=order.amount,
        currency=order.currency,
        amount_refunded=0,
        created_at=NOW,
        updated_at=NOW,
    )
    with transaction(shop.engine) as session:
        session.add(payment)
    return payment


def succeeded(payment: Payment, **changed: Any) -> dict[str, Any]:
    intent = {
        "id": payment.provider_ref,
        "object": "payment_intent",
        "amount_received": payment.amount,
        "currency": payment.currency.lower(),
        "metadata": {"payment_id": payment.id, "order_id": payment.order_id},
    }
    return event("payment_intent.succeeded", intent | changed)


def event(event_type: str, thing: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": f"evt_{secrets.token_hex(12)}",
        "object": "event",
        "type": event_type,
        "created": int(NOW.timestamp()),
        "livemode": False,
        "data": {"object": thing},
    }


def sign(payload: bytes, *, at: dt.datetime = NOW, secret: str = WEBHOOK_SECRET) -> str:
    signed = f"{int(at.timestamp())}.".encode() + payload
    digest = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    return f"t={int(at.timestamp())},v1={digest}"


def receive(engine: Engine, stripe_event: dict[str, Any], *, now: dt.datetime = NOW) -> Stored:
    payload = json.dumps(stripe_event).encode()
    return receive_event(
        InboxWriter(engine),
        provider="stripe",
        payload=payload,
        signature=sign(payload, at=now),
        settings=SETTINGS,
        secrets=FixedSecrets(environment_values(SETTINGS)),
        notes=WebhookNotes(engine),
        cipher=CIPHER,
        now=now,
        request_id="req_test",
    )


def inbox(engine: Engine, events: Sequence[dict[str, Any]]) -> list[InboxEvent]:
    """Return the inbox's rows of these events, in their order."""
    ids = [stripe_event["id"] for stripe_event in events]
    with transaction(engine) as session:
        rows = session.scalars(select(InboxEvent).where(InboxEvent.event_id.in_(ids))).all()
    return sorted(rows, key=lambda row: ids.index(row.event_id))


def states(engine: Engine, events: Sequence[dict[str, Any]]) -> list[str]:
    return [row.state for row in inbox(engine, events)]
