"""Calls carry a token and a signature, are made once, and end in what the caller should do."""

import threading
import time

import pytest
from truelayer_signing import HttpMethod, verify_with_pem

from payments.errors import ConflictError, InvalidRequestError, StrongroomError
from payments.providers.exchange import Exchange
from payments.providers.outcome import OutcomeUnknownError, UnexpectedStateError
from payments.providers.truelayer.adapter import TrueLayer
from payments.providers.truelayer.wire import Wire
from tests.databases import free_port
from tests.payments.providers.truelayer.conftest import Clock
from tests.payments.providers.truelayer.scripted_server import (
    SECRET,
    Say,
    ScriptedServer,
    problem,
    token,
)

PLACE = "/v3/things"
BODY = {"name": "Ünal & Söhne", "amount_in_minor": 5}


@pytest.fixture
def wire(server: ScriptedServer, clock: Clock) -> Wire:
    exchange = Exchange(connect_timeout_s=2, read_timeout_s=2, clock=clock)
    server.says("POST", PLACE, Say(content={"id": "1"}))
    server.says("GET", PLACE, Say(content={"id": "1"}))
    return Wire(server.settings(), exchange, clock)


# ---- what is sent --------------------------------------------------------------------------------


def test_a_change_is_signed_with_its_key_and_its_very_body(
    wire: Wire, server: ScriptedServer
) -> None:
    assert wire.post("things", idempotency_key="key-1", body=BODY) == {"id": "1"}
    [call] = server.calls("POST", PLACE)
    assert call.content == BODY
    assert call.headers["Idempotency-Key"] == "key-1"
    verifier = verify_with_pem(server.signing_key.public_pem).set_method(HttpMethod.POST)
    verifier.set_path(PLACE).add_header("Idempotency-Key", "key-1").set_body(call.body.decode())
    verifier.add_required_header("Idempotency-Key").verify(call.headers["Tl-Signature"])


def test_a_change_without_a_body_is_signed_too(wire: Wire, server: ScriptedServer) -> None:
    wire.post("things", idempotency_key="key-1")
    [call] = server.calls("POST", PLACE)
    assert call.body == b""
    verifier = verify_with_pem(server.signing_key.public_pem).set_method(HttpMethod.POST)
    verifier.set_path(PLACE).add_header("Idempotency-Key", "key-1").set_body("")
    verifier.verify(call.headers["Tl-Signature"])


def test_a_question_carries_the_token_alone(wire: Wire, server: ScriptedServer) -> None:
    wire.get("things", query={"from": "2026-11-22T12:00:00+01:00"})
    [call] = server.calls("GET", PLACE)
    assert call.query == {"from": ["2026-11-22T12:00:00+01:00"]}
    assert call.headers["Authorization"] == "Bearer token-1"
    assert {"Tl-Signature", "Idempotency-Key"}.isdisjoint(call.headers)


def test_an_id_cannot_lead_to_another_place(wire: Wire, server: ScriptedServer) -> None:
    with pytest.raises(ConflictError):
        wire.get("payments", "../things?x=1")
    assert [one.path for one in server.heard][-1] == "/v3/payments/..%2Fthings%3Fx%3D1"


# ---- the token -----------------------------------------------------------------------------------


def test_the_token_is_asked_for_as_the_client_and_kept(wire: Wire, server: ScriptedServer) -> None:
    wire.get("things")
    wire.get("things")
    [call] = server.calls("POST", "/connect/token")
    assert sorted(call.body.decode().split("&")) == [
        "client_id=client-1",
        f"client_secret={SECRET}",
        "grant_type=client_credentials",
        "scope=payments",
    ]


def test_the_token_is_renewed_before_it_ends(
    wire: Wire, server: ScriptedServer, clock: Clock
) -> None:
    server.says("POST", "/connect/token", token("token-1"), token("token-2"))
    wire.get("things")
    clock.now_s += 3600 - 61
    wire.get("things")
    clock.now_s += 1
    wire.get("things")
    used = [call.headers["Authorization"] for call in server.calls("GET", PLACE)]
    assert used == ["Bearer token-1", "Bearer token-1", "Bearer token-2"]


