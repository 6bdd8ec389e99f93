"""Row 46: what is sent byte by byte to the web process, and methods nobody uses."""

import json
from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from tests.architecture.routes import routes_of
from tests.databases import Servers
from tests.security.raw_http import RawServer, raw_server
from tests.web.conftest import environment

CANARY = "srk_test_canary_of_a_key"
SECOND = b"GET /api/smuggled HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


@pytest.fixture(scope="module")
def web(
    database_url: str, servers: Servers, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RawServer]:
    settings = environment(database_url=database_url, redis_url=servers.logical_redis_url(15))
    with raw_server(settings, tmp_path_factory.mktemp("raw")) as server:
        yield server


def post(
    *headers: str, body: bytes = b"", line: str = "POST /api/webhooks/stripe HTTP/1.1"
) -> bytes:
    return "\r\n".join([line, "Host: a", *headers, "", ""]).encode("latin-1") + body


# What two servers in a row could read as one request here and as two there.
SMUGGLED = {
    "CL.TE": post("Content-Length: 6", "Transfer-Encoding: chunked", body=b"0\r\n\r\n" + SECOND),
    "TE.CL": post(
        "Transfer-Encoding: chunked",
        "Content-Length: 4",
        body=b"5c\r\n" + SECOND + b"\r\n0\r\n\r\n",
    ),
    "two lengths": post("Content-Length: 0", f"Content-Length: {len(SECOND)}", body=SECOND),
    "two equal lengths": post("Content-Length: 2", "Content-Length: 2", body=b"{}" + SECOND),
    "a list of lengths": post("Content-Length: 0, 5", body=SECOND),
    "a length with a sign": post("Content-Length: +0", body=SECOND),
    "a length below zero": post("Content-Length: -1", body=SECOND),
    "a length in hex": post("Content-Length: 0x0", body=SECOND),
    "a length with an underscore": post("Content-Length: 1_0", body=SECOND),
    "a length of foreign digits": post("Content-Length: \u00b2", body=SECOND),
    "an unknown coding": post("Transfer-Encoding: xchunked", body=b"0\r\n\r\n" + SECOND),
    "chunked that is not last": post(
        "Transfer-Encoding: chunked, identity", body=b"0\r\n\r\n" + SECOND
    ),
    "chunked twice": post("Transfer-Encoding: chunked, chunked", body=b"0\r\n\r\n" + SECOND),
    "a coding with a tab before": post("Transfer-Encoding:\x0bchunked", body=b"0\r\n\r\n" + SECOND),
    "a space before the colon": post("Transfer-Encoding : chunked", body=b"0\r\n\r\n" + SECOND),
    "a folded header": post("Transfer-Encoding:\r\n chunked", body=b"0\r\n\r\n" + SECOND),
    "a bare line feed in a header": post("X: y\nTransfer-Encoding: chunked", body=SECOND),
    "a bare return in a header": post("X: y\rTransfer-Encoding: chunked", body=SECOND),
    "a zero byte": post("X: y\x00z", body=SECOND),
    "a header without a name": post(": chunked", body=SECOND),
    "an underscore for a hyphen": post("Content_Length: 0", "Transfer_Encoding: chunked"),
    "HTTP/1.0 with a coding": post(
        "Transfer-Encoding: chunked",
        line="POST /api/webhooks/stripe HTTP/1.0",
        body=b"0\r\n\r\n" + SECOND,
    ),
    "a chunk size with a sign": post("Transfer-Encoding: chunked", body=b"+0\r\n\r\n" + SECOND),
    "a chunk size with 0x": post("Transfer-Encoding: chunked", body=b"0x0\r\n\r\n" + SECOND),
    "a chunk that is longer than said": post(
        "Transfer-Encoding: chunked", body=b"1\r\nabc\r\n0\r\n\r\n" + SECOND
    ),
    "a chunk without an end": post("Transfer-Encoding: chunked", body=b"1\r\na" + SECOND),
    "a version nobody speaks": b"GET / HTTP/9.9\r\nHost: a\r\n\r\n" + SECOND,
    "a tab in the request line": b"GET\t/healthz HTTP/1.1\r\nHost: a\r\n\r\n" + SECOND,
    "a line of its own first": b"GET /healthz HTTP/1.1\nHost: a\n\n" + SECOND,
    "a method with a space": b"GET /x /healthz HTTP/1.1\r\nHost: a\r\n\r\n" + SECOND,
    "a small method": b"get\x00 /healthz HTTP/1.1\r\nHost: a\r\n\r\n" + SECOND,
}


