"""How TrueLayer writes its webhooks: signed with ES512, with the place of the key in the header.

https://docs.truelayer.com/docs/validate-webhooks
"""

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

import truelayer_signing
from truelayer_signing import HttpMethod

from sandbox.bank import keys
from sandbox.bank.account import Account, new_private_key
from sandbox.simulated import delivery_faults
from sandbox.simulated.deliveries import Letter
from sandbox.simulated.delivery_faults import OLD_BY_S
from sandbox.simulated.store import Resource, Store, Transaction

FOREIGN_JKU = "http://127.0.0.1:9/.well-known/jwks"
_TIME_HEADER = "X-Tl-Webhook-Timestamp"


@dataclass(frozen=True)
class DeliveryFaults(delivery_faults.DeliveryFaults):
    """What can go wrong with the bank's deliveries; as documented in knobs.py."""

    wrong_key: float = 0.0
    foreign_jku: float = 0.0
    tampered: float = 0.0


class WebhookMail:
    """Letters to our endpoint; `jwks_url` says where the keys are once the server runs."""

    def __init__(
        self,
        store: Store,
        account: Account,
        *,
        real_now: Callable[[], float],
        jwks_url: Callable[[], str],
    ) -> None:
        self._store = store
        self._account = account
        self._real_now = real_now
        self._jwks_url = jwks_url
        self._foreign_key = new_private_key()

    def faults(self, transaction: Transaction) -> DeliveryFaults:
        """What goes wrong with deliveries now."""
        return delivery_faults.read_faults(transaction, DeliveryFaults)

    def write(self, event: Resource, faults: delivery_faults.DeliveryFaults, *which: int) -> Letter:
        """Put an event into a signed letter, dated when it is sent."""
        with self._store.transaction() as transaction:
            key_id, pem = keys.signing_key(transaction, self._account)
        moment = self._real_now()
        if faults.strikes("old_timestamp", *which):
            moment -= OLD_BY_S
        if faults.strikes("wrong_key", *which):
            pem = self._foreign_key
        payload = json.dumps(event["body"])
        headers = {_TIME_HEADER: _whole_seconds(moment), "Content-Type": "application/json"}
        signer = truelayer_signing.sign_with_pem(key_id, pem)
        signer.set_method(HttpMethod.POST).set_path(urlsplit(self._account.webhook_url).path)
        signer.add_headers(headers).set_body(payload).set_jku(self._jwks_url())
        if faults.strikes("foreign_jku", *which):
            # Somebody else's key, which somebody else's set of keys would even confirm.
            signer.kid, signer.pkey = keys.key_id(self._foreign_key), self._foreign_key
            signer.set_jku(FOREIGN_JKU)
        signature = signer.sign()
        if faults.strikes("tampered", *which):
            payload = payload.replace("{", '{"also": true, ', 1)
        return Letter(
            self._account.webhook_url,
            payload.encode(),
            {**headers, "Tl-Signature": signature, "User-Agent": "TrueLayer (simulated)"},
        )


def _whole_seconds(seconds: float) -> str:
    return dt.datetime.fromtimestamp(int(seconds), dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
