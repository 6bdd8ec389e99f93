"""`make run` as a person lives it: started, killed, started again, two at once, stopped."""

import contextlib
import json
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
import redis
import requests

from sandbox.chain.wallet import NodeClient
from sandbox.home import ROOT
from sandbox.processes import MARK
from tests.conditions import wait_until
from tests.databases import free_port

_COUNT = 9


def free_ports() -> int:
    """Return the first of nine neighbouring ports that are free."""
    while True:
        first = free_port()
        with contextlib.ExitStack() as held, contextlib.suppress(OSError):
            for port in range(first, first + _COUNT):
                held.enter_context(socket.socket()).bind(("127.0.0.1", port))
            return first


class Run:
    """One run of the sandbox in a process of its own."""

    def __init__(self, home: Path, port: int, **given: str) -> None:
        self.home = home
        self.port = port
        self.output = home.parent / f"{home.name}-{port}.txt"
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "sandbox", "--home", str(home), "--port", str(port)],
                cwd=ROOT,
                env={"PATH": os.defpath, **given},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def way_in(self) -> dict[str, Any]:
        """Wait until everything answers and return what sandbox.json says."""
        file = self.home / "sandbox.json"
        wait_until(lambda: file.exists() or self.process.poll() is not None, timeout_s=120)
        assert self.process.poll() is None, self.said()
        way_in: dict[str, Any] = json.loads(file.read_text())
        return way_in

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to stop and return its exit status."""
        self.process.send_signal(number)
        return self.process.wait(60)

    def said(self) -> str:
        """Return what it printed."""
        return self.output.read_text()


def processes_of(home: Path) -> list[str]:
    """Return what runs from a home: by its mark, or working in a folder of it."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.status() == psutil.STATUS_ZOMBIE:
                continue
            marked = process.environ().get(MARK, "").startswith(str(home))
            if marked or process.cwd().startswith(str(home)):
                found.append(" ".join(process.cmdline()))
    return found


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A home in a path with spaces; whatever a failed test leaves running in it is stopped."""
    home = tmp_path / "a home with spaces" / "it's .strongroom"
    home.parent.mkdir()
    yield home
    if processes_of(home):
        reset = [sys.executable, "-m", "sandbox", "--home", str(home), "--reset"]
        subprocess.run(reset, cwd=ROOT, check=True, timeout=60)


def test_a_killed_run_is_taken_over_with_its_data(home: Path) -> None:
    port = free_ports()
    killed = Run(home, port)
    way_in = killed.way_in()
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert stat.S_IMODE((home / "sandbox.json").stat().st_mode) == 0o600
    assert requests.get(f"{way_in['base_url']}/readyz", timeout=5).ok
    assert requests.get(way_in["shop_url"], timeout=5).ok
    finance = {"Authorization": f"Bearer {way_in['tokens']['finance']}"}
    assert requests.get(way_in["console_url"], timeout=5).status_code == 401
    assert requests.get(way_in["console_url"], headers=finance, timeout=20).ok
    with psycopg.connect(way_in["database_url"]) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 'in PostgreSQL' AS what")
    with contextlib.closing(redis.Redis.from_url(way_in["redis_url"])) as client:
        client.set("kept", "in Valkey")
    with contextlib.closing(NodeClient(way_in["chain_rpc_url"])) as node:
        block = node.call("eth_getBlockByNumber", "latest")

    again = Run(home, port)
    assert again.process.wait(60) == 1
    assert f"runs here already with PORT={port}" in again.said()

    killed.stop(signal.SIGKILL)
    second = Run(home, port)
    # The killed run's file is there until the second has removed it.
    wait_until(lambda: "taken over" in second.said(), timeout_s=60)
    assert second.way_in() == {**way_in, "tokens": second.way_in()["tokens"]}
    assert "that an earlier run left behind" in second.said()
    with psycopg.connect(way_in["database_url"]) as connection:
        assert connection.execute("SELECT what FROM kept").fetchone() == ("in PostgreSQL",)
    with contextlib.closing(redis.Redis.from_url(way_in["redis_url"])) as client:
        assert client.get("kept") == b"in Valkey"
    with contextlib.closing(NodeClient(way_in["chain_rpc_url"])) as node:
        assert node.call("eth_getBlockByNumber", block["number"]) == block

    assert second.stop() == 0, second.said()
    assert processes_of(home) == []
    assert not (home / "sandbox.json").exists()


def test_two_run_at_once_and_ctrl_c_stops_one_of_them(home: Path) -> None:
    first = Run(home, free_ports())
    way_in = first.way_in()
    second = Run(home, free_ports())
    second.home = home / f"port-{second.port}"
    wait_until(lambda: f"port-{second.port}" in second.said(), timeout_s=30)
    assert second.way_in()["base_url"] != way_in["base_url"]

    second.process.send_signal(signal.SIGINT)
    second.process.send_signal(signal.SIGINT)
    assert second.process.wait(60) == 0, second.said()
    assert processes_of(second.home) == []
    assert requests.get(f"{way_in['base_url']}/readyz", timeout=5).ok
    assert first.stop() == 0, first.said()


def test_a_part_that_dies_takes_the_run_down_with_its_last_words(
    home: Path, fresh_database_url: str, redis_url: str
) -> None:
    run = Run(home, free_ports(), DATABASE_URL=fresh_database_url, REDIS_URL=redis_url)
    way_in = run.way_in()
    assert (way_in["database_url"], way_in["redis_url"]) == (fresh_database_url, redis_url)
    assert not (home / "postgres").exists()
    assert not (home / "valkey").exists()
    (relay,) = (
        p for p in psutil.Process(run.process.pid).children() if "jobs.relay" in p.cmdline()
    )
    relay.kill()
    assert run.process.wait(60) == 1
    assert "relay was killed by signal 9" in run.said()
    assert "relay_started" in run.said()
    assert processes_of(home) == []


def test_a_taken_port_is_named_before_anything_starts(home: Path) -> None:
    port = free_ports()
    with socket.create_server(("127.0.0.1", port + 3)):
        run = Run(home, port)
        assert run.process.wait(60) == 1
    assert f"Port {port + 3}, meant for PostgreSQL, is taken" in run.said()
    assert "make run PORT=" in run.said()
    assert not (home / "postgres").exists()


def test_stops_while_still_starting(home: Path) -> None:
    run = Run(home, free_ports())
    wait_until(lambda: "PostgreSQL" in run.said(), timeout_s=60)
    run.process.send_signal(signal.SIGTERM)
    assert run.process.wait(60) == 0, run.said()
    assert processes_of(home) == []


def test_real_stripe_keys_must_be_complete(home: Path) -> None:
    run = Run(home, free_ports(), STRIPE_SECRET_KEY="sk_test_of_a_real_account")
    assert run.process.wait(60) == 1
    assert "set STRIPE_PUBLISHABLE_KEY and STRIPE_WEBHOOK_SECRETS as well" in run.said()
    assert processes_of(home) == []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"MIGRATION_DATABASE_URL": "postgresql://a/b"}, "given without DATABASE_URL"),
        ({"STRIPE_API_URL": "http://127.0.0.1:1"}, "given without STRIPE_SECRET_KEY"),
        ({"DATABASE_URL": "postgresql://x:y@127.0.0.1:1/z"}, "DATABASE_URL does not work"),
        ({"REDIS_URL": "redis://127.0.0.1:1/0"}, "REDIS_URL does not work"),
    ],
)
def test_what_is_given_must_work(home: Path, given: dict[str, str], said: str) -> None:
    run = Run(home, free_ports(), **given)
    assert run.process.wait(60) == 1
    assert said in run.said()
    assert "Traceback" not in run.said()
    assert processes_of(home) == []
