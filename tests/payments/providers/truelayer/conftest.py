"""TrueLayer's adapter, led to a server of the test's own."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from payments.providers.truelayer.adapter import TrueLayer
from tests.payments.providers.truelayer.scripted_server import ScriptedServer


@dataclass
class Clock:
    """Seconds that pass when the test says so."""

    now_s: float = 1000.0

    def __call__(self) -> float:
        """Return the seconds."""
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        yield running


@pytest.fixture
def truelayer(server: ScriptedServer, clock: Clock) -> TrueLayer:
    return TrueLayer(server.settings(), connect_timeout_s=2, read_timeout_s=2, clock=clock)
