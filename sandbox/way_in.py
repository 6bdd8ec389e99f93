"""Finds the running system for a script, or runs one for as long as the script needs it."""

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Any

import requests

from sandbox.chain.setup import People
from sandbox.home import DEFAULT_HOME, ROOT, Home
from sandbox.programs import answers

START_WAIT_S = 180
STOP_WAIT_S = 60


class NoSystemError(Exception):
    """No system is running, and none could be started; what was printed says why."""


@dataclass(frozen=True)
class WayIn:
    """Addresses, API keys and tokens of a running sandbox, as sandbox.json gives them."""

    base_url: str
    shop_url: str
    stripe_api_url: str
    bank_api_url: str
    chain_rpc_url: str | None
    pager_url: str
    api_keys: dict[str, str]
    tokens: dict[str, str]
    webhook_secrets: dict[str, str]
    stripe_secret_key: str
    stripe_publishable_key: str
    bank_client_secret: str
    wallets_secret: str = field(repr=False)

    @property
    def people(self) -> People:
        """Who has a wallet on the local chain."""
        return People(self.wallets_secret)


@contextlib.contextmanager
def running_system(*, home: Path = DEFAULT_HOME, port: int) -> Iterator[WayIn]:
    """Use the system that runs in `home`; if none does, start one and stop it afterwards.

    Raises:
        NoSystemError: it could not be started.
    """
    found = find_way_in(home, port=port)
    if found is not None:
        yield found
        return
    command = [sys.executable, "-m", "sandbox", "--home", str(home), "--port", str(port)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None  # noqa: S101 - it is the pipe asked for above
    Thread(target=_show_progress, args=(process.stdout,), daemon=True).start()
    try:
        yield _wait_for(home, port, process)
    finally:
        process.terminate()
        process.wait(STOP_WAIT_S)


def find_way_in(home: Path, *, port: int) -> WayIn | None:
    """Return the way into the system that runs in `home` and answers, or None."""
    for place in (Home(home), Home(home / f"port-{port}")):
        if not place.sandbox_file.exists():
            continue
        written = json.loads(place.sandbox_file.read_text(encoding="utf-8"))
        if answers(f"{written['base_url']}/readyz")():
            return _read(place, written)
    return None


def _read(home: Home, written: dict[str, Any]) -> WayIn:
    settings = json.loads(home.environment_file.read_text(encoding="utf-8"))
    named = (
        *("base_url", "shop_url", "stripe_api_url", "bank_api_url", "chain_rpc_url"),
        "pager_url",
        *("api_keys", "tokens", "webhook_secrets"),
    )
    return WayIn(
        **{name: written[name] for name in named},
        stripe_secret_key=settings["STRIPE_SECRET_KEY"],
        stripe_publishable_key=settings["STRIPE_PUBLISHABLE_KEY"],
        bank_client_secret=settings["TRUELAYER_CLIENT_SECRET"],
        wallets_secret=home.secrets().wallets_secret,
    )


def _show_progress(lines: Iterable[str]) -> None:
    """Print what the system says while it starts, but not the guide for people who stay."""
    starting = True
    for line in lines:
        starting = starting and not line.startswith("Strongroom runs")
        if starting:
            print(line, end="", flush=True)


def _wait_for(home: Path, port: int, process: subprocess.Popen[str]) -> WayIn:
    deadline = time.monotonic() + START_WAIT_S
    while time.monotonic() < deadline and process.poll() is None:
        found = find_way_in(home, port=port)
        if found is not None:
            return found
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.2)
    raise NoSystemError


def loopback_session(bearer: str | None = None) -> requests.Session:
    """Return an HTTP session for this machine: no proxy, and the bearer's authority if given."""
    session = requests.Session()
    session.trust_env = False
    if bearer is not None:
        session.headers["Authorization"] = f"Bearer {bearer}"
    return session