def test_a_short_lived_token_is_used_for_half_its_life(
    wire: Wire, server: ScriptedServer, clock: Clock
) -> None:
    server.says("POST", "/connect/token", token("token-1", expires_in=60), token("token-2"))
    wire.get("things")
    clock.now_s += 29
    wire.get("things")
    clock.now_s += 1
    wire.get("things")
    assert len(server.calls("POST", "/connect/token")) == 2


def test_a_token_that_is_refused_is_replaced_once(wire: Wire, server: ScriptedServer) -> None:
    server.says("POST", "/connect/token", token("token-1"), token("token-2"))
    server.says("POST", PLACE, problem(401, "unauthenticated"), Say(content={"id": "1"}))
    assert wire.post("things", idempotency_key="key-1", body=BODY) == {"id": "1"}
    calls = server.calls("POST", PLACE)
    assert [call.headers["Authorization"] for call in calls] == ["Bearer token-1", "Bearer token-2"]
    assert {call.headers["Idempotency-Key"] for call in calls} == {"key-1"}
    assert calls[0].body == calls[1].body

    server.says("POST", PLACE, problem(401, "unauthenticated"))
    with pytest.raises(OutcomeUnknownError, match="401"):
        wire.post("things", idempotency_key="key-2", body=BODY)
    assert len(server.calls("POST", PLACE)) == 4


def test_threads_ask_for_one_token(wire: Wire, server: ScriptedServer) -> None:
    together = threading.Barrier(8)

    def call() -> None:
        together.wait()
        wire.get("things")

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(server.calls("GET", PLACE)) == 8
    assert len(server.calls("POST", "/connect/token")) == 1


@pytest.mark.parametrize(
    "said",
    [
        Say(400, {"error": "invalid_client"}),
        Say(503, {}),
        Say(hang_up=True),
        Say(200, b"<html>"),
        Say(200, {"access_token": "", "expires_in": 3600}),
        Say(200, {"access_token": "a\r\nb", "expires_in": 3600}),
        Say(200, {"access_token": "abc", "expires_in": "soon"}),
        Say(200, []),
    ],
)
def test_without_a_token_nothing_is_called(wire: Wire, server: ScriptedServer, said: Say) -> None:
    server.says("POST", "/connect/token", said)
    with pytest.raises(OutcomeUnknownError) as caught:
        wire.post("things", idempotency_key="key-1", body=BODY)
    assert SECRET not in repr(caught.value)
    assert server.calls("POST", PLACE) == []


# ---- what is answered ----------------------------------------------------------------------------

_OF_AMOUNT = {"errors": {"amount_in_minor": ["Too low."]}}
_OF_MORE = {"errors": {"amount_in_minor": ["Too low."], "user.name": ["Ada Payer"]}}
_AGAIN = {"Tl-Should-Retry": "true"}


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (problem(400, "invalid-parameters", **_OF_AMOUNT), InvalidRequestError),
        (problem(400, "invalid-parameters", **_OF_MORE), ConflictError),
        (problem(400, "invalid-state"), UnexpectedStateError),
        (Say(400, {"title": "Invalid State"}), UnexpectedStateError),
        (problem(403, "forbidden"), ConflictError),
        (problem(404, "not-found"), ConflictError),
        (problem(422, "idempotency-key-reuse"), ConflictError),
        (Say(400, b"not json"), ConflictError),
        (Say(400, []), ConflictError),
        (Say(400, {"title": "Invalid State"}, headers=_AGAIN), OutcomeUnknownError),
        (problem(401, "unauthenticated"), OutcomeUnknownError),
        (problem(409, "idempotency-key-concurrency-conflict"), OutcomeUnknownError),
        (problem(429, "rate-limit-exceeded"), OutcomeUnknownError),
        (problem(500, "unknown-error"), OutcomeUnknownError),
        (problem(502, "provider-error"), OutcomeUnknownError),
        (Say(302, {}, headers={"Location": PLACE}), OutcomeUnknownError),
        (Say(200, b"{"), OutcomeUnknownError),
        (Say(200, b"[" * 100_000), OutcomeUnknownError),
        (Say(200, ["a list"]), OutcomeUnknownError),
        (Say(hang_up=True), OutcomeUnknownError),
    ],
)
def test_every_answer_is_named_by_what_to_do(
    wire: Wire, server: ScriptedServer, said: Say, error: type[StrongroomError]
) -> None:
    server.says("POST", PLACE, said)
    with pytest.raises(error) as caught:
        wire.post("things", idempotency_key="key-1", body=BODY)
    assert type(caught.value) is error
    if type(caught.value) is ConflictError:
        assert caught.value.code == "provider_refused"
    for secret in ("Ada", "Söhne", SECRET, "token-1", "BEGIN"):
        assert secret not in f"{caught.value} {caught.value.errors}"


