"""The web process as the Procfile starts it, and requests to it byte by byte."""

import os
import re
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.databases import ROOT, free_port

_TIMEOUT_S = 5
_START_S = 60
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3}) ")  # an answer may begin right behind another


@dataclass(frozen=True)
class RawServer:
    """A running web process."""

    port: int
    log: Path

    def send(self, *parts: bytes) -> bytes:
        """Send bytes on one connection; return all that comes until the server ends it."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=_TIMEOUT_S) as connection:
            for part in parts:
                connection.sendall(part)
            with suppress(OSError):  # the server may have ended it already
                connection.shutdown(socket.SHUT_WR)  # nothing more comes: a wait for more ends
            answer = b""
            while True:
                try:
                    more = connection.recv(65_536)
                except ConnectionResetError:
                    return answer
                if not more:
                    return answer
                answer += more

    def statuses(self, *parts: bytes) -> list[int]:
        """Return the status of each answer that comes on one connection."""
        return [int(status) for status in _STATUS.findall(self.send(*parts))]


@contextmanager
def raw_server(settings: Mapping[str, str], folder: Path) -> Iterator[RawServer]:
    """Start the web process and stop it afterwards."""
    lines = (ROOT / "Procfile").read_text(encoding="utf-8").splitlines()
    command = next(line.removeprefix("web: ") for line in lines if line.startswith("web: "))
    port, log = free_port(), folder / "web.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *shlex.split(command), "--bind", f"127.0.0.1:{port}"],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "WEB_CONCURRENCY": "1", **settings},  # noqa: TID251 - for the child
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    server = RawServer(port, log)
    try:
        deadline = time.monotonic() + _START_S
        while not _answers(server):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        yield server
    finally:
        process.kill()
        process.wait()


def _answers(server: RawServer) -> bool:
    try:
        return server.statuses(
            b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        ) == [200]
    except OSError:
        return False
