"""Row 43: calls out of here cannot be turned inwards, and all of them are known."""

import ast
import ipaddress
import socket

import pytest
from flask.testing import FlaskClient

from payments.notice_settings import read_private_networks
from payments.outgoing.calls import OutgoingCalls
from payments.outgoing.errors import CallRefusedError, NoAnswerError
from payments.variables import SettingsError, Variables
from tests.architecture.sources import modules
from tests.payments.notices.receivers import receiver
from tests.web.conftest import KeyOf

INWARDS = [
    "http://127.0.0.1/",
    "https://127.0.0.1:8443/",
    "https://localhost/",
    "https://[::1]/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0177.0.0.1/",
    "https://127.1/",
    "https://0.0.0.0/",
    "https://[::ffff:127.0.0.1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[64:ff9b::a9fe:a9fe]/",
    "https://[fe80::1%25lo]/",
    "https://10.0.0.1/",
    "https://172.16.0.1/",
    "https://192.168.0.1/",
    "https://100.64.0.1/",
    "https://169.254.169.254/latest/meta-data/",
    "https://[fd00:ec2::254]/latest/meta-data/",
    "https://shop.test@127.0.0.1/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:6379/_FLUSHALL",
]

# Every module that can open a connection by itself, and to whom: all but the first are called at
# places that the configuration names, and nobody else.
WHO_CALLS = {
    "payments.outgoing.connection": "receivers of notices, which a caller names",
    "payments.outgoing.names": "the resolver, for them",
    "payments.outgoing.calls": "as connection",
    "payments.providers.exchange": "banks, chains' nodes, the signer",
    "payments.providers.evm.rpc": "nothing: it takes a header from urllib3",
    "payments.providers.stripe.pooled_http": "Stripe",
    "payments.providers.gocardless.transport": "nothing: it makes answers for the client",
    "payments.providers.gocardless.named_errors": "nothing: it names errors",
    "payments.provider_checks": "for the doctor: whether the configured places can be reached",
    "payments.doctor.stripe_clock": "for the doctor: Stripe, for its clock",
    "web.stream_probe": "our own web, at an address that whoever has the machine names",
    "web.open_stream": "nobody: it watches browsers' connections",
    "web.routes.events": "as open_stream",
    "web.stream_hub": "as open_stream",
}
NETWORK = {
    "aiohttp",
    "ftplib",
    "http.client",
    "httpx",
    "requests",
    "smtplib",
    "socket",
    "telnetlib",
    "urllib.request",
    "urllib3",
    "xmlrpc.client",
}


def test_row_43_a_call_out_of_here_cannot_be_turned_inwards(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls = OutgoingCalls(private_networks=(), connect_timeout_s=0.05)
    connected: list[object] = []
    monkeypatch.setattr(socket.socket, "connect", lambda _self, place: connected.append(place))
    for url in INWARDS:
        with pytest.raises(CallRefusedError):
            calls.post(url, body=b"", headers={})
    # A name: all of its addresses are looked at, and it is asked for once.
    for answers in (["10.0.0.1"], ["93.184.216.34", "::1"], ["169.254.169.254"]):
        inwards = OutgoingCalls(private_networks=(), resolve=lambda *_, a=answers: a)
        with pytest.raises(CallRefusedError):
            inwards.post("https://hooks.shop.test/", body=b"", headers={})
    assert connected == []
    monkeypatch.undo()
    asked: list[str] = []

    def rebinding(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["93.184.216.34"] if len(asked) == 1 else ["127.0.0.1"]

    rebound = OutgoingCalls(private_networks=(), resolve=rebinding, connect_timeout_s=0.05)
    with pytest.raises(NoAnswerError):  # it went to the address that was looked at
        rebound.post("https://hooks.shop.test/", body=b"", headers={})
    assert len(asked) == 1
    _redirects_are_not_followed()


def _redirects_are_not_followed() -> None:
    loopback = (ipaddress.ip_network("127.0.0.0/8"),)
    with receiver(status=307) as one, receiver() as inner:
        one.answer_headers["Location"] = inner.url
        one.answer_headers["Connection"] = "close"
        answer = OutgoingCalls(private_networks=loopback).post(one.url, body=b"", headers={})
        assert (answer.status, inner.heard) == (307, [])


@pytest.mark.parametrize("url", [url for url in INWARDS if "localhost" not in url])
def test_row_43_no_endpoint_leads_inwards(client: FlaskClient, key_of: KeyOf, url: str) -> None:
    answer = client.post(
        "/api/notices/endpoints",
        json={"reference": f"inwards-{INWARDS.index(url)}", "url": url},
        headers=key_of("service"),
    )
    assert answer.status_code == 400
    assert list(answer.get_json()["errors"]) == ["url"]


def test_row_43_only_private_networks_can_be_named_and_never_a_clouds_metadata() -> None:
    for network in ("0.0.0.0/0", "::/0", "169.254.169.254/32", "8.8.8.0/24"):
        reader = Variables({"NOTICE_PRIVATE_NETWORKS": network})
        read_private_networks(reader, "NOTICE_PRIVATE_NETWORKS")
        with pytest.raises(SettingsError):
            reader.raise_faults()


def test_row_43_nobody_else_calls_out() -> None:
    """A new module that can open connections is looked at here before it does."""
    found = {
        module.name
        for package in ("payments", "web", "jobs", "ledger")
        for module in modules(package)
        if _imported(module.text) & NETWORK
    }
    assert found - WHO_CALLS.keys() == set()


def _imported(text: str) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names
