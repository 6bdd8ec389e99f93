"""Webhook deliveries: signed, in the background, from the SQLite queue, until answered with 2xx."""

import hashlib
import hmac
import json
import threading
from dataclasses import dataclass

import requests

from sandbox.stripe import events
from sandbox.stripe.account import Account
from sandbox.stripe.refusals import Resource
from sandbox.stripe.store import Store

RETRY_FIRST_S = 1.0
RETRY_MAX_S = 30.0
TIMEOUT_S = 10.0
SENDERS = 4
_IDLE_S = 1.0
_DELIVERED = "delivered"


@dataclass(frozen=True)
class Delivery:
    """One event on its way to the endpoint; `attempt` counts from 1."""

    id: int
    event: Resource
    attempt: int


def signature(payload: bytes, secret: str, *, timestamp: int) -> str:
    """The Stripe-Signature header: HMAC-SHA256 over `timestamp.payload`."""
    digest = hmac.new(secret.encode(), f"{timestamp}.".encode() + payload, hashlib.sha256)
    return f"t={timestamp},v1={digest.hexdigest()}"


class Deliveries:
    """A few threads that each take a due delivery, send it, and note what became of it."""

    def __init__(
        self, store: Store, account: Account, *, retry_first_s: float = RETRY_FIRST_S
    ) -> None:
        self._store = store
        self._account = account
        self._retry_first_s = retry_first_s
        self._stopping = threading.Event()
        self._due = threading.Condition()
        self._wakes = 0
        self._threads = [
            threading.Thread(target=self._run, name=f"delivery-{number}", daemon=True)
            for number in range(SENDERS)
        ]

    def start(self) -> None:
        """Begin to deliver."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Finish what is being sent and stop."""
        self._stopping.set()
        self.wake()
        for thread in self._threads:
            thread.join(TIMEOUT_S + 1)

    def wake(self) -> None:
        """Say that something new is due."""
        with self._due:
            self._wakes += 1
            self._due.notify_all()

    def _run(self) -> None:
        with requests.Session() as session:
            session.trust_env = False
            while not self._stopping.is_set():
                wakes_seen = self._wakes
                delivery = self._take()
                if delivery is None:
                    self._sleep(wakes_seen)
                else:
                    self._finish(delivery, self._send(session, delivery))

    def _sleep(self, wakes_seen: int) -> None:
        with self._due:
            self._due.wait_for(
                lambda: self._wakes != wakes_seen, timeout=min(_IDLE_S, self._retry_first_s)
            )

    def _take(self) -> Delivery | None:
        """Take the delivery longest due; if this process dies, it falls due again by itself."""
        now = self._account.now()
        with self._store.transaction() as transaction:
            row = transaction.sql.execute(
                "UPDATE deliveries SET attempts = attempts + 1, due_at = ? WHERE id = ("
                " SELECT id FROM deliveries WHERE delivered_at IS NULL AND due_at <= ?"
                " ORDER BY due_at, id LIMIT 1) RETURNING id, event_id, attempts",
                (now + 2 * TIMEOUT_S, now),
            ).fetchone()
            if row is None:
                return None
            return Delivery(row[0], events.retrieve(transaction, row[1]), row[2])

    def _send(self, session: requests.Session, delivery: Delivery) -> str:
        payload = json.dumps(delivery.event, indent=2).encode()
        timestamp = self._account.created
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "Stripe/1.0 (simulated)",
            "Stripe-Signature": signature(
                payload, self._account.webhook_secret, timestamp=timestamp
            ),
        }
        try:
            answer = session.post(
                self._account.webhook_url,
                data=payload,
                headers=headers,
                timeout=TIMEOUT_S,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            return type(error).__name__
        return _DELIVERED if answer.status_code // 100 == 2 else str(answer.status_code)  # noqa: PLR2004 - 2xx

    def _finish(self, delivery: Delivery, outcome: str) -> None:
        now = self._account.now()
        wait_s = min(RETRY_MAX_S, self._retry_first_s * 2 ** min(delivery.attempt - 1, 10))
        with self._store.transaction() as transaction:
            transaction.sql.execute(
                "UPDATE deliveries SET last_outcome = ?, due_at = ?, delivered_at = ? WHERE id = ?",
                (outcome, now + wait_s, now if outcome == _DELIVERED else None, delivery.id),
            )
