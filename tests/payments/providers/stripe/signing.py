"""Stripe's side of a webhook: events in its documented form, signed as it signs them."""

import datetime as dt
import hashlib
import hmac
import json
from typing import Any

NOW = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)


def event(kind: str, *, created: dt.datetime = NOW, **intent: Any) -> dict[str, Any]:
    return {
        "id": "evt_1",
        "object": "event",
        "created": int(created.timestamp()),
        "livemode": False,
        "type": kind,
        "data": {
            "object": {
                "id": "pi_1",
                "object": "payment_intent",
                "amount": 11_900,
                "amount_received": 11_900,
                "currency": "eur",
                "last_payment_error": None,
                "metadata": {"order_id": "ord_1", "payment_id": "pay_1"},
                **intent,
            }
        },
    }


def encoded(body: dict[str, Any]) -> bytes:
    return json.dumps(body).encode()


def signature(payload: bytes, secret: str, *, at: dt.datetime = NOW) -> str:
    timestamp = str(int(at.timestamp()))
    signed = timestamp.encode() + b"." + payload
    return f"t={timestamp},v1={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}"
