"""A running simulated Stripe, the real Stripe SDK to call it, and an endpoint for its webhooks."""

import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Empty, Queue
from threading import Thread

import pytest
import stripe

from sandbox.stripe.account import Account
from sandbox.stripe.server import SimulatedStripe

WEBHOOK_SECRET = "whsec_sandbox_tests"


class Endpoint:
    """A webhook endpoint that keeps what it gets and answers with the statuses it was told."""

    def __init__(self) -> None:
        self.received: Queue[tuple[bytes, str]] = Queue()
        self.statuses: Queue[int] = Queue()
        endpoint = self

        class Answer(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                try:
                    status = endpoint.statuses.get_nowait()
                except Empty:
                    status = 200
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()
                endpoint.received.put((body, self.headers["Stripe-Signature"]))

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hooks"

    def next_event(self, timeout_s: float = 10) -> stripe.Event:
        """The next delivery, checked by Stripe's own SDK."""
        body, signature = self.received.get(timeout=timeout_s)
        event: stripe.Event = stripe.Webhook.construct_event(body, signature, WEBHOOK_SECRET)
        return event


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    endpoint = Endpoint()
    thread = Thread(target=endpoint.server.serve_forever, args=(0.01,))
    thread.start()
    yield endpoint
    endpoint.server.shutdown()
    endpoint.server.server_close()
    thread.join()


@pytest.fixture
def account(endpoint: Endpoint) -> Account:
    return Account(
        secret_key="sk_test_sandbox_tests",
        publishable_key="pk_test_sandbox_tests",
        webhook_url=endpoint.url,
        webhook_secret=WEBHOOK_SECRET,
        now=time.time,  # noqa: TID251 - the SDK checks signatures against the real clock
    )


@pytest.fixture
def simulated(account: Account, tmp_path: Path) -> Iterator[SimulatedStripe]:
    with SimulatedStripe(account, data=tmp_path / "stripe.db", retry_first_s=0.05) as running:
        yield running


@pytest.fixture
def client(simulated: SimulatedStripe) -> stripe.StripeClient:
    return stripe.StripeClient(
        simulated.account.secret_key,
        base_addresses={"api": simulated.url},
        max_network_retries=0,
    )
