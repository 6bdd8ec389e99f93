"""A shop, a simulated Stripe with a line to it that can fail, and the ledger to look into."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests
from sqlalchemy import Engine

from payments.providers.stripe.client import StripeClient, connect_stripe
from payments.settings import read_settings
from sandbox.stripe.account import Account
from sandbox.stripe.server import SimulatedStripe
from tests.payments.shop import Shop, open_shop

SECRET_KEY = "sk_test_sandbox_intake"


@pytest.fixture(scope="module")
def shop(engine: Engine) -> Shop:
    return open_shop(engine)


@contextmanager
def simulated_stripe(data: Path) -> Iterator[SimulatedStripe]:
    """A simulated Stripe that keeps its books in a file, and tells nobody."""
    account = Account(
        secret_key=SECRET_KEY,
        publishable_key="pk_test_sandbox_intake",
        webhook_url="http://127.0.0.1:9/nobody-listens",
        webhook_secret="whsec_sandbox_intake",
        now=time.time,  # noqa: TID251 - the simulated Stripe has a clock of its own
    )
    with SimulatedStripe(account, data=data, retry_first_s=60) as running:
        yield running


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatedStripe]:
    with simulated_stripe(tmp_path_factory.mktemp("stripe") / "stripe.db") as running:
        yield running


class Line:
    """The line to Stripe: `when_called` runs while a call is under way; `fault` breaks it.

    Faults: `lost_answer` (Stripe did it, we do not hear of it), `no_line`, or an HTTP status.
    They are of POSTs only; `lookups_fail` breaks GETs.
    """

    def __init__(self, stripe_url: str) -> None:
        self.fault: str | int | None = None
        self.lookups_fail = False
        self.when_called: Callable[[], None] = lambda: None
        self.keys: list[str] = []
        line = self

        class Forward(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                line.keys.append(self.headers["Idempotency-Key"])
                body = self.rfile.read(int(self.headers["Content-Length"] or 0))
                line.when_called()
                if line.fault == "no_line":
                    self.connection.close()
                elif isinstance(line.fault, int):
                    self.reply(line.fault, b'{"error": {"message": "as told"}}')
                else:
                    self.forward(body)

            def do_GET(self) -> None:
                if line.lookups_fail:
                    self.connection.close()
                    return
                headers = {"Authorization": self.headers["Authorization"]}
                answer = requests.get(stripe_url + self.path, headers=headers, timeout=5)
                self.reply(answer.status_code, answer.content)

            def forward(self, body: bytes) -> None:
                names = ("Authorization", "Idempotency-Key", "Content-Type")
                headers = {name: self.headers[name] for name in names}
                url = stripe_url + self.path
                answer = requests.post(url, data=body, headers=headers, timeout=5)
                if line.fault == "lost_answer":
                    self.connection.close()
                else:
                    self.reply(answer.status_code, answer.content)

            def reply(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Forward)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def line(simulated: SimulatedStripe) -> Iterator[Line]:
    line = Line(simulated.url)
    thread = threading.Thread(target=line.server.serve_forever, args=(0.01,))
    thread.start()
    yield line
    line.server.shutdown()
    line.server.server_close()
    thread.join()


@pytest.fixture
def stripe(line: Line) -> StripeClient:
    return stripe_at(line.url)


def stripe_at(
    url: str, secret_key: str = SECRET_KEY, *, gate: Callable[[], None] = lambda: None
) -> StripeClient:
    settings = read_settings(
        {
            "STRONGROOM_ENV": "sandbox",
            "DATABASE_URL": "postgresql://x",
            "REDIS_URL": "redis://x",
            "STRIPE_SECRET_KEY": secret_key,
            "STRIPE_PUBLISHABLE_KEY": "pk_test_sandbox_intake",
            "STRIPE_WEBHOOK_SECRETS": "whsec_sandbox_intake",
            "STRIPE_API_URL": url,
            "JWT_JWKS": '{"keys": []}',
            "JWT_ISSUER": "sandbox",
            "ENCRYPTION_KEYSET": "{}",
            "API_KEY_PEPPER": "sandbox_pepper",
        }
    )
    return connect_stripe(settings, gate=gate)
