"""Browsers that follow payments while web, Redis or the relay is killed: no gap, no repeat."""

import http.client
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Self

import pytest
from sqlalchemy import text

from payments.database import transaction
from tests.faults.harness.system import System
from tests.web.event_client import EventClient, Received

PAYMENTS = 6
ROUNDS = 3
COME_BACK_S = 0.05  # sooner than a browser would, to come back into the middle of it
RESTLESS_S = 0.3
_POSITIONS = """
    SELECT position FROM strongroom.live_events
     WHERE position > :since AND (CAST(:party AS text) IS NULL OR :party = ANY (audience))
     ORDER BY position"""


class Follower:
    """A browser's `EventSource`: comes back with `Last-Event-ID` whenever its stream ends.

    A restless one hangs up by itself, again and again.
    """

    def __init__(self, base_url: str, credential: str, *, restless: bool = False) -> None:
        self._base_url = base_url
        self._headers = {"Authorization": f"Bearer {credential}"}
        self._restless = restless
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._past: list[Received] = []
        self._client: EventClient | None = None
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self.visits = 0
        self.began_at: int | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(20)

    def heard(self) -> list[int]:
        with self._lock:
            return [
                event.id for event in self._past + (self._client.events if self._client else [])
            ]

    def _follow(self) -> None:
        last: int | None = None
        while not self._stop.is_set():
            try:
                client = EventClient(self._base_url, self._headers, last_event_id=last)
            except (OSError, http.client.HTTPException):
                self._stop.wait(COME_BACK_S)
                continue
            with self._lock:
                self._client = client
            self._stay(client)
            client.close()
            if client.last_event_id is not None:
                last = client.last_event_id
                self.visits += 1
            with self._lock:
                self._client, self._past = None, self._past + client.events

    def _stay(self, client: EventClient) -> None:
        """Return when the stream has ended, or one has had enough of it."""
        enough_at = time.monotonic() + RESTLESS_S
        while not client.ended.wait(0.01) and not self._stop.is_set():
            if self.began_at is None:
                self.began_at = client.last_event_id
            if self._restless and (client.events or time.monotonic() > enough_at):
                return


Follow = Callable[..., Follower]


@pytest.fixture
def follow(system: System) -> Iterator[Follow]:
    with ExitStack() as stack:

        def begin(credential: str, *, restless: bool = False) -> Follower:
            url = system.way_in.base_url
            follower = stack.enter_context(Follower(url, credential, restless=restless))
            system.eventually(lambda: follower.began_at is not None)
            return follower

        yield begin


def kill_web(system: System) -> None:
    system.kill("web")
    system.eventually(system.web_answers)


def kill_relay(system: System) -> None:
    system.kill("relay")


def lose_redis(system: System) -> None:
    """Kill Redis and start it with nothing of what it knew."""
    system.kill_redis()
    system.valkey.start()
    system.flush_redis()


@pytest.mark.parametrize("fault", [kill_web, kill_relay, lose_redis])
def test_who_follows_live_hears_everything_once_and_in_order(
    system: System, follow: Follow, fault: Callable[[System], None]
) -> None:
    staff = follow(system.way_in.api_keys["support"])
    restless = follow(system.way_in.api_keys["support"], restless=True)
    buyer = follow(system.way_in.tokens["buyer"])

    def fault_now_and_then() -> None:
        for _ in range(ROUNDS):
            system.wait_for_progress(2)
            fault(system)

    system.pay_all(PAYMENTS, meanwhile=fault_now_and_then)
    system.settle()
    for follower, party in [(staff, None), (restless, None), (buyer, system.cast.buyer_id)]:
        wanted = positions(system, follower.began_at, party=party)
        assert len(wanted) >= PAYMENTS
        reach(follower, wanted[-1])
        assert follower.heard() == wanted
    assert restless.visits > ROUNDS
    if fault is kill_web:
        assert staff.visits >= ROUNDS


def positions(system: System, since: int | None, *, party: str | None) -> list[int]:
    """Return where the events are in the database that somebody may see."""
    with transaction(system.engine) as session:
        return list(session.scalars(text(_POSITIONS), {"since": since, "party": party}))


def reach(follower: Follower, position: int, *, within_s: float = 15) -> None:
    """Wait until a follower has heard what is at a position."""
    deadline = time.monotonic() + within_s
    while position not in follower.heard():
        assert time.monotonic() < deadline, (follower.heard(), position)
        time.sleep(0.02)
