"""The client of the signer's process: what it sends, and what it makes of each answer."""

from collections.abc import Iterator
from typing import Any

import pytest
from eth_utils.crypto import keccak

from payments.errors import UnavailableError
from payments.providers.chain_errors import SigningRefusedError
from payments.providers.chain_port import Fees, Signed
from payments.providers.evm.remote_signer import RemoteSigner
from tests.payments.providers.evm.desk import DEAD_URL
from tests.payments.providers.truelayer.scripted_server import Say, ScriptedServer

RAW = b"\x02 signed"
SIGNED = {"raw": f"0x{RAW.hex()}", "tx_hash": f"0x{keccak(RAW).hex()}"}
FEES = Fees(max_fee=2**70, priority_fee=5)
ADDRESS = "0x71C7656EC7ab88b098defB751B7401B5f6d8976F"


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as server:
        yield server


def signer_at(server: ScriptedServer) -> RemoteSigner:
    return RemoteSigner(f"{server.url}/", "the-token", read_timeout_s=2)


def test_it_is_told_the_intent_and_the_fees_and_nothing_more(server: ScriptedServer) -> None:
    server.script["POST", "/sign"] = [Say(content=SIGNED)]
    signed = signer_at(server).sign("cti_1", fees=FEES)
    assert signed == Signed(RAW, SIGNED["tx_hash"])
    (heard,) = server.heard
    assert heard.content == {"intent_id": "cti_1", "max_fee": str(2**70), "priority_fee": "5"}
    assert heard.headers["Authorization"] == "Bearer the-token"


def test_it_says_for_whom_it_can_sign(server: ScriptedServer) -> None:
    server.script["GET", "/addresses"] = [Say(content={"addresses": [ADDRESS.lower()]})]
    assert list(signer_at(server).addresses()) == [ADDRESS]


def test_what_it_refuses_has_its_reason(server: ScriptedServer) -> None:
    refusal = {"code": "limit_day", "detail": "More than a day's limit."}
    server.script["POST", "/sign"] = [Say(403, refusal), Say(403, {})]
    signer = signer_at(server)
    with pytest.raises(SigningRefusedError) as refused:
        signer.sign("cti_1", fees=FEES)
    assert (refused.value.code, refused.value.detail) == ("limit_day", "More than a day's limit.")
    with pytest.raises(SigningRefusedError) as refused:
        signer.sign("cti_1", fees=FEES)
    assert refused.value.code == "signing_refused"


@pytest.mark.parametrize(
    "answer",
    [
        Say(hang_up=True),
        Say(401, {"code": "unauthorized"}),
        Say(500, {"detail": "no"}),
        Say(302, SIGNED),
        Say(content=[]),
        Say(content={}),
        Say(content={**SIGNED, "raw": "02"}),
        Say(content={**SIGNED, "tx_hash": "0x" + "00" * 32}),
        Say(content={**SIGNED, "raw": "0x0203"}),
    ],
    ids=str,
)
def test_without_a_signature_that_fits_nothing_is_signed(
    server: ScriptedServer, answer: Any
) -> None:
    server.script["POST", "/sign"] = [answer]
    with pytest.raises(UnavailableError):
        signer_at(server).sign("cti_1", fees=FEES)
    assert len(server.heard) == 1


def test_nobody_listening_is_told_without_the_token() -> None:
    with pytest.raises(UnavailableError) as raised:
        RemoteSigner(DEAD_URL, "the-token").addresses()
    assert "the-token" not in f"{raised.value.detail} {raised.value!r}"
