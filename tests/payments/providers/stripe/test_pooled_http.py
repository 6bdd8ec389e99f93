"""Calls to Stripe travel over shared connections, and a call without an answer is named so."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from stripe import APIConnectionError

from payments.providers.stripe.pooled_http import PooledClient
from tests.databases import free_port

_seen: list[tuple[object, str, bytes]] = []


class _Answering(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        _seen.append((self.client_address, self.headers["Idempotency-Key"], body))
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/elsewhere")
        else:
            self.send_response(402)
        self.send_header("Request-Id", "req_1")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    _seen.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Answering)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def client() -> Iterator[PooledClient]:
    made = PooledClient(connect_timeout_s=1, read_timeout_s=1)
    yield made
    made.close()


def test_threads_share_a_connection(client: PooledClient, url: str) -> None:
    def call(key: str) -> None:
        body, status, headers = client.request("post", url, {"Idempotency-Key": key}, "a=1")
        assert (body, status, headers["request-id"]) == (b"{}", 402, "req_1")

    for key in ("one", "two"):
        thread = threading.Thread(target=call, args=(key,))
        thread.start()
        thread.join()
    assert [(key, body) for _, key, body in _seen] == [("one", b"a=1"), ("two", b"a=1")]
    assert len({address for address, _, _ in _seen}) == 1


def test_a_call_is_sent_nowhere_else(client: PooledClient, url: str) -> None:
    _, status, _ = client.request("post", f"{url}/moved", {}, "a=1")
    assert (status, len(_seen)) == (302, 1)


def test_no_answer_is_named_without_its_address(client: PooledClient) -> None:
    with pytest.raises(APIConnectionError) as caught:
        client.request("post", f"http://127.0.0.1:{free_port()}/v1/secret", {}, "a=1")
    assert "secret" not in str(caught.value)
