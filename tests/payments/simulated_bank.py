"""A simulated bank with TrueLayer in front of it, for tests that pay by bank; and its webhooks."""

import queue
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests

from payments.providers.truelayer.adapter import TrueLayer
from payments.settings import read_settings
from sandbox.bank.account import Account, new_private_key, public_key
from sandbox.bank.server import SimulatedBank
from tests.payments.shop import NOW

CLIENT_SECRET = "sandbox-tests-secret"
WEBHOOK_PATH = "/api/webhooks/bank"
_PATIENCE_S = 10


@dataclass(frozen=True)
class Delivered:
    """A webhook as it came in."""

    path: str
    headers: dict[str, str]
    body: bytes


class Letterbox:
    """Takes the bank's webhooks and acknowledges them; nobody works on them but the test."""

    def __init__(self) -> None:
        self._delivered: queue.Queue[Delivered] = queue.Queue()
        box = self

        class Take(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"] or 0))
                box._delivered.put(Delivered(self.path, dict(self.headers.items()), body))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Take)
        self.url = f"http://127.0.0.1:{self.server.server_port}{WEBHOOK_PATH}"

    def take(self) -> Delivered:
        """Wait for the next webhook."""
        return self._delivered.get(timeout=_PATIENCE_S)

    def take_about(self, *words: str) -> Delivered:
        """Wait for the next webhook with all of these words in it."""
        while True:
            delivered = self.take()
            if all(word.encode() in delivered.body for word in words):
                return delivered


class Bank:
    """The simulated bank as a test works it, and our way to it."""

    def __init__(self, simulated: SimulatedBank, signing_key: str, letterbox: Letterbox) -> None:
        self._store = simulated.store
        self.url = simulated.url
        self.environment = simulated.settings(signing_key)
        self.letterbox = letterbox
        settings = read_settings(
            {
                "STRONGROOM_ENV": "sandbox",
                "DATABASE_URL": "postgresql://x",
                "REDIS_URL": "redis://x",
                "STRIPE_SECRET_KEY": "sk_test_sandbox_intake",
                "STRIPE_PUBLISHABLE_KEY": "pk_test_sandbox_intake",
                "STRIPE_WEBHOOK_SECRETS": "whsec_sandbox_intake",
                "JWT_JWKS": '{"keys": []}',
                "JWT_ISSUER": "sandbox",
                "ENCRYPTION_KEYSET": "{}",
                "API_KEY_PEPPER": "sandbox_pepper",
                **self.environment,
            }
        )
        assert settings.truelayer is not None
        self.settings = settings.truelayer
        self.bank_accounts = settings.bank_accounts
        self.provider = TrueLayer(self.settings)

    def knob(self, path: str, body: dict[str, Any], *, method: str = "POST") -> Any:
        """Turn a knob of sandbox/bank/knobs.py."""
        headers = {"Authorization": f"Bearer {CLIENT_SECRET}"}
        url = f"{self.url}/_sandbox/{path}"
        answer = requests.request(method, url, json=body, headers=headers, timeout=_PATIENCE_S)
        assert answer.ok, answer.text
        return answer.json()

    def push(self, provider_ref: str | None, to: str, **more: Any) -> None:
        """Push a payment on: authorized, executed, stalled, settled or failed."""
        self.knob(f"payments/{provider_ref}", {"to": to, **more})

    def break_calls(self, *rules: dict[str, Any]) -> None:
        """Have calls go wrong as these rules say; without any, none does."""
        self.knob("faults", {"rules": list(rules)}, method="PUT")

    def payments_of(self, payment_id: str) -> list[str]:
        """Return the ids of what the bank has made for a payment of ours."""
        with self._store.transaction() as books:
            made = books.select("payment")
        return [one["id"] for one in made if one["metadata"]["payment_id"] == payment_id]

    def shown(self, provider_ref: str | None) -> Any:
        """Return the bank's word for where a payment stands there."""
        facts = self.provider.get_status(provider_ref or "", seen_at=NOW)
        return facts[-1].provider_status


@pytest.fixture(scope="module")
def letterbox() -> Iterator[Letterbox]:
    box = Letterbox()
    thread = threading.Thread(target=box.server.serve_forever, args=(0.01,))
    thread.start()
    yield box
    box.server.shutdown()
    box.server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def running_bank(tmp_path_factory: pytest.TempPathFactory, letterbox: Letterbox) -> Iterator[Bank]:
    signing_key = new_private_key()
    account = Account(
        client_id="sandbox-tests",
        client_secret=CLIENT_SECRET,
        signing_key_id="5b0d3c5e-5f52-4a5f-8f8e-6d7a3f1d9c24",
        signing_public_key=public_key(signing_key),
        webhook_url=letterbox.url,
        webhook_key=new_private_key(),
        now=time.time,  # noqa: TID251 - the simulated bank has a clock of its own
    )
    data = tmp_path_factory.mktemp("bank") / "bank.db"
    with SimulatedBank(account, data=data, retry_first_s=60) as simulated:
        bank = Bank(simulated, signing_key, letterbox)
        never = {"execution_s": None, "settlement_s": None, "refund_s": None, "expiry_s": None}
        bank.knob("moments", never, method="PUT")
        yield bank


@pytest.fixture
def bank(running_bank: Bank) -> Iterator[Bank]:
    """The bank, on which nothing happens by itself; what a test breaks is mended after it."""
    yield running_bank
    running_bank.break_calls()
