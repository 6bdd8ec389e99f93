"""Webhook deliveries: signed, in the background, from the SQLite queue, until answered with 2xx."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import requests

from sandbox.simulated.delivery_faults import DeliveryFaults
from sandbox.simulated.store import Resource, Store, Transaction

RETRY_FIRST_S = 1.0
RETRY_MAX_S = 30.0
TIMEOUT_S = 10.0
SENDERS = 4
NEVER_S = 100 * 365 * 24 * 3600.0
_IDLE_S = 1.0
_DELIVERED = "delivered"


@dataclass(frozen=True)
class Letter:
    """What is posted to the endpoint, byte for byte."""

    url: str
    payload: bytes
    headers: Mapping[str, str]


class Mail(Protocol):
    """How one provider's deliveries are written and signed."""

    def faults(self, transaction: Transaction) -> DeliveryFaults:
        """What goes wrong with them now."""

    def write(self, event: Resource, faults: DeliveryFaults, *which: int) -> Letter:
        """Put an event into a signed letter; `which` delivery and attempt decide on its faults."""


@dataclass(frozen=True)
class Delivery:
    """One event on its way to the endpoint; `attempt` counts from 1."""

    id: int
    event: Resource
    attempt: int
    faults: DeliveryFaults


def deliver(transaction: Transaction, event_id: str, *, now: float) -> None:
    """Queue a delivery of the event to the webhook endpoint."""
    transaction.sql.execute(
        "INSERT INTO deliveries (event_id, due_at) VALUES (?, ?)", (event_id, now)
    )


class Deliveries:
    """A few threads that each take a due delivery, send it, and note what became of it."""

    def __init__(
        self,
        store: Store,
        mail: Mail,
        *,
        now: Callable[[], float],
        retry_first_s: float = RETRY_FIRST_S,
    ) -> None:
        self._store = store
        self._mail = mail
        self._now = now
        self._delayed: set[int] = set()
        self._taken = 0
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
        with self._store.transaction() as transaction:
            faults = self._mail.faults(transaction)
            while not faults.paused:
                row = self._pick(transaction, faults)
                if row is None:
                    return None
                identifier, event_id, attempts = row
                wait_s = self._held_up(faults, identifier, attempts)
                transaction.sql.execute(
                    "UPDATE deliveries SET attempts = ?, due_at = ?, last_outcome = ? WHERE id = ?",
                    (
                        attempts if identifier in self._delayed and wait_s else attempts + 1,
                        self._now() + (wait_s or 2 * TIMEOUT_S),
                        "dropped" if wait_s == NEVER_S else None,
                        identifier,
                    ),
                )
                if not wait_s:
                    event = transaction.get(event_id, kind="event")
                    if event is not None:
                        return Delivery(identifier, event, attempts + 1, faults)
        return None

    def _pick(
        self, transaction: Transaction, faults: DeliveryFaults
    ) -> tuple[int, str, int] | None:
        rows: list[tuple[int, str, int]] = transaction.sql.execute(
            "SELECT id, event_id, attempts FROM deliveries WHERE delivered_at IS NULL"
            " AND due_at <= ? ORDER BY due_at, id LIMIT ?",
            (self._now(), faults.reorder_window),
        ).fetchall()
        self._taken += 1
        return rows[int(faults.draw("order", self._taken) * len(rows))] if rows else None

    def _held_up(self, faults: DeliveryFaults, identifier: int, attempts: int) -> float:
        """For how many seconds this delivery is not made, 0 for one to be made now."""
        if attempts == 0 and faults.strikes("drop", identifier):
            return NEVER_S
        if attempts or identifier in self._delayed or not faults.strikes("delay", identifier):
            return 0.0
        self._delayed.add(identifier)
        return faults.delay_max_s * faults.draw("wait", identifier)

    def _send(self, session: requests.Session, delivery: Delivery) -> str:
        letter = self._mail.write(delivery.event, delivery.faults, delivery.id, delivery.attempt)
        try:
            answer = session.post(
                letter.url,
                data=letter.payload,
                headers=letter.headers,
                timeout=TIMEOUT_S,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            return type(error).__name__
        return _DELIVERED if answer.status_code // 100 == 2 else str(answer.status_code)  # noqa: PLR2004 - 2xx

    def _finish(self, delivery: Delivery, outcome: str) -> None:
        now = self._now()
        wait_s = min(RETRY_MAX_S, self._retry_first_s * 2 ** min(delivery.attempt - 1, 10))
        with self._store.transaction() as transaction:
            transaction.sql.execute(
                "UPDATE deliveries SET last_outcome = ?, due_at = ?, delivered_at = ? WHERE id = ?",
                (outcome, now + wait_s, now if outcome == _DELIVERED else None, delivery.id),
            )
            which = (delivery.id, delivery.attempt)
            if outcome == _DELIVERED and delivery.faults.strikes("duplicate", *which):
                deliver(transaction, delivery.event["id"], now=now)
