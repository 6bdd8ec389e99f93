"""The simulated Stripe as a running server: HTTP in front, deliveries behind, loopback only."""

from pathlib import Path
from types import TracebackType
from typing import Self

from sandbox.serving import LoopbackServer
from sandbox.stripe.account import Account
from sandbox.stripe.app import create_app
from sandbox.stripe.deliveries import RETRY_FIRST_S, Deliveries
from sandbox.stripe.due import DueWork
from sandbox.stripe.store import Store


class SimulatedStripe:
    """A server on 127.0.0.1; port 0 takes any free port. Also a context manager for tests."""

    def __init__(
        self, account: Account, *, data: Path, port: int = 0, retry_first_s: float = RETRY_FIRST_S
    ) -> None:
        self.account = account
        self.store = Store(data)
        self._deliveries = Deliveries(self.store, account, retry_first_s=retry_first_s)
        self._due_work = DueWork(self.store, account, self._deliveries)
        self._server = LoopbackServer(create_app(self.store, account, self._deliveries), port=port)

    @property
    def url(self) -> str:
        """The address to give to the Stripe SDK."""
        return self._server.url

    def start(self) -> None:
        """Answer requests and deliver webhooks, in the background."""
        self._deliveries.start()
        self._due_work.start()
        self._server.start()

    def stop(self) -> None:
        """Stop everything and close the books."""
        self._server.stop()
        self._due_work.stop()
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
