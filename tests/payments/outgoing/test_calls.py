"""Calls over real sockets: what a receiver does to us, and what a name's addresses may do."""

import ipaddress
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from payments.outgoing.calls import LONGEST_BODY, OutgoingCalls
from payments.outgoing.errors import CallRefusedError, NoAnswerError
from tests.payments.notices.receivers import (
    Authority,
    Receiver,
    drips,
    floods,
    hangs,
    make_authority,
    receiver,
    resets,
)

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)
NAME = "hooks.shop.test"


@pytest.fixture
def there() -> Iterator[Receiver]:
    with receiver() as one:
        yield one


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("authority"))


def calls(**changes: object) -> OutgoingCalls:
    settings = {"private_networks": LOOPBACK, "answer_timeout_s": 0.3, "connect_timeout_s": 0.5}
    return OutgoingCalls(**{**settings, **changes})  # type: ignore[arg-type] # each as it is there


def post(url: str, **changes: object) -> int:
    with closing(calls(**changes)) as ours:
        return ours.post(url, body=b"{}", headers={"A": "b"}).status


def fails(url: str, **changes: object) -> str:
    begun = time.monotonic()
    try:
        post(url, **changes)
    except (NoAnswerError, CallRefusedError) as error:
        assert time.monotonic() - begun < 2
        return error.reason
    raise AssertionError("there was an answer")


def test_an_answer_is_given_back_whatever_its_status(there: Receiver) -> None:
    there.status, there.answer_body = 500, b"no"
    there.answer_headers["Retry-After"] = "7"
    with closing(calls()) as ours:
        answer = ours.post(there.url + "?a=b", body=b"body", headers={"X-Told": "c"})
    assert (answer.status, answer.body, answer.headers["retry-after"]) == (500, b"no", "7")
    [heard] = there.heard
    assert (heard.path, heard.body, heard.headers["x-told"]) == ("/hooks?a=b", b"body", "c")
    assert heard.headers["host"] == there.url.split("/")[2]


def test_a_connection_is_used_again_and_one_that_was_closed_is_not(there: Receiver) -> None:
    ports = []

    def note(request: object) -> None:
        ports.append(request.client_address[1])  # type: ignore[attr-defined] # the server's own
        request.close_connection = len(ports) == 2  # type: ignore[attr-defined] # likewise
        request.send_response(200)  # type: ignore[attr-defined] # likewise
        request.send_header("Content-Length", "0")  # type: ignore[attr-defined] # likewise
        request.end_headers()  # type: ignore[attr-defined] # likewise

    there.behave = note
    ours = calls()
    for _ in range(3):
        assert ours.post(there.url, body=b"", headers={}).status == 200
    assert ports[0] == ports[1] != ports[2]
    ours.close()


def test_a_redirect_is_not_followed(there: Receiver) -> None:
    with receiver() as inner:
        for status in (301, 302, 303, 307, 308):
            there.status, there.answer_headers["Location"] = status, inner.url
            assert post(there.url) == status
        assert inner.heard == []


def test_a_receiver_that_hangs_is_given_up(there: Receiver) -> None:
    there.behave = hangs(there)
    assert fails(there.url) == "time_out"


def test_one_that_drips_is_given_up_as_soon(there: Receiver) -> None:
    there.behave = drips(there, every_s=0.02)
    assert fails(there.url) == "time_out"


def test_of_a_huge_answer_4_kb_are_read(there: Receiver) -> None:
    there.behave = floods(there)
    answer = calls().post(there.url, body=b"", headers={})
    assert (answer.status, len(answer.body)) == (200, LONGEST_BODY)


def test_endless_headers_are_not_read(there: Receiver) -> None:
    def behave(request: object) -> None:
        lines = b"HTTP/1.1 200 OK\r\n" + b"".join(
            b"X-%d: %s\r\n" % (number, b"a" * 2000) for number in range(90)
        )
        request.wfile.write(lines)  # type: ignore[attr-defined] # the server's own

    there.behave = behave
    assert fails(there.url) == "answer_unreadable"


def test_a_reset_and_nonsense_are_no_answers(there: Receiver) -> None:
    there.behave = resets
    assert fails(there.url) == "connection_lost"

    def speak(request: object) -> None:
        request.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n")  # type: ignore[attr-defined] # the server's
        request.close_connection = True  # type: ignore[attr-defined] # likewise

    there.behave = speak
    assert fails(there.url) == "answer_unreadable"


