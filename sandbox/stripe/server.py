"""The simulated Stripe as a running server: HTTP in front, deliveries behind, loopback only."""

import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from werkzeug.serving import WSGIRequestHandler, make_server

from sandbox.stripe.account import Account
from sandbox.stripe.app import create_app
from sandbox.stripe.deliveries import RETRY_FIRST_S, Deliveries
from sandbox.stripe.store import Store


class _QuietConnection(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"  # keeps connections open, as Stripe does
    disable_nagle_algorithm = True  # headers and body go out apart: do not hold the body back

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing: request lines carry client secrets."""


class SimulatedStripe:
    """A server on 127.0.0.1; port 0 takes any free port. Also a context manager for tests."""

    def __init__(
        self, account: Account, *, data: Path, port: int = 0, retry_first_s: float = RETRY_FIRST_S
    ) -> None:
        self.account = account
        self.store = Store(data)
        self._deliveries = Deliveries(self.store, account, retry_first_s=retry_first_s)
        self._server = make_server(
            "127.0.0.1",
            port,
            create_app(self.store, account, self._deliveries),
            threaded=True,
            request_handler=_QuietConnection,
        )
        self._thread = threading.Thread(target=self._server.serve_forever, name="stripe-http")

    @property
    def url(self) -> str:
        """The address to give to the Stripe SDK."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def start(self) -> None:
        """Answer requests and deliver webhooks, in the background."""
        self._deliveries.start()
        self._thread.start()

    def stop(self) -> None:
        """Stop both and close the books."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._deliveries.stop()
        self.store.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
