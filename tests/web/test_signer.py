"""The process that signs, started as the Procfile says: with its keys, its role, and its token."""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from payments.database import SIGNER_ROLE, connect_engine
from payments.errors import UnavailableError
from payments.providers.chain_errors import KeystoreError, SigningRefusedError
from payments.providers.chain_port import Fees
from payments.providers.evm.remote_signer import RemoteSigner
from payments.settings import SettingsError, read_signing_settings
from tests.architecture.sources import ROOT
from tests.chain import USDC, TestChain, running_chain
from tests.conditions import wait_until
from tests.databases import free_port
from tests.payments.chain.world import World, chains_json, keystore, open_world
from web.signer import LARGEST_BODY, create_signer

TOKEN = "a token of this test alone"
FEES = Fees(max_fee=30 * 10**9, priority_fee=10**9)


@dataclass(frozen=True)
class Started:
    url: str
    world: World
    log: Path

    def post(self, body: object, **headers: str) -> requests.Response:
        told = {"Authorization": f"Bearer {TOKEN}", **headers}
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return requests.post(f"{self.url}/sign", data=data, headers=told, timeout=20)


@pytest.fixture(scope="module")
def chain() -> Iterator[TestChain]:
    with running_chain() as running:
        yield running


@pytest.fixture(scope="module")
def world(engine: Engine, chain: TestChain) -> World:
    return open_world(engine, chain)


@pytest.fixture(scope="module")
def environment(
    world: World, database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("signer")
    return {
        "PATH": os.defpath,
        "STRONGROOM_ENV": "sandbox",
        "DATABASE_URL": database_url,
        "CHAINS": chains_json(world.settings),
        "CHAIN_KEYSTORE": keystore(folder, world.chain.operator),
        "CHAIN_KEYSTORE_PASSWORD_FILE": str(folder / "password"),
        "CHAIN_SIGNER_TOKEN": TOKEN,
        "PORT": str(free_port()),
    }


@pytest.fixture(scope="module")
def signer(
    world: World, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Started]:
    lines = (ROOT / "Procfile").read_text().splitlines()
    command = next(line for line in lines if line.startswith("signer: "))
    program, *arguments = shlex.split(command.removeprefix("signer: "))
    log = tmp_path_factory.mktemp("log") / "signer"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(Path(sys.executable).parent / program), *arguments],
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    url = f"http://127.0.0.1:{environment['PORT']}"

    def answers() -> bool:
        assert process.poll() is None, log.read_text()
        with suppress(requests.ConnectionError, requests.Timeout):
            return requests.get(f"{url}/healthz", timeout=5).ok
        return False

    try:
        wait_until(answers, timeout_s=60)
        yield Started(url, world, log)
    finally:
        process.terminate()
        process.wait(30)


def asked(**changed: Any) -> dict[str, Any]:
    body = {"intent_id": f"cti_{'0' * 26}", "max_fee": "30000000000", "priority_fee": "1"}
    return body | changed


def test_a_sender_has_its_transactions_signed_by_the_process(signer: Started) -> None:
    world = signer.world
    remote = RemoteSigner(signer.url, TOKEN)
    assert remote.addresses() == (world.settings.operator,)
    escrow = world.funded_escrow()
    release_id = world.release(escrow, USDC)
    world.send(signer=remote)
    world.chain.mine(4)
    world.send(signer=remote)
    assert world.intent(release_id).state == "final"
    assert world.remaining(escrow) == escrow.amount - USDC


def test_it_refuses_with_a_word_and_a_sentence(signer: Started) -> None:
    world = signer.world
    escrow = world.funded_escrow()
    release_id = world.release(escrow, USDC)
    world.freeze(escrow.order_id)
    intent_id = world.intent(release_id).id
    with pytest.raises(SigningRefusedError) as refused:
        RemoteSigner(signer.url, TOKEN).sign(intent_id, fees=FEES)
    assert refused.value.code == "state"
    assert intent_id in refused.value.detail


