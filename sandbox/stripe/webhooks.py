"""How Stripe writes its webhooks: the event as JSON, signed with the endpoint's secret."""

import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass

from sandbox.simulated import delivery_faults
from sandbox.simulated.deliveries import Letter
from sandbox.simulated.delivery_faults import OLD_BY_S
from sandbox.simulated.store import Transaction
from sandbox.stripe.account import Account
from sandbox.stripe.refusals import Resource


@dataclass(frozen=True)
class DeliveryFaults(delivery_faults.DeliveryFaults):
    """What can go wrong with Stripe's deliveries; as documented in knobs.py."""

    wrong_secret: float = 0.0
    old_secret: float = 0.0
    old_secret_value: str = "whsec_old"  # noqa: S105 - signs test events only

    def secret(self, right: str, *which: int) -> str:
        """The secret this delivery is signed with."""
        if self.strikes("wrong_secret", *which):
            return "whsec_of_somebody_else"
        return self.old_secret_value if self.strikes("old_secret", *which) else right


def signature(payload: bytes, secret: str, *, timestamp: int) -> str:
    """The Stripe-Signature header: HMAC-SHA256 over `timestamp.payload`."""
    digest = hmac.new(secret.encode(), f"{timestamp}.".encode() + payload, hashlib.sha256)
    return f"t={timestamp},v1={digest.hexdigest()}"


class WebhookMail:
    """Letters to the account's endpoint; `real_now` dates them, whatever the clock says."""

    def __init__(self, account: Account, *, real_now: Callable[[], float]) -> None:
        self._account = account
        self._real_now = real_now

    def faults(self, transaction: Transaction) -> DeliveryFaults:
        """What goes wrong with deliveries now."""
        return delivery_faults.read_faults(transaction, DeliveryFaults)

    def write(self, event: Resource, faults: delivery_faults.DeliveryFaults, *which: int) -> Letter:
        """Put an event into a signed letter."""
        secret = self._account.webhook_secret
        if isinstance(faults, DeliveryFaults):
            secret = faults.secret(secret, *which)
        timestamp = int(self._real_now())
        if faults.strikes("old_timestamp", *which):
            timestamp -= OLD_BY_S
        payload = json.dumps(event | {"pending_webhooks": 1}, indent=2).encode()
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "Stripe/1.0 (simulated)",
            "Stripe-Signature": signature(payload, secret, timestamp=timestamp),
        }
        return Letter(self._account.webhook_url, payload, headers)
