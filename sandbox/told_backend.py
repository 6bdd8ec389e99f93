"""The shop's backend as it is told of changes: a receiver of notices, for the demo."""

import contextlib
import secrets
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Empty, Queue
from threading import Thread
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError

from sandbox.calls import TIMEOUT_S, Cast, created
from sandbox.listener import SilenceError
from sandbox.way_in import WayIn

_WAIT_S = 30


class ToldBackend:
    """Keeps the notices that are signed with its secret, and refuses all others."""

    def __init__(self) -> None:
        self.secret = ""
        self.notices: Queue[dict[str, Any]] = Queue()

    def wait_for(self, payment_id: str, status: str) -> dict[str, Any]:
        """Return the notice that says so of a payment; the ones before it are passed over.

        Raises:
            SilenceError: it did not come in time.
        """
        while True:
            try:
                notice = self.notices.get(timeout=_WAIT_S)
            except Empty:
                raise SilenceError(f"no notice of {payment_id}, {status}") from None
            if (notice["data"]["id"], notice["data"]["status"]) == (payment_id, status):
                return notice


@contextlib.contextmanager
def told_backend(way_in: WayIn, cast: Cast) -> Iterator[ToldBackend]:
    """Register a receiver on this machine until the block ends."""
    backend = ToldBackend()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _receiver_for(backend))
    Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    url = f"{way_in.base_url}/api/notices/endpoints"
    endpoint = created(
        cast.backend.post(
            url,
            json={
                "reference": f"demo-{secrets.token_hex(16)}",
                "url": f"http://127.0.0.1:{server.server_port}/",
                "topics": ["payment.updated"],
            },
            timeout=TIMEOUT_S,
        )
    )
    backend.secret = endpoint["secret"]
    try:
        yield backend
    finally:
        cast.backend.delete(f"{url}/{endpoint['id']}", timeout=TIMEOUT_S)
        server.shutdown()
        server.server_close()


def _receiver_for(backend: ToldBackend) -> type[BaseHTTPRequestHandler]:
    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            try:
                notice = Webhook(backend.secret).verify(body, dict(self.headers))
            except WebhookVerificationError:
                self.send_response(400)
            else:
                backend.notices.put(notice)
                self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    return Receiver
