"""What creating a payment intent costs beside Stripe's own time, with 16 callers at once.

Stripe's part is a stub that waits as long as Stripe usually takes; what it took by its own clock
is subtracted request by request.
"""

import datetime as dt
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from benchmarks.raw_http import percentile_ms, request_bytes, send_all
from benchmarks.seeds import seed_orders, seed_parties
from benchmarks.system import System, running_system, since
from payments.access.api_keys import create_key
from payments.access.caller import Role
from payments.database import connect_engine, transaction
from sandbox.home import ROOT
from sandbox.postgres import Postgres
from sandbox.programs import answers
from tests.databases import free_port

CALLERS = 16
REQUESTS = 1_500
WARM_UP = 100
STRIPE_MS = 200
_TOOK = re.compile(rb'"client_secret": ?"pi_[0-9]+x([0-9]+)_secret')
_UP_S = 20


class IntentFigures(NamedTuple):
    """What was measured; own times in milliseconds, CPU in milliseconds a request by part."""

    own_p50_ms: float
    own_p99_ms: float
    rate: float
    cpu_ms: dict[str, float]


def measure_intents(
    postgres: Postgres, *, requests: int = REQUESTS, stripe_ms: int = STRIPE_MS
) -> IntentFigures:
    """Create payment intents through the running system."""
    with (
        _stub(stripe_ms) as stripe_port,
        running_system(postgres, f"intents{stripe_ms}", stripe_port=stripe_port) as system,
    ):
        load = _requests(system, requests + WARM_UP)
        port = system.plan.ports.web
        send_all(port, load[:WARM_UP], connections=CALLERS)
        begun = system.cpu_s()
        sent = send_all(port, load[WARM_UP:], connections=CALLERS)
        used = since(begun, system.cpu_s())
    assert not sent.refused, sent.refused[0]
    own_s = [
        whole - _stripe_s(answer)
        for whole, answer in zip(sent.latencies_s, sent.answers, strict=True)
    ]
    return IntentFigures(
        own_p50_ms=percentile_ms(own_s, 0.5),
        own_p99_ms=percentile_ms(own_s, 0.99),
        rate=sent.rate,
        cpu_ms={part: seconds * 1000 / requests for part, seconds in used.items()},
    )


def _requests(system: System, count: int) -> list[bytes]:
    engine = connect_engine(system.settings.database_url, pool_size=1)
    buyer_id, seller_id = seed_parties(engine, system.settings, "Buyer", "Seller")
    with transaction(engine) as session:
        key = create_key(
            session,
            name="Benchmark",
            role=Role.SERVICE,
            scopes=(),
            pepper=system.settings.api_key_pepper,
            livemode=False,
            now=dt.datetime.now(dt.UTC),
        )
    headers = {"Authorization": f"Bearer {key.text}"}
    return [
        request_bytes(
            "/api/payments/intents",
            json.dumps({"reference": f"benchmark-{n}", "order_id": order_id}).encode(),
            headers,
        )
        for n, order_id in enumerate(seed_orders(engine, buyer_id, seller_id, count=count))
    ]


def _stripe_s(answer: bytes) -> float:
    took = _TOOK.search(answer)
    assert took is not None, answer
    return int(took[1]) / 1e6


@contextmanager
def _stub(wait_ms: int) -> Iterator[int]:
    """Run the stub and give its port."""
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.stripe_stub", str(port), str(wait_ms)]
    stub = subprocess.Popen(command, cwd=ROOT)
    try:
        is_up = answers(f"http://127.0.0.1:{port}/")
        deadline = time.monotonic() + _UP_S
        while not is_up():
            assert time.monotonic() < deadline, "the stub does not answer"
            time.sleep(0.05)
        yield port
    finally:
        stub.kill()
        stub.wait()
