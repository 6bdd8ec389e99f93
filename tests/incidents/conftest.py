"""What played-out incidents share: the whole system, its people, and its command line."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pytest
import requests
from click.testing import CliRunner

from sandbox.calls import TIMEOUT_S
from sandbox.way_in import loopback_session
from tests.journeys.conftest import (  # noqa: F401 - fixtures
    System,
    books,
    desk,
    escrows,
    rail,
)
from web.command_line import main

Body = dict[str, Any]


@dataclass(frozen=True)
class OnCall:
    """Whoever was woken: they have a console, an API key of each role, and the command line."""

    system: System

    @cached_property
    def support(self) -> requests.Session:
        """Who talks to buyers and sellers."""
        return self._person("support")

    @cached_property
    def operator(self) -> requests.Session:
        """Who watches over the system."""
        return self._person("operator")

    @cached_property
    def finance(self) -> requests.Session:
        """Who looks after the money."""
        return self._person("finance")

    @cached_property
    def admin(self) -> requests.Session:
        """Who may do everything, with a second person."""
        return self._person("admin")

    def get(self, who: requests.Session, path: str, **query: str) -> requests.Response:
        """Ask our API, such as `ops/duplicates`."""
        return who.get(f"{self.system.way_in.base_url}/api/{path}", params=query, timeout=TIMEOUT_S)

    def post(self, who: requests.Session, path: str, body: Body | None = None) -> requests.Response:
        """Have our API do something, under a reference of its own unless the body has one."""
        asked = {"reference": secrets.token_hex(16), **(body or {})}
        url = f"{self.system.way_in.base_url}/api/{path}"
        return who.post(url, json=asked, timeout=TIMEOUT_S)

    def command(
        self, *words: str, status: int = 0, environment: Mapping[str, str] | None = None
    ) -> str:
        """Run `strongroom …` as whoever has the machine, and return what it prints.

        In this process: to start one of its own takes seconds, and tells nothing more.
        """
        given = {**self.system.environment, **(environment or {})}
        done = CliRunner().invoke(main, words, env=given)
        assert done.exit_code == status, f"{words}: {done.exit_code}\n{done.output}"
        return done.stdout

    def command_json(self, *words: str, status: int = 0) -> Any:
        """Run `strongroom … --json`, and return what it says."""
        return json.loads(self.command(*words, "--json", status=status))

    def _person(self, role: str) -> requests.Session:
        return loopback_session(self.system.way_in.api_keys[role])


@pytest.fixture
def on_call(system: System) -> OnCall:
    """Whoever plays the incident."""
    return OnCall(system)
