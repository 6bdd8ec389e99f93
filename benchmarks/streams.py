"""Five thousand open event streams in one web process: memory, fan-out, and what others notice."""

import contextlib
import datetime as dt
import http.client
import multiprocessing
import resource
import select
import socket
import statistics
import time
from collections.abc import Iterator
from multiprocessing.synchronize import Event
from typing import NamedTuple

import psutil

from benchmarks.raw_http import percentile_ms
from benchmarks.system import System, redis_client, running_system
from payments.database import connect_engine, transaction
from payments.delivery import doorbell, live_events
from sandbox.identity import issue_token
from sandbox.postgres import Postgres

STREAMS = 5_000
ROUNDS = 10
IDLE_S = 20  # longer than a heartbeat
_OPENING = 100  # streams being opened at once
_PAUSE_S = 0.5
_SAMPLE_EVERY_S = 0.01
_PATIENCE_S = 30


class StreamFigures(NamedTuple):
    """What was measured; times in milliseconds, memory of the one web process in MB."""

    opened_s: float
    memory_before_mb: float
    memory_mb: float
    last_client_ms: float
    last_client_worst_ms: float
    others_p50_ms: float
    others_p99_ms: float
    others_worst_ms: float
    idle_cpu_share: float


def measure_streams(postgres: Postgres, *, streams: int = STREAMS) -> StreamFigures:
    """Open `streams` streams of people who see every event, and announce some events."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with running_system(postgres, "streams", web_processes=1, parts=("web", "relay")) as system:
        worker = psutil.Process(system.pid_of("web")).children()[0]
        before = worker.memory_info().rss
        begun = time.perf_counter()
        with _open_streams(system, streams) as clients:
            opened_s = time.perf_counter() - begun
            idle = _idle_share(worker)
            clients.forget()  # heartbeats
            with _sampled_requests(system.plan.ports.web) as others:
                spent_ms = _announce(system, clients)
            memory = worker.memory_info().rss
    return StreamFigures(
        opened_s=opened_s,
        memory_before_mb=before / 1e6,
        memory_mb=memory / 1e6,
        last_client_ms=statistics.median(spent_ms),
        last_client_worst_ms=max(spent_ms),
        others_p50_ms=percentile_ms(others, 0.5),
        others_p99_ms=percentile_ms(others, 0.99),
        others_worst_ms=max(others) * 1000,
        idle_cpu_share=idle,
    )


class _Clients:
    """Open streams, read by one poll."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._poll = select.epoll()
        self._sockets: dict[int, socket.socket] = {}

    def open(self, tokens: list[str]) -> None:
        """Open a stream for each token and wait until each has begun."""
        for token in tokens:
            client = socket.create_connection(("127.0.0.1", self._port), _PATIENCE_S)
            client.sendall(
                b"GET /api/events HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                b"Authorization: Bearer " + token.encode() + b"\r\n\r\n"
            )
            self._sockets[client.fileno()] = client
            self._poll.register(client.fileno(), select.EPOLLIN)
        self.wait_for(b"retry: ", count=len(tokens))

    def wait_for(self, text: bytes, *, count: int | None = None) -> None:
        """Read until so many clients (default: all) have been sent `text`."""
        missing, heard = count or len(self._sockets), dict[int, bytes]()
        deadline = time.monotonic() + _PATIENCE_S
        while missing:
            assert time.monotonic() < deadline, f"{missing} streams were not sent {text!r}"
            for number, _ in self._poll.poll(1):
                part = self._sockets[number].recv(65_536)
                assert part, f"a stream was closed after {heard.get(number)!r}"
                heard[number] = heard.get(number, b"") + part
                if text in heard[number]:
                    missing -= 1
                    heard[number] = b""

    def forget(self) -> None:
        """Read what has been sent so far."""
        while ready := self._poll.poll(0):
            for number, _ in ready:
                self._sockets[number].recv(65_536)

    def close(self) -> None:
        for client in self._sockets.values():
            client.close()


@contextlib.contextmanager
def _open_streams(system: System, count: int) -> Iterator[_Clients]:
    tokens = [
        issue_token(
            system.plan.secrets.identity_key,
            party_id=f"pty_{n:026d}",
            role="support",
            now=dt.datetime.now(dt.UTC),
            lifetime_s=3600,
        )
        for n in range(count)
    ]
    clients = _Clients(system.plan.ports.web)
    try:
        for start in range(0, count, _OPENING):
            clients.open(tokens[start : start + _OPENING])
        yield clients
    finally:
        clients.close()


def _announce(system: System, clients: _Clients) -> list[float]:
    """Commit one event after the other; return the milliseconds until the last client had it."""
    engine = connect_engine(system.settings.database_url, pool_size=1)
    bell = redis_client(system)
    spent_ms = []
    for n in range(ROUNDS):
        time.sleep(_PAUSE_S)
        subject = f"pay_{n:026d}"
        with transaction(engine) as session:
            live_events.announce(
                session,
                topic="payment.updated",
                subject_id=subject,
                audience=[],
                data={"id": subject, "status": "succeeded", "filling": "x" * 400},
                now=dt.datetime.now(dt.UTC),
            )
        committed = time.perf_counter()
        doorbell.ring(bell)
        clients.wait_for(subject.encode())
        spent_ms.append((time.perf_counter() - committed) * 1000)
    return spent_ms


def _idle_share(worker: psutil.Process) -> float:
    """Return the share of a core that the process uses while nothing happens but heartbeats."""
    begun = worker.cpu_times()
    time.sleep(IDLE_S)
    ended = worker.cpu_times()
    return (ended.user + ended.system - begun.user - begun.system) / IDLE_S


@contextlib.contextmanager
def _sampled_requests(port: int) -> Iterator[list[float]]:
    """Collect how many seconds other requests take, sent all the while from another process."""
    context = multiprocessing.get_context("spawn")
    stop, ready, found = context.Event(), context.Event(), context.SimpleQueue()
    sampler = context.Process(target=_sample, args=(port, ready, stop, found))
    sampler.start()
    ready.wait()
    samples: list[float] = []
    try:
        yield samples
    finally:
        stop.set()
        samples += found.get()
        sampler.join()


def _sample(
    port: int, ready: Event, stop: Event, found: "multiprocessing.SimpleQueue[list[float]]"
) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE_S)
    samples = []
    while not stop.wait(_SAMPLE_EVERY_S):
        begun = time.perf_counter()
        connection.request("GET", "/api/status")
        connection.getresponse().read()
        samples.append(time.perf_counter() - begun)
        ready.set()
    found.put(samples)