@pytest.mark.parametrize("token", ["", "Bearer", "Bearer wrong", f"Basic {TOKEN}", TOKEN])
def test_without_its_token_it_does_nothing(signer: Started, token: str) -> None:
    assert signer.post(asked(), Authorization=token).status_code == 401
    addresses = requests.get(
        f"{signer.url}/addresses", headers={"Authorization": token}, timeout=20
    )
    assert addresses.status_code == 401
    with pytest.raises(UnavailableError):
        RemoteSigner(signer.url, "wrong").addresses()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no JSON",
        b"[" * 900,
        b"[]",
        b'"cti"',
        {},
        asked(intent_id=None),
        asked(intent_id="rel_00000000000000000000000000"),
        asked(intent_id=["cti_00000000000000000000000000"]),
        asked(max_fee=30),
        asked(max_fee="-1"),
        asked(max_fee="1e9"),
        asked(priority_fee="0x1"),
        asked(hash=f"0x{7:064x}"),
        asked(raw="0x02"),
        asked(to=f"0x{7:040x}"),
        {"hash": f"0x{7:064x}"},
        asked(intent_id="cti_" + "0" * LARGEST_BODY),
    ],
)
def test_nothing_but_an_intent_can_be_asked_for(signer: Started, body: object) -> None:
    answer = signer.post(body)
    assert answer.status_code == 400, answer.text
    assert answer.json() == {"code": "validation"}


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/sign"), ("POST", "/sign_hash"), ("PUT", "/sign"), ("GET", "/")]
)
def test_there_is_no_other_way_in(signer: Started, method: str, path: str) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    answer = requests.request(method, f"{signer.url}{path}", headers=headers, timeout=20)
    assert answer.status_code == 404


def test_its_log_says_what_was_signed_and_no_secret(signer: Started, chain: TestChain) -> None:
    signer.world.release(signer.world.funded_escrow(), USDC)
    signer.world.send(signer=RemoteSigner(signer.url, TOKEN))
    lines = signer.log.read_text()
    assert '"event": "signed"' in lines
    assert TOKEN not in lines
    assert chain.operator.key.hex() not in lines
    assert "a password" not in lines


def test_its_role_reads_what_it_needs_and_changes_nothing(database_url: str) -> None:
    engine = connect_engine(database_url, role=SIGNER_ROLE)
    for allowed in ("chain_intents", "chain_signers", "escrows", "releases", "refunds", "freezes"):
        with engine.connect() as connection:
            connection.exec_driver_sql(f"SELECT * FROM strongroom.{allowed} LIMIT 1")
    forbidden = (
        "SELECT raw_encrypted FROM strongroom.chain_attempts",
        "SELECT * FROM strongroom.payments",
        "SELECT * FROM strongroom.parties",
        "SELECT * FROM strongroom.payout_destinations",
        "SELECT * FROM ledger.entries",
        "UPDATE strongroom.releases SET status = 'approved'",
        "UPDATE strongroom.chain_signers SET frozen_at = NULL",
        "DELETE FROM strongroom.freezes",
        "INSERT INTO strongroom.freezes (id) VALUES ('frz_1')",
    )
    for statement in forbidden:
        with engine.connect() as connection, pytest.raises(DBAPIError, match="permission denied"):
            connection.exec_driver_sql(statement)
    engine.dispose()


def test_without_the_key_of_its_operator_it_does_not_start(
    environment: dict[str, str], world: World, tmp_path: Path
) -> None:
    wrong = environment | {"CHAIN_KEYSTORE": keystore(tmp_path, world.chain.stranger)}
    with pytest.raises(KeystoreError, match="no key of the operator of local"):
        create_signer(read_signing_settings(wrong), clock=world.now)


def test_all_that_it_needs_to_know_is_asked_for_at_once() -> None:
    with pytest.raises(SettingsError) as refused:
        read_signing_settings({})
    told = str(refused.value)
    for name in ("DATABASE_URL", "CHAIN_KEYSTORE", "CHAIN_SIGNER_TOKEN"):
        assert f"{name} is missing" in told
