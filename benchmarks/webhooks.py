"""From a signed webhook to its ledger entry, through the running system.

Once as in production, everything at once; once with the worker started only when all events are
there, so that draining is measured with nothing else to do.
"""

import time
from typing import NamedTuple

from sqlalchemy import Engine, text

from benchmarks.raw_http import Sent, send_all
from benchmarks.seeds import seed_orders, seed_parties, seed_payments, webhook_requests
from benchmarks.system import System, running_system, since
from payments.database import connect_engine
from sandbox.postgres import Postgres

EVENTS = 10_000
CONNECTIONS = 64
WARM_UP = 500
_GIVE_UP_S = 120
_LOOK_S = 0.02

_OPEN = text("SELECT count(*) FROM strongroom.webhook_inbox WHERE state = 'new'")
_POSTED = text("SELECT count(*) FROM ledger.entries WHERE kind = 'charge'")


class WebhookFigures(NamedTuple):
    """What was measured; CPU in milliseconds an event by part of the system."""

    acknowledged_s: float
    p50_ms: float
    p99_ms: float
    last_posted_after_s: float
    drained_s: float
    receiving_cpu_ms: dict[str, float]
    draining_cpu_ms: dict[str, float]


def measure_webhooks(postgres: Postgres, *, events: int = EVENTS) -> WebhookFigures:
    """Deliver `events` twice: to the whole system, and to one whose worker starts later."""
    with running_system(postgres, "webhooks") as system:
        live = _Run(system, events)
        sent, receiving = live.deliver()
        last_posted_after_s, _ = live.drain()
    with running_system(postgres, "draining", parts=("web", "relay")) as system:
        backlog = _Run(system, events)
        backlog.deliver()
        begun = system.cpu_s()
        system.start("worker")
        backlog.wait_for_first()
        took_s, count = backlog.drain()
        draining = since(begun, system.cpu_s())
    return WebhookFigures(
        acknowledged_s=sent.rate,
        p50_ms=sent.percentile_ms(0.5),
        p99_ms=sent.percentile_ms(0.99),
        last_posted_after_s=last_posted_after_s,
        drained_s=count / took_s,
        receiving_cpu_ms=_per_event(receiving, events),
        draining_cpu_ms=_per_event(draining, events),
    )


class _Run:
    """One delivery of many events and what becomes of them."""

    def __init__(self, system: System, events: int) -> None:
        self._system = system
        self._engine: Engine = connect_engine(system.settings.database_url, pool_size=1)
        buyer_id, seller_id = seed_parties(self._engine, system.settings, "Buyer", "Seller")
        orders = seed_orders(self._engine, buyer_id, seller_id, count=events + WARM_UP)
        self._requests = webhook_requests(seed_payments(self._engine, orders), system.settings)
        self._posted = 0

    def deliver(self) -> tuple[Sent, dict[str, float]]:
        """Send all events; the first few hundred warm everything up and are not measured."""
        port = self._system.plan.ports.web
        send_all(port, self._requests[:WARM_UP], connections=CONNECTIONS)
        if self._system.is_running("worker"):
            self._wait_until_empty()
        begun = self._system.cpu_s()
        sent = send_all(port, self._requests[WARM_UP:], connections=CONNECTIONS)
        assert not sent.refused, sent.refused[0]
        return sent, since(begun, self._system.cpu_s())

    def wait_for_first(self) -> None:
        """Wait until something has been posted."""
        while not self._count(_POSTED):
            time.sleep(_LOOK_S)

    def drain(self) -> tuple[float, int]:
        """Wait until every event is posted; return how long that took and how many it were."""
        open_events, begun = self._count(_OPEN), time.perf_counter()
        self._wait_until_empty()
        took_s = time.perf_counter() - begun
        assert self._count(_POSTED) == len(self._requests)
        return took_s, open_events

    def _wait_until_empty(self) -> None:
        deadline = time.monotonic() + _GIVE_UP_S
        while self._count(_OPEN):
            assert time.monotonic() < deadline, "the events were not drained"
            time.sleep(_LOOK_S)

    def _count(self, query: object) -> int:
        with self._engine.connect() as connection:
            return int(connection.scalar(query) or 0)  # type: ignore[call-overload] # a text()


def _per_event(cpu_s: dict[str, float], events: int) -> dict[str, float]:
    return {part: seconds * 1000 / events for part, seconds in cpu_s.items()}