def test_nobody_there() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert fails(f"http://127.0.0.1:{port}/") == "no_connection"


def test_a_certificate_must_be_of_the_name_and_of_a_known_authority(
    authority: Authority, tmp_path: Path
) -> None:
    def here(_host: str, _port: int) -> list[str]:
        return ["127.0.0.1"]

    known = {"resolve": here, "ca_file": authority.ca_file}
    with receiver(tls=authority.server_context(NAME), name=NAME) as one:
        assert post(one.url, **known) == 204
        assert one.heard[0].headers["host"] == one.url.split("/")[2]
        assert fails(one.url, resolve=here) == "tls_refused"  # nobody knows its authority
        other = one.url.replace(NAME, "other.shop.test")
        assert fails(other, **known) == "tls_refused"
        stranger = make_authority(tmp_path)
        assert fails(one.url, resolve=here, ca_file=stranger.ca_file) == "tls_refused"
        assert len(one.heard) == 1
    with receiver(tls=authority.server_context(NAME, ended=True), name=NAME) as one:
        assert fails(one.url, **known) == "tls_refused"
    with receiver(name=NAME) as plain:
        assert fails(plain.url.replace("http", "https"), **known) == "tls_refused"
    with receiver(tls=authority.server_context("127.0.0.1")) as one:
        assert post(one.url, **known) == 204


def test_a_name_is_asked_for_once_and_its_checked_address_is_called(there: Receiver) -> None:
    port = there.url.split(":")[2].split("/")[0]
    asked: list[str] = []

    def rebinding(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["93.184.216.34"] if len(asked) == 1 else ["127.0.0.1"]

    # First public: the call goes there, which ends nowhere here, and nobody asks again.
    public_then_private = calls(private_networks=(), resolve=rebinding, connect_timeout_s=0.05)
    with pytest.raises(NoAnswerError):
        public_then_private.post("https://hooks.shop.test/", body=b"", headers={})
    assert asked == ["hooks.shop.test"]
    # The next call asks again, and is refused before anybody is called.
    with pytest.raises(CallRefusedError):
        public_then_private.post("https://hooks.shop.test/", body=b"", headers={})
    assert asked == ["hooks.shop.test"] * 2
    # A kept connection goes where it went, whatever its name says by now.
    asked[:] = ["", ""]
    kept = calls(resolve=rebinding)
    for _ in range(3):
        kept.post(f"http://hooks.shop.test:{port}/", body=b"", headers={})
    assert len(asked) == 3
    kept.close()


@pytest.mark.parametrize(
    "addresses", [["10.0.0.1"], ["93.184.216.34", "10.0.0.1"], ["169.254.169.254"], ["::1"]]
)
def test_a_name_with_a_private_address_is_not_called_at_all(addresses: list[str]) -> None:
    with pytest.raises(CallRefusedError) as told:
        post("https://hooks.shop.test/", private_networks=(), resolve=lambda *_: addresses)
    assert told.value.reason == "address_not_allowed"


def test_a_name_of_nothing() -> None:
    def nothing(*_: object) -> list[str]:
        raise socket.gaierror

    assert fails("https://hooks.shop.test/", resolve=nothing) == "unknown_host"
    assert fails("https://hooks.shop.test/", resolve=lambda *_: []) == "unknown_host"


def test_the_next_address_is_tried_where_one_does_not_answer(there: Receiver) -> None:
    port = there.url.split(":")[2].split("/")[0]
    status = post(f"http://hooks.shop.test:{port}/", resolve=lambda *_: ["127.0.0.2", "127.0.0.1"])
    assert status == 204


def test_proxies_of_the_environment_are_not_asked(
    there: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    with receiver(status=502) as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        assert post(there.url) == 204
        assert proxy.heard == []


def test_connections_that_are_kept_are_let_go_of_in_time(there: Receiver) -> None:
    now = [time.monotonic()]
    with closing(calls(clock=lambda: now[0])) as ours, receiver() as other:
        ours.post(there.url, body=b"", headers={})
        assert len(ours._idle) == 1
        now[0] += 31
        ours.post(other.url, body=b"", headers={})
        assert [target.port for target in ours._idle] == [int(other.url.split(":")[2][:-6])]
