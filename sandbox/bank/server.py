"""The simulated bank as a running server: HTTP in front, deliveries behind, loopback only."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from sandbox.bank.account import Account
from sandbox.bank.app import covers, create_app, error_body
from sandbox.bank.books import SCHEMA
from sandbox.bank.knobs import add_knobs
from sandbox.bank.sequels import do_due
from sandbox.bank.webhooks import WebhookMail
from sandbox.serving import LoopbackServer
from sandbox.simulated.clock import Clock
from sandbox.simulated.deliveries import RETRY_FIRST_S, Deliveries
from sandbox.simulated.due import DueWork
from sandbox.simulated.faults import Faults, add_faults
from sandbox.simulated.store import Store


class SimulatedBank:
    """A server on 127.0.0.1; port 0 takes any free port. Also a context manager for tests."""

    def __init__(
        self, account: Account, *, data: Path, port: int = 0, retry_first_s: float = RETRY_FIRST_S
    ) -> None:
        self.store = Store(data, schema=SCHEMA)
        clock = Clock(account.now, self.store)
        self.account = replace(account, now=clock.now)
        mail = WebhookMail(
            self.store,
            self.account,
            real_now=account.now,
            jwks_url=lambda: f"{self.url}/.well-known/jwks",
        )
        self._deliveries = Deliveries(self.store, mail, now=clock.now, retry_first_s=retry_first_s)
        self._due_work = DueWork(
            self.store, self._deliveries, now=clock.now, do=partial(do_due, self.account)
        )
        self._faults = Faults()
        app, calls = create_app(self.store, self.account, self._deliveries)
        add_faults(app, self._faults, self.store, covers=covers, error_body=error_body)
        add_knobs(app, calls, self._faults, clock)
        self._server = LoopbackServer(app, port=port)

    @property
    def url(self) -> str:
        """Where everything of it answers: the API, the tokens, the pages and the keys."""
        return self._server.url

    def settings(self, signing_key: str) -> dict[str, str]:
        """Return the environment variables that lead one of our processes to this bank."""
        return self.account.settings(self.url, signing_key=signing_key)

    def start(self) -> None:
        """Answer requests and deliver webhooks, in the background."""
        self._deliveries.start()
        self._due_work.start()
        self._server.start()

    def stop(self) -> None:
        """Stop everything and close the books."""
        self._faults.stop()
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
