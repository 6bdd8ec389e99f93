"""Only bytes that TrueLayer signed for this very place, just now, are believed."""

import datetime as dt
import json
from typing import Any

import pytest

from payments.errors import InvalidRequestError, InvalidSignatureError
from payments.providers.ports import VerifiedEvent
from payments.providers.truelayer.adapter import TrueLayer
from tests.payments.providers.truelayer.keys import Key, b64
from tests.payments.providers.truelayer.scripted_server import Say, ScriptedServer
from tests.payments.providers.truelayer.webhooks import (
    JWKS,
    NOW,
    PATH,
    SETTLED,
    event,
    headers,
    publish,
    receive,
)


@pytest.fixture
def key(server: ScriptedServer) -> Key:
    made = Key("kid-1")
    publish(server, made)
    return made


def test_a_signed_event_says_what_it_is(
    truelayer: TrueLayer, server: ScriptedServer, key: Key
) -> None:
    [told] = receive(truelayer, headers(server, key))
    assert told == VerifiedEvent(
        event_id="evt-1",
        type="payment_settled",
        occurred_at=dt.datetime(2026, 11, 22, 11, 59, 0, 500_000, tzinfo=dt.UTC),
        payload=SETTLED,
    )


def test_an_event_of_no_known_time_is_as_old_as_its_sending(
    truelayer: TrueLayer, server: ScriptedServer, key: Key
) -> None:
    body = event("payment_settled", settled_at="soon")
    [told] = receive(truelayer, headers(server, key, body=body), body=body)
    assert told.occurred_at == NOW


def test_bytes_that_were_changed(truelayer: TrueLayer, server: ScriptedServer, key: Key) -> None:
    for body in (SETTLED + b" ", SETTLED.replace(b"1999", b"9999"), b"", b"\xff\xfe"):
        with pytest.raises(InvalidSignatureError):
            receive(truelayer, headers(server, key), body=body)


def test_a_webhook_of_another_place(truelayer: TrueLayer, server: ScriptedServer, key: Key) -> None:
    for path in ("/api/webhooks/stripe", f"{PATH}?a=b", "//api/webhooks/bank", "api/webhooks/bank"):
        with pytest.raises(InvalidSignatureError):
            receive(truelayer, headers(server, key), path=path)


def test_another_timestamp_than_the_one_signed(
    truelayer: TrueLayer, server: ScriptedServer, key: Key
) -> None:
    sent = headers(server, key) | {"x-tl-webhook-timestamp": "2026-11-22T12:00:01Z"}
    with pytest.raises(InvalidSignatureError):
        receive(truelayer, sent)


@pytest.mark.parametrize("signed", [(), ("Content-Type",)])
def test_a_timestamp_that_is_not_signed(
    truelayer: TrueLayer, server: ScriptedServer, key: Key, signed: tuple[str, ...]
) -> None:
    with pytest.raises(InvalidSignatureError):
        receive(truelayer, headers(server, key, signed=signed))


def test_a_signed_header_that_is_not_there(
    truelayer: TrueLayer, server: ScriptedServer, key: Key
) -> None:
    sent = headers(server, key)
    del sent["content-type"]
    with pytest.raises(InvalidSignatureError):
        receive(truelayer, sent)


@pytest.mark.parametrize(
    ("moved_s", "accepted"), [(-301, False), (-300, True), (300, True), (301, False)]
)
def test_old_and_future_webhooks(
    truelayer: TrueLayer, server: ScriptedServer, key: Key, moved_s: int, *, accepted: bool
) -> None:
    sent_at = (NOW + dt.timedelta(seconds=moved_s)).isoformat().replace("+00:00", "Z")
    sent = headers(server, key, sent_at=sent_at)
    if accepted:
        assert len(receive(truelayer, sent)) == 1
    else:
        with pytest.raises(InvalidSignatureError):
            receive(truelayer, sent)
        assert server.heard == []