@pytest.mark.parametrize("request_bytes", SMUGGLED.values(), ids=SMUGGLED.keys())
def test_row_46_no_second_request_hides_in_a_first(web: RawServer, request_bytes: bytes) -> None:
    statuses = web.statuses(request_bytes)
    assert len(statuses) <= 1
    assert 404 not in statuses
    assert "/api/smuggled" not in web.log.read_text()
    assert web.statuses(SECOND) == [404]
    web.log.write_text("")


def test_two_honest_requests_on_one_connection_are_two(web: RawServer) -> None:
    first = post("Content-Length: 2", body=b"{}")
    assert web.statuses(first + SECOND) == [400, 404]
    chunked = post("Transfer-Encoding: chunked", body=b"2\r\n{}\r\n0\r\n\r\n")
    assert web.statuses(chunked + SECOND) == [400, 404]
    web.log.write_text("")


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET /healthz HTTP/1.1\r\nHost: a\r\nAuthorization : Bearer %b\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: a\r\nX: %b\x00\r\n\r\n",
        b"GET /%b\x01<script> HTTP/9\r\nHost: a\r\n\r\n",
        b"GET /" + b"a" * 5_000 + b"%b HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 70_000 + b"%b\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\n"
        + b"".join(b"X%d: y\r\n" % n for n in range(100))
        + b"Y: %b\r\n\r\n",
    ],
    ids=range(6),
)
def test_what_is_no_request_is_answered_without_repeating_it(
    web: RawServer, request_bytes: bytes
) -> None:
    answer = web.send(request_bytes.replace(b"%b", CANARY.encode()))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 Bad Request"), answer
    assert b"Content-Type: application/problem+json" in head
    assert b"X-Content-Type-Options: nosniff" in head
    assert b"Content-Security-Policy: default-src 'none'" in head
    assert json.loads(body)["code"] == "validation"
    assert CANARY.encode() not in answer
    assert CANARY not in web.log.read_text()
    assert "request_not_readable" in web.log.read_text()


@pytest.mark.parametrize("method", ["TRACE", "TRACK", "CONNECT", "DEBUG", "PROPFIND", "GETX"])
def test_methods_nobody_uses_are_off_at_the_web_process(web: RawServer, method: str) -> None:
    for path in ("/healthz", "/api/parties"):
        answer = web.send(
            f"{method} {path} HTTP/1.1\r\nHost: a\r\nX-Canary: {CANARY}\r\n"
            "Connection: close\r\n\r\n".encode()
        )
        assert answer.split()[1] == b"405", answer
        assert CANARY.encode() not in answer


def test_every_route_knows_its_methods_and_no_others(client: FlaskClient) -> None:
    methods: dict[str, set[str]] = {}
    for route in routes_of(client.application):
        methods.setdefault(route.example, set()).add(route.method)
    everything = {"GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "PROPFIND"}
    for path, known in methods.items():
        for method in everything - known:
            answer = client.open(path, method=method)
            if answer.status_code == 405:
                allowed = {each.strip() for each in answer.headers["Allow"].split(",")}
                assert allowed >= known, path
                assert not allowed & {"TRACE", "CONNECT"}, path
            else:  # another rule with the same shape serves it, and asks who calls
                assert answer.status_code in (400, 401, 404), f"{method} {path}"


@pytest.mark.parametrize(
    "path",
    [
        "/../etc/passwd",
        "/api/docs/../keys",
        "/api/%2e%2e/etc/passwd",
        "/api//keys",
        "//api/keys",
        "/api/keys/%00",
        "/api/parties/..%2fkeys",
        "/api/parties/%252e%252e",
        "/api\\keys",
        "/api/keys;a=b",
        "/api/keys/",
        "/API/KEYS",
        "http://evil.test/api/keys",
    ],
)
def test_no_path_leads_around_the_question_who_calls(web: RawServer, path: str) -> None:
    line = f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    (status,) = web.statuses(line.encode())
    assert status in (308, 400, 401, 404), path
