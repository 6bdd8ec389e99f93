"""The whole system for a benchmark: its processes as the Procfile starts them, each kind's CPU."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
import psycopg
import redis

from benchmarks.server import migrate
from payments.settings import Settings, read_settings
from sandbox.environment import Plan
from sandbox.home import ROOT, Home
from sandbox.ports import Ports
from sandbox.postgres import OWNER, Postgres
from sandbox.processes import Processes, Program
from sandbox.programs import answers, procfile_commands
from sandbox.valkey import Valkey
from tests.databases import free_port

_UP_S = 30


@dataclass(frozen=True)
class System:
    """A running system: its own database, Valkey, web, relay and, once started, worker."""

    settings: Settings
    plan: Plan
    processes: Processes
    programs: Mapping[str, Program]
    roots: Mapping[str, int]  # process ids of the servers

    def start(self, name: str) -> None:
        """Start one of `web`, `worker` and `relay`, and wait until it answers."""
        self.processes.start(self.programs[name])
        self.processes.wait(self.programs[name], timeout_s=_UP_S)

    def pid_of(self, name: str) -> int:
        """Return the process id of a part's first process."""
        if name in self.roots:
            return self.roots[name]
        command = self.programs[name].command
        return next(
            child.pid for child in psutil.Process().children() if child.cmdline() == list(command)
        )

    def cpu_s(self) -> dict[str, float]:
        """Return the processor seconds each part has used so far, and ours as `client`."""
        running = filter(self.is_running, self.programs)
        used = {name: tree_s(self.pid_of(name)) for name in (*self.roots, *running)}
        return used | {"client": time.process_time()}

    def is_running(self, name: str) -> bool:
        """Tell whether a part has been started."""
        command = list(self.programs[name].command)
        return any(child.cmdline() == command for child in psutil.Process().children())


@contextmanager
def running_system(
    postgres: Postgres,
    database: str,
    *,
    stripe_port: int | None = None,
    web_processes: int = 2,
    parts: tuple[str, ...] = ("web", "worker", "relay"),
) -> Iterator[System]:
    """Run a system on a new database of `postgres`, with `parts` started."""
    with TemporaryDirectory(prefix="strongroom-bench-") as folder:
        home = Home(Path(folder))
        ports = Ports(
            web=free_port(),
            shop=free_port(),
            stripe=stripe_port or free_port(),
            postgres=postgres.port,
            valkey=free_port(),
            bank=free_port(),
            chain=free_port(),
            signer=free_port(),
            pager=free_port(),
        )
        plan = Plan(home, ports, home.secrets(), given={})
        # Nothing is measured on a chain here, and nothing else of the machine's time goes to one.
        given = {"PATH": "/usr/bin:/bin", "WEB_CONCURRENCY": str(web_processes), "CHAINS": "{}"}
        plan = replace(plan, given=given)
        valkey = Valkey(
            home.valkey, ports.valkey, plan.secrets.valkey_password, home.logs / "v.log"
        )
        processes = Processes(home.path, logs=home.logs)
        try:
            settings = plan.settings(
                database_url=_new_database(postgres, database), redis_url=valkey.start()
            )
            roots = {"postgres": postgres.pid or 0, "valkey": valkey.pid or 0}
            system = System(
                read_settings(settings), plan, processes, _programs(plan, settings), roots
            )
            for part in parts:
                system.start(part)
            yield system
        finally:
            processes.stop(patience_s=15)
            valkey.stop()


def since(begun: Mapping[str, float], now: Mapping[str, float]) -> dict[str, float]:
    """Return what each part used between two readings of `System.cpu_s`."""
    return {name: used - begun.get(name, 0.0) for name, used in now.items()}


def redis_client(system: System) -> redis.Redis:
    """Return a client of the system's Valkey."""
    return redis.Redis.from_url(system.settings.redis_url)


def _programs(plan: Plan, settings: Mapping[str, str]) -> dict[str, Program]:
    environment = {**plan.surroundings(), **settings}
    commands = procfile_commands(ROOT / "Procfile")
    commands["web"] += ["--bind", f"127.0.0.1:{plan.ports.web}"]
    up = {"web": answers(f"{plan.base_url}/readyz")}
    return {
        name: Program(name, commands[name], environment, up.get(name, lambda: True))
        for name in ("web", "worker", "relay")
    }


def _new_database(postgres: Postgres, name: str) -> str:
    with psycopg.connect(postgres.superuser_url(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} OWNER {OWNER}".encode())
    migrate(postgres.url(name))
    return postgres.url(name)


def tree_s(pid: int) -> float:
    """Return the seconds of a process, its living children and those it has collected."""
    root = psutil.Process(pid)
    times = [process.cpu_times() for process in (root, *root.children(recursive=True))]
    return sum(sum(one[:4]) for one in times)
