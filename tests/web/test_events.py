"""Event streams, through real web processes wherever a process can matter."""

import os
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import redis
import requests
from sqlalchemy import Engine

from payments.access.caller import Role
from payments.database import connect_engine, transaction
from payments.delivery import live_events
from payments.delivery.redis_channels import channel
from tests.databases import ROOT, free_port
from tests.web.conftest import KeyOf, TokenOf, environment
from tests.web.event_client import EventClient, announce, eventually, publish

Listen = Callable[..., EventClient]

START_S = 60  # a process loads everything first: 3 s of a CPU, of which others want their share


@pytest.fixture
def database_url(fresh_database_url: str) -> str:
    """Positions are of the whole database, so each test has one to itself."""
    return fresh_database_url


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = connect_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def valkey(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as client:
        yield client


class WebProcess:
    """One web process with one worker, as the Procfile starts it."""

    def __init__(self, settings: dict[str, str], log: Path) -> None:
        lines = (ROOT / "Procfile").read_text().splitlines()
        command = next(line for line in lines if line.startswith("web: ")).removeprefix("web: ")
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._log = log
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *shlex.split(command), "--bind", f"127.0.0.1:{port}"],
                cwd=ROOT,
                env={"PATH": os.defpath, "WEB_CONCURRENCY": "1", **settings},
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def answers(self) -> bool:
        assert self.process.poll() is None, self._log.read_text()
        try:
            return requests.get(f"{self.url}/healthz", timeout=5).ok
        except (requests.ConnectionError, requests.Timeout):  # it is still starting
            return False


@pytest.fixture
def start_web(
    database_url: str, redis_url: str, tmp_path: Path
) -> Iterator[Callable[[], WebProcess]]:
    started: list[WebProcess] = []
    settings = environment(database_url=database_url, redis_url=redis_url)

    def start() -> WebProcess:
        started.append(WebProcess(settings, tmp_path / f"web-{len(started)}.log"))
        eventually(started[-1].answers, within_s=START_S)
        return started[-1]

    yield start
    for web in started:
        web.process.kill()
        web.process.wait()


@pytest.fixture
def web(start_web: Callable[[], WebProcess]) -> WebProcess:
    return start_web()


@pytest.fixture
def listen() -> Iterator[Listen]:
    """Opens streams and closes them after the test."""
    with ExitStack() as stack:

        def open_stream(
            web: WebProcess,
            headers: dict[str, str],
            *,
            last_event_id: int | None = None,
            query: str = "",
        ) -> EventClient:
            client = EventClient(web.url, headers, last_event_id=last_event_id, query=query)
            stack.enter_context(client)
            if client.status == requests.codes.ok:
                eventually(client.is_open)
            return client

        yield open_stream


def test_every_client_of_every_process_hears_each_event_once_and_only_its_own(
    start_web: Callable[[], WebProcess],
    listen: Listen,
    engine: Engine,
    valkey: redis.Redis,
    token_of: TokenOf,
    key_of: KeyOf,
) -> None:
    webs = [start_web(), start_web()]
    buyers = [listen(web, token_of("pty_buyer")) for web in webs for _ in range(2)]
    sellers = [listen(web, token_of("pty_seller", Role.SELLER)) for web in webs]
    staff = [listen(web, key_of(Role.SUPPORT)) for web in webs]
    for n in range(30):
        parties = ["pty_buyer", "pty_seller"] if n % 3 == 0 else ["pty_stranger"]
        publish(engine, valkey, str(n), *parties)
    expected = [str(n) for n in range(30)]
    for client in staff:
        client.hears_something(30)
        assert client.subjects() == expected
    for client in buyers + sellers:
        client.hears_something(10)
        assert client.subjects() == expected[::3]
    assert [event.id for event in staff[0].events] == list(range(1, 31))


def test_what_one_hears_is_not_for_oneself_to_say(
    web: WebProcess, listen: Listen, engine: Engine, valkey: redis.Redis, token_of: TokenOf
) -> None:
    query = "?" + "&".join(
        f"{name}={value}"
        for name in ("party_id", "party", "audience", "channel", "topic", "principal", "role")
        for value in ("pty_seller", "*")
    )
    client = listen(web, token_of("pty_buyer"), last_event_id=0, query=query)
    publish(engine, valkey, "not_mine", "pty_seller")
    publish(engine, valkey, "mine", "pty_buyer")
    eventually(lambda: client.events)
    assert client.subjects() == ["mine"]


def test_an_answer_is_a_stream_that_no_proxy_keeps_back(
    web: WebProcess, listen: Listen, token_of: TokenOf
) -> None:
    client = listen(web, token_of("pty_buyer"))
    assert client.status == 200
    assert client.headers["Content-Type"] == "text/event-stream; charset=utf-8"
    assert client.headers["Cache-Control"] == "no-store"
    assert client.headers["X-Accel-Buffering"] == "no"


def test_asking_for_the_head_alone_opens_no_stream(web: WebProcess, token_of: TokenOf) -> None:
    with requests.Session() as session:
        for _ in range(6):  # over one connection, which goes on
            answer = session.head(f"{web.url}/api/events", headers=token_of("pty_buyer"), timeout=5)
            assert answer.status_code == 200
            assert answer.headers["Content-Type"].startswith("text/event-stream")


