"""What `strongroom doctor` notices about chains, before money is stuck on one."""

import dataclasses
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from sqlalchemy import Connection, Engine, text

from payments.chain_checks import chain_checks, forsaken_chains, frozen_signers, standstills
from payments.chain_settings import FeePolicy, SignerSettings
from payments.privacy.encryption import new_keyset_json
from payments.provider_checks import State
from payments.settings import Environment, Settings, read_settings
from tests.chain import TestChain, running_chain
from tests.payments.chain.world import open_world
from tests.payments.providers.truelayer.scripted_server import Heard, Say, ScriptedServer

DEAD_URL = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def chain() -> Iterator[TestChain]:
    with running_chain() as chain:
        yield chain


@pytest.fixture
def keys(tmp_path: Path, chain: TestChain) -> SignerSettings:
    kept = Account.encrypt(chain.operator.key, "a password", kdf="pbkdf2", iterations=10)
    (tmp_path / "operator.json").write_text(json.dumps(kept))
    (tmp_path / "password").write_text("a password")
    return SignerSettings(
        keystore=str(tmp_path / "operator.json"), password_file=str(tmp_path / "password")
    )


@pytest.fixture
def settings(chain: TestChain, keys: SignerSettings) -> Settings:
    read = read_settings(
        {
            "STRONGROOM_ENV": "sandbox",
            "DATABASE_URL": "postgresql://127.0.0.1:9/none",
            "REDIS_URL": "redis://127.0.0.1:9",
            "STRIPE_SECRET_KEY": "sk_test_sandbox_1",
            "STRIPE_PUBLISHABLE_KEY": "pk_test_sandbox_1",
            "STRIPE_WEBHOOK_SECRETS": "whsec_sandbox_1",
            "JWT_JWKS": '{"keys": []}',
            "JWT_ISSUER": "https://identity.sandbox.example",
            "ENCRYPTION_KEYSET": new_keyset_json(),
            "API_KEY_PEPPER": "sandbox_pepper",
        }
    )
    return dataclasses.replace(read, chains={"local": chain.settings()}, chain_signer=keys)


def report(settings: Settings) -> dict[str, tuple[State, str]]:
    return {check.name: (check.state, check.detail) for check in chain_checks(settings)}


def with_chain(settings: Settings, chain: TestChain, **changed: Any) -> Settings:
    return dataclasses.replace(settings, chains={"local": chain.settings(**changed)})


def test_a_chain_that_works_is_told_with_what_it_is(settings: Settings, chain: TestChain) -> None:
    found = report(settings)
    assert {state for state, _ in found.values()} == {State.OK}
    height = chain.head.number
    assert found["Chain local"][1] == (
        f"chain id 31337, 1 of 1 URL(s) answer, at block {height}, final by 3 confirmations"
    )
    assert chain.operator.address in found["Chain local operator"][1]
    assert "ETH" in found["Chain local operator"][1]


def test_without_chains_nothing_is_asked(settings: Settings) -> None:
    none = dataclasses.replace(settings, chains={}, chain_signer=None)
    assert report(none) == {"Chains": (State.OK, "none, and no escrows on chain")}


def test_a_dead_url_behind_a_good_one_is_noticed(settings: Settings, chain: TestChain) -> None:
    state, detail = report(with_chain(settings, chain, rpc_urls=[chain.url, DEAD_URL]))[
        "Chain local"
    ]
    assert state is State.WARN
    assert "1 of 2 URL(s)" in detail
    assert "127.0.0.1:9 does not answer" in detail


@pytest.mark.parametrize(
    "changed", [{"rpc_urls": [DEAD_URL]}, {"chain_id": 1}], ids=["dead", "another chain"]
)
def test_a_chain_that_cannot_be_used_fails(
    settings: Settings, chain: TestChain, changed: dict[str, Any]
) -> None:
    found = report(with_chain(settings, chain, **changed))
    assert found["Chain local"][0] is State.FAIL
    assert "Chain local operator" not in found


