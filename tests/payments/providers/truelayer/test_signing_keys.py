"""TrueLayer's keys rotate: new ones are fetched, withdrawn ones end, and nobody can make us ask."""

import threading
import time
from typing import Any

import pytest

from payments.errors import InvalidSignatureError, UnavailableError
from payments.providers.exchange import Exchange
from payments.providers.truelayer.adapter import TrueLayer
from payments.providers.truelayer.signing_keys import FRESH_S, USABLE_S, SigningKeys
from tests.payments.providers.truelayer.conftest import Clock
from tests.payments.providers.truelayer.keys import Key
from tests.payments.providers.truelayer.scripted_server import Heard, Say, ScriptedServer
from tests.payments.providers.truelayer.webhooks import JWKS, headers, publish, receive

OLD, NEW = Key("kid-old"), Key("kid-new")


@pytest.fixture
def keys(server: ScriptedServer, clock: Clock) -> SigningKeys:
    exchange = Exchange(connect_timeout_s=2, read_timeout_s=2, clock=clock)
    return SigningKeys(server.jwks_url, exchange, clock)


def asked(server: ScriptedServer) -> int:
    return len(server.calls("GET", JWKS))


def test_a_new_key_is_found_and_the_old_one_goes_on(
    truelayer: TrueLayer, server: ScriptedServer, clock: Clock
) -> None:
    publish(server, OLD)
    receive(truelayer, headers(server, OLD))
    publish(server, OLD, NEW)
    clock.now_s += 30
    receive(truelayer, headers(server, NEW))
    receive(truelayer, headers(server, OLD))
    assert asked(server) == 2


def test_unknown_ids_make_us_ask_twice_a_minute_at_most(
    truelayer: TrueLayer, server: ScriptedServer, clock: Clock
) -> None:
    publish(server, OLD)
    for _ in range(5):
        with pytest.raises(InvalidSignatureError):
            receive(truelayer, headers(server, NEW))
    receive(truelayer, headers(server, OLD))
    assert asked(server) == 1
    clock.now_s += 29.9
    with pytest.raises(InvalidSignatureError):
        receive(truelayer, headers(server, NEW))
    assert asked(server) == 1
    clock.now_s += 0.1
    with pytest.raises(InvalidSignatureError):
        receive(truelayer, headers(server, NEW))
    assert asked(server) == 2


def test_a_withdrawn_key_ends(keys: SigningKeys, server: ScriptedServer, clock: Clock) -> None:
    publish(server, OLD, NEW)
    keys.key("kid-old")
    publish(server, NEW)
    clock.now_s += FRESH_S
    with pytest.raises(InvalidSignatureError):
        keys.key("kid-old")
    assert keys.key("kid-new")["kid"] == "kid-new"


def test_known_keys_serve_while_none_can_be_fetched(
    keys: SigningKeys, server: ScriptedServer, clock: Clock
) -> None:
    publish(server, OLD)
    keys.key("kid-old")
    server.says("GET", JWKS, Say(503, {}))
    clock.now_s += USABLE_S - 1
    assert keys.key("kid-old")["kid"] == "kid-old"
    with pytest.raises(UnavailableError):
        keys.key("kid-new")
    assert asked(server) == 2
    clock.now_s += 1
    with pytest.raises(UnavailableError):
        keys.key("kid-old")
    publish(server, OLD)
    clock.now_s += 30
    assert keys.key("kid-old")["kid"] == "kid-old"


@pytest.mark.parametrize(
    "said",
    [
        Say(hang_up=True),
        Say(500, {}),
        Say(302, {}, headers={"Location": "/moved"}),
        Say(200, b"<html>"),
        Say(200, {}),
        Say(200, {"keys": {"kid": "kid-old"}}),
        Say(200, []),
        Say(200, b"[" * 100_000),
        Say(200, {"keys": [OLD.jwk], "padding": "x" * 300_000}),
    ],
)
def test_without_keys_nothing_is_judged(
    truelayer: TrueLayer, server: ScriptedServer, said: Say
) -> None:
    server.says("GET", JWKS, said)
    server.says("GET", "/moved", Say(content={"keys": [OLD.jwk]}))
    for _ in range(2):
        with pytest.raises(UnavailableError):
            receive(truelayer, headers(server, OLD))
    assert [heard.path for heard in server.heard] == [JWKS]


@pytest.mark.parametrize(
    "changed",
    [
        {"kty": "RSA"},
        {"crv": "P-256"},
        {"alg": "ES256"},
        {"use": "enc"},
        {"x": 1},
        {"y": None},
        {"kid": None},
        {"x": "AAAA"},
        {"x": "!"},
        {"y": "A" * 500},
    ],
)
def test_a_key_of_another_kind_signs_nothing(
    truelayer: TrueLayer, server: ScriptedServer, changed: dict[str, Any]
) -> None:
    server.says("GET", JWKS, Say(content={"keys": [{**OLD.jwk, **changed}, NEW.jwk, 1, None]}))
    with pytest.raises(InvalidSignatureError):
        receive(truelayer, headers(server, OLD))
    assert len(receive(truelayer, headers(server, NEW))) == 1


def test_the_public_half_is_all_that_is_taken(keys: SigningKeys, server: ScriptedServer) -> None:
    server.says("GET", JWKS, Say(content={"keys": [{**OLD.jwk, "d": "secret"}]}))
    assert set(keys.key("kid-old")) == {"kid", "crv", "x", "y"}


def test_many_threads_ask_once(keys: SigningKeys, server: ScriptedServer) -> None:
    together, arrived = threading.Barrier(8), threading.Event()

    def listed(_: Heard) -> Say:
        arrived.wait(5)
        return Say(content={"keys": [OLD.jwk]})

    server.says("GET", JWKS, listed)
    found: list[str] = []

    def look() -> None:
        together.wait()
        found.append(keys.key("kid-old")["kid"])

    threads = [threading.Thread(target=look) for _ in range(8)]
    for thread in threads:
        thread.start()
    arrived.set()
    for thread in threads:
        thread.join()
    assert (found, asked(server)) == (["kid-old"] * 8, 1)


def test_known_keys_are_given_while_a_fetch_hangs(
    keys: SigningKeys, server: ScriptedServer, clock: Clock
) -> None:
    publish(server, OLD)
    keys.key("kid-old")
    clock.now_s += 30
    begun, released = threading.Event(), threading.Event()

    def hanging(_: Heard) -> Say:
        begun.set()
        released.wait(5)
        return Say(content={"keys": [OLD.jwk]})

    server.says("GET", JWKS, hanging)
    faults: list[Exception] = []

    def look() -> None:
        try:
            keys.key("kid-forged")
        except InvalidSignatureError as error:
            faults.append(error)

    thread = threading.Thread(target=look)
    thread.start()
    assert begun.wait(5)
    assert keys.key("kid-old")["kid"] == "kid-old"
    released.set()
    thread.join()
    assert len(faults) == 1


def test_a_list_that_drips_is_given_up(server: ScriptedServer) -> None:
    server.says("GET", JWKS, Say(drip=True))
    keys = SigningKeys(
        server.jwks_url, Exchange(connect_timeout_s=1, read_timeout_s=0.2), time.monotonic
    )
    began = time.monotonic()
    with pytest.raises(UnavailableError):
        keys.key("kid-old")
    assert time.monotonic() - began < 5
