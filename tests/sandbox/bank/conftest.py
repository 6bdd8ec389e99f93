"""A running simulated bank, a client that signs what it asks, and an endpoint for webhooks."""

import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Empty, Queue
from threading import Thread

import pytest

from sandbox.bank.account import Account, new_private_key, public_key
from sandbox.bank.server import SimulatedBank
from tests.sandbox.bank.client import Client, Received

SIGNING_KEY_ID = "5a1d0b0e-0000-4000-8000-00000000000f"


class Endpoint:
    """A webhook endpoint that keeps what it gets and answers with the statuses it was told."""

    def __init__(self) -> None:
        self.received: Queue[Received] = Queue()
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
                endpoint.received.put(Received(self.path, dict(self.headers), body))

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hooks/bank"

    def next(self, timeout_s: float = 10) -> Received:
        """The next delivery."""
        return self.received.get(timeout=timeout_s)


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    endpoint = Endpoint()
    thread = Thread(target=endpoint.server.serve_forever, args=(0.01,))
    thread.start()
    yield endpoint
    endpoint.server.shutdown()
    endpoint.server.server_close()
    thread.join()


@pytest.fixture(scope="session")
def signing_key() -> str:
    return new_private_key()


@pytest.fixture
def account(endpoint: Endpoint, signing_key: str) -> Account:
    return Account(
        client_id="sandbox-tests",
        client_secret="a secret of the sandbox's tests",
        signing_key_id=SIGNING_KEY_ID,
        signing_public_key=public_key(signing_key),
        webhook_url=endpoint.url,
        webhook_key=new_private_key(),
        now=time.time,  # noqa: TID251 - webhooks are dated by the real clock
    )


@pytest.fixture
def bank(account: Account, tmp_path: Path) -> Iterator[SimulatedBank]:
    with SimulatedBank(account, data=tmp_path / "bank.db", retry_first_s=0.05) as running:
        yield running


@pytest.fixture
def client(bank: SimulatedBank, signing_key: str) -> Iterator[Client]:
    client = Client(bank, signing_key)
    # Nothing goes on by itself: every test says what happens, and when.
    client.turn("PUT", "moments", execution_s=None, settlement_s=None, refund_s=None)
    yield client
    client.close()
