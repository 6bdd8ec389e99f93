"""One whole sandbox: started in order, watched, and stopped completely whatever happens."""

import contextlib
import shutil
from collections.abc import Callable, Iterator, Mapping

from sandbox.environment import Plan
from sandbox.given_stores import ask_postgresql, ask_redis
from sandbox.guide import Screen
from sandbox.home import Home, write_private
from sandbox.ports import Ports
from sandbox.postgres import Postgres
from sandbox.processes import ProcessDiedError, Processes, StopRequestedError
from sandbox.programs import programs, release
from sandbox.seed import seed
from sandbox.valkey import Valkey

# All parts start at once, and a busy machine takes its time; one that dies is told of at once.
_ANSWER_WAIT_S = 120
_WATCH_S = 0.5
# Long enough for a worker to finish its job; an open event stream would keep the web for longer.
_STOP_PATIENCE_S = 6


_GIVEN_STORES = {
    "DATABASE_URL": ask_postgresql,
    "MIGRATION_DATABASE_URL": ask_postgresql,
    "REDIS_URL": ask_redis,
}


class StopFailedError(Exception):
    """A part may still run; the text says which and why."""


class Sandbox:
    """The parts of one run. `stop` is right at any moment, also after a failed `start`."""

    def __init__(
        self,
        *,
        home: Home,
        ports: Ports,
        given: Mapping[str, str],
        screen: Screen,
        should_stop: Callable[[float], bool],
    ) -> None:
        """`should_stop(seconds)` waits that long at most and tells whether to give up."""
        self._home = home
        self._screen = screen
        self._should_stop = should_stop
        self._began = False
        self.plan = Plan(home=home, ports=ports, secrets=home.secrets(), given=given)
        self._processes = Processes(home.path, logs=home.logs, should_stop=should_stop)
        self._postgres = Postgres(
            data=home.postgres,
            port=ports.postgres,
            password=self.plan.secrets.postgres_password,
            superuser_password=self.plan.secrets.postgres_superuser_password,
            log=home.logs / "postgres.log",
        )
        self._valkey = Valkey(
            data=home.valkey,
            port=ports.valkey,
            password=self.plan.secrets.valkey_password,
            log=home.logs / "valkey.log",
        )

    def start(self) -> None:
        """Start everything and write the way in.

        Raises:
            StopRequestedError: when asked to stop meanwhile.
            PortTakenError: before anything was started.
            EnvironmentFaultError: before anything was started on what was given.
            PostgresError: when PostgreSQL does not come up.
            ValkeyError: when Valkey does not come up.
            ProcessDiedError: when another part does not come up.
        """
        self._clear_away()
        settings = self.plan.settings(
            database_url=self.plan.given.get("DATABASE_URL", self._postgres.url()),
            redis_url=self.plan.given.get("REDIS_URL", self._valkey.url()),
        )
        self._began = True
        self._start_stores()
        with self._step("Migrations") as details:
            self._processes.run("release", *release(self.plan, settings))
            details.append("the database is at the newest revision")
        self._start_programs(settings)
        with self._step("A small shop") as details:
            way_in = seed(self.plan, settings)
            details.append("people, orders, API keys and tokens")
        self._processes.check()
        if self._should_stop(0):
            raise StopRequestedError
        write_private(self._home.environment_file, settings)
        write_private(self._home.sandbox_file, {**self._addresses(settings), **way_in})

    def watch(self) -> None:
        """Return when asked to stop.

        Raises:
            ProcessDiedError: when a part ends by itself.
        """
        while not self._should_stop(_WATCH_S):
            self._processes.check()
            for server in self._stores():
                if not server.is_running():
                    raise ProcessDiedError(f"{server.title} ended; see {server.log}")

    def stop(self) -> None:
        """Stop everything of this home, whoever started it; the data stays.

        Raises:
            StopFailedError: when a part could not be stopped; all the others were.
        """
        self._home.sandbox_file.unlink(missing_ok=True)
        self._home.environment_file.unlink(missing_ok=True)
        faults: list[str] = []
        for stop in (self._stop_programs, self._valkey.stop, self._postgres.stop):
            try:
                stop()
            except Exception as fault:  # noqa: BLE001 - the other parts must be stopped all the same
                faults.append(f"{type(fault).__name__}: {fault}")
        if faults:
            raise StopFailedError("\n".join(["Not everything could be stopped.", *faults]))
        if self._began:
            self._screen.say("Everything is stopped; the data is kept.")

    def remove_data(self) -> None:
        """Remove this home and everything in it; only after `stop`."""
        self._postgres.remove()
        shutil.rmtree(self._home.path)

    def _clear_away(self) -> None:
        """Stop what an earlier run left behind, and see that our ports are free."""
        self._home.sandbox_file.unlink(missing_ok=True)
        left = self._stop_programs()
        if left:
            self._screen.say(f"Stopped {left} processes that an earlier run left behind.")
        parts = ["web", "shop", "pager"]
        if self.plan.starts_stripe:
            parts.append("stripe")
        if self.plan.starts_bank:
            parts.append("bank")
        if self.plan.starts_chain:
            parts += ["chain", "signer"]
        parts += [s.part for s in self._stores() if not s.answers()]
        self.plan.ports.require_free(parts)

    def _stores(self) -> list[Postgres | Valkey]:
        """Return the servers that hold data, as far as this run starts them."""
        stores: list[Postgres | Valkey] = [self._postgres] if self.plan.starts_postgres else []
        return [*stores, self._valkey] if self.plan.starts_valkey else stores

    def _start_stores(self) -> None:
        for variable, ask in _GIVEN_STORES.items():
            if variable in self.plan.given:
                with self._step(variable) as details:
                    details.append(ask(variable, self.plan.given[variable]))
        for server in self._stores():
            with self._step(server.title) as details:
                taken_over = server.answers()
                server.start()
                details.append(f"127.0.0.1:{server.port}")
                if taken_over:
                    details.append("(taken over from an earlier run)")

    def _start_programs(self, settings: Mapping[str, str]) -> None:
        wanted = programs(self.plan, settings)
        for program in wanted:
            self._processes.start(program)
        for program in wanted:
            with self._step(program.name.capitalize()) as details:
                self._processes.wait(program, timeout_s=_ANSWER_WAIT_S)
                details.append(program.address)

    def _stop_programs(self) -> int:
        return self._processes.stop(patience_s=_STOP_PATIENCE_S)

    def _addresses(self, settings: Mapping[str, str]) -> dict[str, object]:
        return {
            "base_url": self.plan.base_url,
            "shop_url": self.plan.shop_url,
            "console_url": self.plan.console_url,
            "pager_url": self.plan.pager_url,
            "stripe_api_url": settings.get("STRIPE_API_URL", "https://api.stripe.com"),
            "bank_api_url": settings.get("TRUELAYER_API_URL", "https://api.truelayer.com"),
            "chain_rpc_url": self.plan.chain_url if self.plan.starts_chain else None,
            "database_url": settings["DATABASE_URL"],
            "redis_url": settings["REDIS_URL"],
            "webhook_secrets": {"stripe": settings["STRIPE_WEBHOOK_SECRETS"].partition(",")[0]},
        }

    @contextlib.contextmanager
    def _step(self, name: str) -> Iterator[list[str]]:
        if self._should_stop(0):
            raise StopRequestedError
        with self._screen.step(name) as details:
            yield details