@pytest.mark.parametrize(
    "sent_at",
    [
        "",
        "1795348800",
        "2026-11-22T12:00:00",
        "2026-11-22T12:00:00Z, 2026-11-22T12:00:00Z",
        "2026-13-22T12:00:00Z",
        "0001-01-01T00:00:00+23:59",
        "2026-11-22T12:00:0\u0660Z",
    ],
)
def test_a_time_that_is_none(
    truelayer: TrueLayer, server: ScriptedServer, key: Key, sent_at: str
) -> None:
    with pytest.raises(InvalidSignatureError):
        receive(truelayer, headers(server, key, sent_at=sent_at))


def test_a_key_from_another_place_is_not_even_fetched(
    truelayer: TrueLayer, server: ScriptedServer, key: Key
) -> None:
    forged = [
        f"{server.url}/elsewhere",
        f"{server.jwks_url}/",
        f"{server.jwks_url}#a",
        server.jwks_url.upper(),
        "",
        None,
    ]
    server.says("GET", "/elsewhere", Say(content={"keys": [Key("kid-1").jwk]}))
    for jku in forged:
        sent = headers(server, key, **({"jku": jku} if jku != "" else {"jku": None}))
        with pytest.raises(InvalidSignatureError):
            receive(truelayer, sent)
    assert server.heard == []


@pytest.mark.parametrize(
    "changed",
    [
        {"alg": "none"},
        {"alg": "HS512"},
        {"alg": ["ES512"]},
        {"tl_version": "1"},
        {"kid": ["kid-1"]},
        {"kid": None},
        {"tl_headers": None},
        {"tl_headers": ["X-Tl-Webhook-Timestamp"]},
        {"surprise": "x"},
    ],
)
def test_a_header_that_is_not_documented(
    truelayer: TrueLayer, server: ScriptedServer, key: Key, changed: dict[str, Any]
) -> None:
    with pytest.raises(InvalidSignatureError):
        receive(truelayer, headers(server, key, **changed))
    assert server.heard == []


def test_a_signature_that_is_left_out(
    truelayer: TrueLayer, server: ScriptedServer, key: Key
) -> None:
    sent = headers(server, key)
    head, _, proof = sent["tl-signature"].partition("..")
    unsigned = json.dumps({"alg": "none", "kid": "kid-1", "jku": server.jwks_url}).encode()
    forged = [
        "",
        head,
        f"{head}..",
        f"{head}..AAAA",
        f"{head}.{proof}",
        f"..{proof}",
        f"{b64(unsigned)}..",
        f"{b64(b'[1]')}..{proof}",
        f"{b64(b'1')}..{proof}",
        f"{b64(b'{' * 2_000)}..{proof}",
        f"{head}..{b64(bytes(132))}",
        f"!!!..{proof}",
        "ü..ü",
        f"{head}..{proof}{'A' * 5_000}",
    ]
    for signature in forged:
        with pytest.raises(InvalidSignatureError):
            receive(truelayer, sent | {"tl-signature": signature})
    del sent["tl-signature"]
    with pytest.raises(InvalidSignatureError):
        receive(truelayer, sent)


def test_somebody_else_under_a_known_id(
    truelayer: TrueLayer, server: ScriptedServer, key: Key
) -> None:
    with pytest.raises(InvalidSignatureError):
        receive(truelayer, headers(server, Key(key.kid)))
    assert len(receive(truelayer, headers(server, key))) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"text"',
        b"[" * 50_000,
        b'{"type": "payment_settled"}',
        b'{"event_id": "1"}',
        b'{"type": 1, "event_id": "1"}',
        b'{"type": "payment_settled", "event_id": ""}',
        b'{"type": "payment_settled", "event_id": "' + b"x" * 500 + b'"}',
    ],
)
def test_signed_but_no_event(
    truelayer: TrueLayer, server: ScriptedServer, key: Key, body: bytes
) -> None:
    with pytest.raises(InvalidRequestError):
        receive(truelayer, headers(server, key, body=body), body=body)


def test_the_keys_are_asked_for_once(
    truelayer: TrueLayer, server: ScriptedServer, key: Key
) -> None:
    for _ in range(3):
        receive(truelayer, headers(server, key))
    assert len(server.calls("GET", JWKS)) == 1