def test_a_first_visit_is_told_nothing_old(
    web: WebProcess, listen: Listen, engine: Engine, valkey: redis.Redis, token_of: TokenOf
) -> None:
    publish(engine, valkey, "old", "pty_buyer")
    client = listen(web, token_of("pty_buyer"))
    assert client.last_event_id == 1
    publish(engine, valkey, "new", "pty_buyer")
    eventually(lambda: client.events)
    assert client.subjects() == ["new"]


def test_a_stranger_is_turned_away(web: WebProcess, listen: Listen) -> None:
    assert listen(web, {}).status == 401
    assert listen(web, {"Authorization": "Bearer nonsense"}).status == 401


def test_coming_back_to_any_process_leaves_no_gap_and_repeats_nothing(
    start_web: Callable[[], WebProcess],
    listen: Listen,
    engine: Engine,
    valkey: redis.Redis,
    token_of: TokenOf,
) -> None:
    webs = [start_web(), start_web()]
    expected = [str(n) for n in range(300)]
    headers, heard, visits = token_of("pty_buyer"), list[str](), 0

    def write() -> None:
        for subject in expected:
            publish(engine, valkey, subject, "pty_buyer")

    client = listen(webs[0], headers)
    writer = threading.Thread(target=write)
    writer.start()
    while len(heard) < len(expected):
        client.hears_something()
        client.close()
        heard += client.subjects()
        visits += 1
        client = listen(webs[visits % 2], headers, last_event_id=client.last_event_id)
    writer.join()
    assert heard == expected
    assert visits > 1


def test_an_id_from_the_future_does_not_make_a_stream_deaf(
    web: WebProcess, listen: Listen, engine: Engine, valkey: redis.Redis, token_of: TokenOf
) -> None:
    client = listen(web, token_of("pty_buyer"), last_event_id=10**12)
    assert client.last_event_id == 0
    publish(engine, valkey, "first", "pty_buyer")
    eventually(lambda: client.events)


def test_what_redis_lost_is_read_from_postgresql_in_order(
    web: WebProcess, listen: Listen, engine: Engine, valkey: redis.Redis, token_of: TokenOf
) -> None:
    client = listen(web, token_of("pty_buyer"))
    announce(engine, "lost", "pty_buyer")
    with transaction(engine) as session:
        live_events.number_pending(session, limit=10)
    publish(engine, valkey, "heard", "pty_buyer")
    eventually(lambda: len(client.events) == 2, within_s=3)
    assert client.subjects() == ["lost", "heard"]


def test_silence_of_redis_delays_events_by_seconds_only(
    web: WebProcess, listen: Listen, engine: Engine, token_of: TokenOf
) -> None:
    client = listen(web, token_of("pty_buyer"))
    announce(engine, "unheard", "pty_buyer")
    with transaction(engine) as session:
        live_events.number_pending(session, limit=10)
    eventually(lambda: client.subjects() == ["unheard"], within_s=8)


def test_nonsense_on_the_channel_deafens_nobody(
    web: WebProcess, listen: Listen, engine: Engine, valkey: redis.Redis, token_of: TokenOf
) -> None:
    client = listen(web, token_of("pty_buyer"))
    valkey.publish(channel(valkey, live_events.CHANNEL), b"nonsense")
    publish(engine, valkey, "sense", "pty_buyer")
    eventually(lambda: client.subjects() == ["sense"], within_s=8)


def test_five_streams_are_enough_and_those_hung_up_on_do_not_count(
    web: WebProcess, listen: Listen, token_of: TokenOf
) -> None:
    headers = token_of("pty_buyer")
    clients = [listen(web, headers) for _ in range(5)]
    sixth = requests.get(f"{web.url}/api/events", headers=headers, timeout=5)
    assert sixth.status_code == 429
    assert int(sixth.headers["Retry-After"]) > 0
    assert sixth.json()["code"] == "too_many_requests"
    assert listen(web, token_of("pty_other")).status == 200
    clients[0].close()
    assert eventually(lambda: listen(web, headers).status == 200, within_s=5)


def test_a_browser_over_its_limit_is_told_to_come_back(
    web: WebProcess, listen: Listen, token_of: TokenOf
) -> None:
    headers = token_of("pty_buyer")
    for _ in range(5):
        listen(web, headers)
    browser = headers | {"Accept": "text/event-stream"}  # as every EventSource says
    sixth = requests.get(f"{web.url}/api/events", headers=browser, timeout=5)
    assert sixth.status_code == 200
    assert sixth.headers["Content-Type"].startswith("text/event-stream")
    assert "retry: 10000\n\n" in sixth.text
    assert "data" not in sixth.text


def test_a_browser_that_nobody_knows_is_refused_for_good(web: WebProcess) -> None:
    browser = {"Accept": "text/event-stream"}
    assert requests.get(f"{web.url}/api/events", headers=browser, timeout=5).status_code == 401


def test_one_subscription_serves_all_streams_of_a_process(
    web: WebProcess, listen: Listen, valkey: redis.Redis, token_of: TokenOf
) -> None:
    def subscribers() -> int:
        return int(valkey.pubsub_numsub(channel(valkey, live_events.CHANNEL))[0][1])

    others = subscribers()  # an application of another test that still listens
    for n in range(10):
        listen(web, token_of(f"pty_{n}"))
    eventually(lambda: subscribers() == others + 1)


def test_a_process_told_to_stop_does_not_wait_for_its_streams(
    web: WebProcess, listen: Listen, token_of: TokenOf
) -> None:
    client = listen(web, token_of("pty_buyer"))
    web.process.send_signal(signal.SIGTERM)
    assert web.process.wait(10) == 0
    assert client.ended.wait(5)
