"""Pages do not update: the self-test names who is at fault, whoever that is."""

import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tests.incidents.conftest import Body, OnCall


def self_test(on_call: OnCall, *words: str, fault: str | None) -> Body:
    """Run the command, and return what it says; it fails when somebody is at fault."""
    url = [] if "--url" in words else ["--url", on_call.system.way_in.base_url]
    status = 0 if fault is None else 1
    told: Body = on_call.command_json("events", "test", *url, *words, status=status)
    assert told["fault"] == fault, told
    return told


def test_all_is_well_for_a_buyer_at_the_shop(on_call: OnCall) -> None:
    system = on_call.system
    buyer, shop = system.cast.buyer_id, system.way_in.shop_url
    told = self_test(on_call, "--as", buyer, "--origin", shop, fault=None)
    assert [step["outcome"] for step in told["steps"]] == ["ok"] * 7
    assert told["party_id"] == buyer
    asked = {"party_id": buyer, "origin": shop}
    url = f"{system.way_in.base_url}/api/ops/events/self-test"
    answer = on_call.operator.post(url, json=asked, timeout=30)
    assert (answer.status_code, answer.json()["fault"]) == (200, None), answer.text
    assert on_call.support.post(url, json=asked, timeout=30).status_code == 403


def test_a_page_of_another_origin_is_told_from_the_rest(on_call: OnCall) -> None:
    told = self_test(on_call, "--origin", "https://elsewhere.example", fault="cors")
    assert "TRUSTED_ORIGINS" in told["advice"]


def test_a_proxy_that_takes_the_cookie_away(on_call: OnCall) -> None:
    with proxy(on_call, drops=b"cookie:") as url:
        assert "401" in str(self_test(on_call, "--url", url, fault="cookie")["steps"])


def test_a_proxy_that_keeps_answers_back(on_call: OnCall) -> None:
    with proxy(on_call, keeps_back=True) as url:
        told = self_test(on_call, "--url", url, fault="proxy")
    assert "buffering" in told["advice"]


def test_nobody_answers(on_call: OnCall) -> None:
    self_test(on_call, "--url", "http://127.0.0.1:9", fault="web")


def test_an_address_that_leads_to_another_is_nobodys_fault(on_call: OnCall) -> None:
    with elsewhere() as url:
        told = on_call.command_json("events", "test", "--url", url, status=1)
    outcomes = {step["name"]: step["outcome"] for step in told["steps"]}
    assert (told["fault"], outcomes["stream opens"]) == (None, "skipped"), told
    assert (outcomes["relay numbers it"], outcomes["Redis carries it"]) == ("ok", "ok")
    assert "https://pay.example.com/healthz" in str(told["steps"])
    assert "no stream was opened" in told["advice"]


def test_the_relay_stands_still(on_call: OnCall) -> None:
    with stopped(on_call, "relay"):
        self_test(on_call, fault="relay")
    self_test(on_call, fault=None)


def test_redis_is_away(on_call: OnCall) -> None:
    environment = {"REDIS_URL": "redis://127.0.0.1:9/0"}
    told = on_call.command(
        *("events", "test", "--url", on_call.system.way_in.base_url),
        status=1,
        environment=environment,
    )
    assert "At fault: redis." in told
    assert "it came down the stream" in told, "web finds it in PostgreSQL"


@contextmanager
def stopped(on_call: OnCall, name: str) -> Iterator[None]:
    """Have a process of the system stand still, as one that hangs does."""
    process = on_call.system.processes._running[name]
    os.kill(process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process.pid, signal.SIGCONT)


@contextmanager
def proxy(on_call: OnCall, *, drops: bytes = b"", keeps_back: bool = False) -> Iterator[str]:
    """A proxy before web that drops a header of requests, or keeps streams back until they end."""
    port = int(on_call.system.way_in.base_url.rpartition(":")[2])
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        over = threading.Event()
        how = {"drops": drops, "keeps_back": keeps_back, "over": over}
        work = threading.Thread(target=_serve, args=(server, port), kwargs=how)
        work.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}"
        finally:
            over.set()
            work.join()


@contextmanager
def elsewhere() -> Iterator[str]:
    """Web as callers without HTTPS see it in production: it leads them there."""

    class Away(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(301)
            self.send_header("Location", f"https://pay.example.com{self.path}")
            self.end_headers()

    with HTTPServer(("127.0.0.1", 0), Away) as server:
        work = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        work.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            work.join()


def _serve(
    server: socket.socket, port: int, *, drops: bytes, keeps_back: bool, over: threading.Event
) -> None:
    threads = []
    while not over.is_set():
        try:
            client, _ = server.accept()
        except TimeoutError:
            continue
        how = {"drops": drops, "keeps_back": keeps_back, "over": over}
        threads.append(threading.Thread(target=_pass_on, args=(client, port), kwargs=how))
        threads[-1].start()
    for thread in threads:
        thread.join()


def _pass_on(
    client: socket.socket, port: int, *, drops: bytes, keeps_back: bool, over: threading.Event
) -> None:
    """Pass one request and its answer on; a kept answer goes on when it has ended."""
    with client, socket.create_connection(("127.0.0.1", port), timeout=10) as web:
        head = b""
        while b"\r\n\r\n" not in head:
            head += client.recv(65_536)
        lines = head.split(b"\r\n")
        kept = [line for line in lines if not (drops and line.lower().startswith(drops))]
        web.sendall(b"\r\n".join(kept))
        web.settimeout(0.2)
        is_stream, buffered = b"/api/events" in lines[0], b""
        while not over.is_set():
            try:
                data = web.recv(65_536)
            except TimeoutError:
                continue
            buffered += data
            if not (keeps_back and is_stream) or not data:
                try:
                    client.sendall(buffered)
                except OSError:
                    return
                buffered = b""
            if not data:
                return


pytestmark = pytest.mark.usefixtures("system")
