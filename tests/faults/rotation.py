"""Two processes of the application on one database, their callers, and a clock that can jump."""

import datetime as dt
import secrets
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from flask.testing import FlaskClient

from payments.access.caller import Role
from tests.conditions import wait_until
from tests.web.conftest import Headers

CALLERS = 4
ROUNDS = 4
PER_STEP = 4  # requests of each caller before, between and after the steps of a rotation

Use = Callable[[FlaskClient], int]
"""Makes one rightful request and returns the status it is answered with."""


@dataclass
class JumpingClock:
    """The time, as far ahead as the test has pushed it."""

    ahead: dt.timedelta = dt.timedelta(0)

    def __call__(self) -> dt.datetime:
        """Return the time in UTC."""
        return dt.datetime.now(dt.UTC) + self.ahead  # noqa: TID251 - the application's clock is real here

    def jump(self, seconds: int) -> None:
        """Let so many seconds pass at once, for every process."""
        self.ahead += dt.timedelta(seconds=seconds)


@dataclass
class Load:
    """Callers who go on and on, at one process after the other; `wrong` is what was refused."""

    clients: list[Callable[[], FlaskClient]]
    use: Use
    right: frozenset[int]
    counts: list[int] = field(default_factory=lambda: [0] * CALLERS)
    wrong: list[int] = field(default_factory=list)
    _stopping: threading.Event = field(default_factory=threading.Event)

    def call(self, number: int) -> None:
        """Call until told to stop."""
        clients = [make() for make in self.clients]
        turn = number
        while not self._stopping.is_set():
            status = self.use(clients[turn % len(clients)])
            turn += 1
            if status not in self.right:
                self.wrong.append(status)
            self.counts[number] += 1

    def more(self) -> None:
        """Wait until every caller has had some more answers, none of them a refusal."""
        until = [count + PER_STEP for count in self.counts]
        wait_until(
            lambda: bool(self.wrong) or all(map(int.__ge__, self.counts, until)), timeout_s=60
        )
        assert not self.wrong, f"refused with {self.wrong[:5]} after {sum(self.counts)} requests"

    def stop(self) -> None:
        """Tell the callers to stop."""
        self._stopping.set()


@contextmanager
def under_load(
    clients: list[Callable[[], FlaskClient]], use: Use, *, right: frozenset[int] | None = None
) -> Iterator[Load]:
    """Have callers at work during the block, none of whom may be refused."""
    load = Load(clients, use, right or frozenset({200, 201}))
    with ThreadPoolExecutor(CALLERS) as pool:
        running = [pool.submit(load.call, number) for number in range(CALLERS)]
        try:
            load.more()
            yield load
            load.more()
        finally:
            load.stop()
        for one in running:
            one.result()


@dataclass
class Office:
    """An administrator, who rotates at the one process what the other one uses, too."""

    client: FlaskClient
    headers: Headers
    clock: JumpingClock

    def rotate(self, kind: str, **body: Any) -> str:
        """Add a version and let it begin; return its id."""
        whole = {"reference": secrets.token_hex(16)} | body
        answer = self.client.post(f"/api/secrets/{kind}/rotate", json=whole, headers=self.headers)
        assert answer.status_code == 201, answer.text
        return str(answer.get_json()["id"])

    def live(self, kind: str) -> list[str]:
        """Return the ids of the live versions, the newest first."""
        listed = self.client.get("/api/secrets", headers=self.headers).get_json()["data"]
        return [one["id"] for one in listed if (one["kind"], one["state"]) == (kind, "live")]

    def revoke(self, version_id: str) -> None:
        """End a version, and let the five seconds pass until every process knows."""
        answer = self.client.delete(f"/api/secrets/{version_id}", headers=self.headers)
        assert answer.status_code == 204, answer.text
        self.clock.jump(5)

    def key_for(self, role: Role) -> Headers:
        """Make an API key."""
        body = {"reference": secrets.token_hex(16), "name": "Load", "role": role.value}
        answer = self.client.post("/api/keys", json=body, headers=self.headers)
        return {"Authorization": f"Bearer {answer.get_json()['key']}"}
