"""Requests that are slow, endless or too large, byte by byte to the web process itself."""

import json
import socket
import time
from collections.abc import Iterator

import pytest

from tests.databases import Servers
from tests.security.raw_http import RawServer, raw_server
from tests.web.conftest import KeyOf, environment
from web.bodies import BODY_LIMIT_BYTES

WITHIN_S = 2
LATE_S = WITHIN_S + 6  # of a machine with other things to do


@pytest.fixture(scope="module")
def web(
    database_url: str, servers: Servers, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RawServer]:
    """The web process, with two seconds in place of a minute."""
    settings = environment(database_url=database_url, redis_url=servers.logical_redis_url(14))
    settings["GUNICORN_CMD_ARGS"] = f"--keep-alive {WITHIN_S}"
    with raw_server(settings, tmp_path_factory.mktemp("slow")) as server:
        yield server


def request(*headers: str, line: str = "POST /api/parties HTTP/1.1") -> bytes:
    return "\r\n".join([line, "Host: a", *headers, "", ""]).encode()


@pytest.fixture
def key(key_of: KeyOf) -> str:
    return "Authorization: " + key_of("service")["Authorization"]


JSON = "Content-Type: application/json"


def drip(web: RawServer, head: bytes, drop: bytes) -> tuple[bytes, float]:
    """Send a drop every tenth of a second until the server ends it; return its answer and when."""
    began_s, answer = time.monotonic(), b""
    with socket.create_connection(("127.0.0.1", web.port), timeout=0.1) as connection:
        connection.sendall(head)
        while time.monotonic() - began_s < LATE_S:
            try:
                connection.sendall(drop)
                more = connection.recv(65_536)
            except TimeoutError:
                continue
            except (ConnectionResetError, BrokenPipeError):
                break
            if not more:
                break
            answer += more
    return answer, time.monotonic() - began_s


@pytest.mark.parametrize("kind", ["length", "chunks"])
def test_a_body_that_drips_is_408_and_the_connection_ends(
    web: RawServer, key: str, kind: str
) -> None:
    if kind == "length":
        head, drop = request(key, JSON, "Content-Length: 100000"), b" "
    else:
        head, drop = request(key, JSON, "Transfer-Encoding: chunked"), b"1\r\n \r\n"
    answer, took_s = drip(web, head, drop)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["code"] == "request_timeout"
    assert WITHIN_S - 0.5 < took_s < LATE_S


def test_headers_that_drip_end_the_connection(web: RawServer) -> None:
    answer, took_s = drip(web, b"GET /healthz HTTP/1.1\r\nHost: a\r\n", b"X-A: b\r\n"[:1])
    assert took_s < LATE_S
    assert b" 200 " not in answer


def test_others_are_served_meanwhile(web: RawServer, key: str) -> None:
    waiting = []
    for _ in range(50):
        connection = socket.create_connection(("127.0.0.1", web.port), timeout=5)
        connection.sendall(request(key, JSON, "Content-Length: 9"))
        waiting.append(connection)
    began_s = time.monotonic()
    probe = request("Connection: close", line="GET /healthz HTTP/1.1")
    assert web.statuses(probe) == [200]
    assert time.monotonic() - began_s < WITHIN_S
    for connection in waiting:
        connection.close()


def test_a_body_in_chunks_has_the_same_limit(web: RawServer, key: str) -> None:
    head = request(key, JSON, "Transfer-Encoding: chunked", "Connection: close")
    chunk = b"10000\r\n" + b" " * 65_536 + b"\r\n"
    few, end = BODY_LIMIT_BYTES // 65_536, b"2\r\n{}\r\n0\r\n\r\n"
    assert web.statuses(head + chunk * few + end) == [400], "it was read: a field is missing"
    assert web.statuses(head + chunk * (few + 1) + end) == [413]


def test_chunks_that_never_end_are_not_read_for_ever(web: RawServer, key: str) -> None:
    head = request(key, JSON, "Transfer-Encoding: chunked")
    answer, took_s = drip(web, head, b"8000\r\n" + b" " * 32_768 + b"\r\n")
    assert answer.startswith((b"HTTP/1.1 413 ", b"HTTP/1.1 408 "))
    assert took_s < LATE_S


def test_a_body_said_to_be_too_large_is_not_waited_for(web: RawServer, key: str) -> None:
    head = request(key, JSON, "Content-Length: 5000000000")
    began_s = time.monotonic()
    with socket.create_connection(("127.0.0.1", web.port), timeout=LATE_S) as connection:
        connection.sendall(head)
        assert connection.recv(65_536).startswith(b"HTTP/1.1 413 ")
    assert time.monotonic() - began_s < WITHIN_S


@pytest.mark.parametrize(
    ("line", "headers"),
    [
        ("GET /healthz?" + "a" * 5_000 + " HTTP/1.1", []),
        ("GET /healthz HTTP/1.1", [f"X-{n}: a" for n in range(100)]),
        ("GET /healthz HTTP/1.1", ["X-Long: " + "a" * 20_000]),
    ],
    ids=["a long query", "many headers", "a long header"],
)
def test_heads_have_limits(web: RawServer, line: str, headers: list[str]) -> None:
    assert web.statuses(request(*headers, "Connection: close", line=line)) == [400]


def test_what_proxies_say_is_not_believed_of_this_machine_either(web: RawServer) -> None:
    spoofed = ["PATH_INFO: /healthz", "SCRIPT_NAME: /x", "X-Forwarded-Prefix: /x"]
    answer = web.send(request(*spoofed, "Connection: close", line="GET /api/keys HTTP/1.1"))
    assert answer.startswith((b"HTTP/1.1 401 ", b"HTTP/1.1 400 "))
