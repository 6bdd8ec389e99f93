"""TrueLayer's side of a webhook: events in their documented form, signed as it signs them."""

import datetime as dt
import json
from collections.abc import Sequence
from typing import Any

from payments.providers.ports import VerifiedEvent
from payments.providers.truelayer.adapter import TrueLayer
from tests.payments.providers.truelayer.keys import SIGNED, Key, sign
from tests.payments.providers.truelayer.scripted_server import Say, ScriptedServer

NOW = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)
PATH = "/api/webhooks/bank"
JWKS = "/.well-known/jwks"
OURS = {"payment_id": "pay_1", "order_id": "ord_1", "amount_in_minor": "1999", "currency": "EUR"}


def event(kind: str, **more: Any) -> bytes:
    told = {"type": kind, "event_id": "evt-1", "event_version": 1, "payment_id": "tl-1"}
    return json.dumps({**told, "metadata": OURS, **more}).encode()


SETTLED = event("payment_settled", settled_at="2026-11-22T11:59:00.5Z")


def publish(server: ScriptedServer, *keys: Key, **more: Any) -> None:
    """Let the bank's keys be these from now on."""
    server.says("GET", JWKS, Say(content={"keys": [key.jwk for key in keys], **more}))


def headers(
    server: ScriptedServer,
    key: Key,
    *,
    body: bytes = SETTLED,
    sent_at: str = "2026-11-22T12:00:00Z",
    path: str = PATH,
    jku: str | None = "",
    signed: tuple[str, ...] = SIGNED,
    **changed: Any,
) -> dict[str, str]:
    """Return a webhook's headers, their names in lower case as the port wants them."""
    plain = {"X-Tl-Webhook-Timestamp": sent_at, "Content-Type": "application/json"}
    named = server.jwks_url if jku == "" else jku
    signature = sign(key, path=path, headers=plain, body=body, jku=named, signed=signed, **changed)
    return {name.lower(): value for name, value in {**plain, "Tl-Signature": signature}.items()}


def receive(
    truelayer: TrueLayer,
    sent: dict[str, str],
    *,
    body: bytes = SETTLED,
    path: str = PATH,
    now: dt.datetime = NOW,
) -> Sequence[VerifiedEvent]:
    """Hand a webhook to the adapter."""
    return truelayer.verify_webhook(path=path, headers=sent, payload=body, now=now)