def test_a_refusal_says_the_code_and_the_trace(wire: Wire, server: ScriptedServer) -> None:
    server.says("POST", PLACE, problem(422, "idempotency-key-reuse"))
    with pytest.raises(ConflictError, match="422 idempotency-key-reuse 2dcda7"):
        wire.post("things", idempotency_key="key-1", body=BODY)


@pytest.mark.parametrize(
    ("told", "expected"), [("7", 7), ("0", 1), ("999", 600), ("Fri, 31 Dec", 5), ("1" * 99, 5)]
)
def test_how_long_to_wait_is_passed_on(
    wire: Wire, server: ScriptedServer, told: str, expected: int
) -> None:
    server.says("POST", PLACE, Say(429, {}, headers={"Retry-After": told}))
    with pytest.raises(OutcomeUnknownError) as caught:
        wire.post("things", idempotency_key="key-1")
    assert caught.value.retry_after_s == expected


def test_a_call_without_an_answer_is_made_once(wire: Wire, server: ScriptedServer) -> None:
    server.says("POST", PLACE, Say(hang_up=True))
    with pytest.raises(OutcomeUnknownError):
        wire.post("things", idempotency_key="key-1")
    assert len(server.calls("POST", PLACE)) == 1


def test_a_server_that_is_not_there_is_named_without_its_address(server: ScriptedServer) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    settings = server.settings()
    settings = type(settings)(**{**vars(settings), "api_url": nowhere})
    wire = Wire(settings, Exchange(connect_timeout_s=1, read_timeout_s=1))
    with pytest.raises(OutcomeUnknownError) as caught:
        wire.get("payments", "secret")
    assert "secret" not in str(caught.value)


def test_an_answer_that_never_ends_is_given_up(server: ScriptedServer) -> None:
    server.says("GET", PLACE, Say(drip=True))
    wire = Wire(server.settings(), Exchange(connect_timeout_s=1, read_timeout_s=0.2))
    began = time.monotonic()
    with pytest.raises(OutcomeUnknownError):
        wire.get("things")
    assert time.monotonic() - began < 5


def test_an_answer_that_is_too_long_is_not_taken(wire: Wire, server: ScriptedServer) -> None:
    server.says("GET", PLACE, Say(200, b'{"id": "' + b"x" * 8_000_000 + b'"}'))
    with pytest.raises(OutcomeUnknownError, match="too long"):
        wire.get("things")


def test_a_key_that_cannot_sign_is_no_refusal(server: ScriptedServer) -> None:
    settings = server.settings()
    broken = type(settings)(**{**vars(settings), "signing_key": "-----BEGIN nothing"})
    with pytest.raises(OutcomeUnknownError, match="signing key"):
        Wire(broken, Exchange()).post("things", idempotency_key="key-1")


def test_threads_share_a_connection(truelayer: TrueLayer, server: ScriptedServer) -> None:
    server.says(
        "GET", "/v3/merchant-accounts/acc-eur", Say(content={"current_balance_in_minor": 7})
    )
    for _ in range(2):
        thread = threading.Thread(target=truelayer.balance, kwargs={"currency": "EUR"})
        thread.start()
        thread.join()
    assert len(server.heard) == 3
    assert len({heard.client for heard in server.heard}) == 1