def test_another_chain_behind_a_good_url_fails(settings: Settings, chain: TestChain) -> None:
    def answer(heard: Heard) -> Say:
        return Say(content={"jsonrpc": "2.0", "id": heard.content["id"], "result": "0x1"})

    with ScriptedServer() as other:
        other.says("POST", "/", answer)
        found = report(with_chain(settings, chain, rpc_urls=[chain.url, other.url]))
    assert found["Chain local"][0] is State.FAIL
    assert "is chain 1" in found["Chain local"][1]


def test_a_factory_that_is_not_ours_fails(settings: Settings, chain: TestChain) -> None:
    found = report(with_chain(settings, chain, factory=chain.token))
    assert found["Chain local contracts"][0] is State.FAIL


def test_an_operator_who_can_pay_for_little_is_noticed(
    settings: Settings, chain: TestChain
) -> None:
    wei = chain.wei_of(chain.operator.address)
    policy = FeePolicy(max_fee_gwei=Decimal(200), max_priority_fee_gwei=Decimal(1))
    cost = 250_000 * 200 * 10**9
    few = with_chain(settings, chain, fees=policy)
    try:
        for coins, state in ((cost - 1, State.FAIL), (cost, State.WARN), (20 * cost, State.OK)):
            chain.set_wei(chain.operator.address, coins)
            assert report(few)["Chain local operator"][0] is state
    finally:
        chain.set_wei(chain.operator.address, wei)


def test_who_signs_must_have_every_operators_key(settings: Settings, chain: TestChain) -> None:
    other = with_chain(settings, chain, operator=chain.stranger.address)
    state, detail = report(other)["Chain signer"]
    assert state is State.FAIL
    assert chain.stranger.address in detail
    for signer in (None, SignerSettings(url=DEAD_URL, token="t")):
        without = dataclasses.replace(settings, chain_signer=signer)
        assert report(without)["Chain signer"][0] is State.FAIL


def test_outside_the_sandbox_keys_and_plain_http_are_warned_about(settings: Settings) -> None:
    found = report(dataclasses.replace(settings, environment=Environment.PRODUCTION))
    assert found["Chain signer"][0] is State.WARN
    state, detail = found["Chain local"]
    assert state is State.WARN
    assert "without encryption" in detail


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    with engine.connect() as connection:
        yield connection
        connection.rollback()


def test_a_chain_that_stands_still_fails_and_says_why(connection: Connection) -> None:
    assert standstills(connection).state is State.OK
    connection.execute(
        text(
            "INSERT INTO strongroom.chain_cursors"
            " (chain, chain_id, scanned_to, final_to, final_at, scanned_at)"
            " VALUES ('local', 31337, 90, 88, now(), now())"
        )
    )
    read = standstills(connection)
    assert (read.state, read.detail) == (State.OK, "local to block 90")
    connection.execute(
        text("UPDATE strongroom.chain_cursors SET scanned_at = now() - interval '10 minutes'")
    )
    assert standstills(connection).state is State.FAIL
    connection.execute(
        text("UPDATE strongroom.chain_cursors SET scanned_at = now(), error = 'wrong_chain'")
    )
    failed = standstills(connection)
    assert failed.state is State.FAIL
    assert failed.detail == "local stands still at block 90: wrong_chain"


def test_a_frozen_signer_fails(connection: Connection) -> None:
    assert frozen_signers(connection).state is State.OK
    connection.execute(
        text(
            "INSERT INTO strongroom.chain_signers"
            " (chain, address, next_nonce, frozen_at, frozen_reason, created_at)"
            " VALUES ('local', :address, 0, now(), 'nonce 4 is foreign', now())"
        ),
        {"address": "0x" + "a1" * 20},
    )
    state = frozen_signers(connection)
    assert state.state is State.FAIL
    assert "nonce 4 is foreign" in state.detail


def test_escrows_on_a_chain_that_is_not_set_up_any_more_fail(
    fresh_engine: Engine, chain: TestChain, settings: Settings
) -> None:
    def seen(settings: Settings) -> tuple[State, str]:
        with fresh_engine.begin() as connection:
            check = forsaken_chains(connection, settings)
            return check.state, check.detail

    assert seen(settings) == (State.OK, "0 not closed")
    open_world(fresh_engine, chain).new_escrow()
    assert seen(settings) == (State.OK, "1 not closed")
    state, detail = seen(dataclasses.replace(settings, chains={}))
    assert state is State.FAIL
    assert detail.startswith("1 on local")
