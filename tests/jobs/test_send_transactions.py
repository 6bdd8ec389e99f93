"""The job sends on every chain it is told of; one that is silent holds up no other."""

import dataclasses
import datetime as dt
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from jobs.context import JobContext, connect_context
from jobs.send_transactions import send_transactions
from payments.providers.evm.adapter import EvmChain
from payments.settings import read_settings
from tests.chain import TestChain, running_chain
from tests.jobs.environment import make_environment
from tests.payments.chain.world import World, chains_json, keystore, open_world


@pytest.fixture
def chain() -> Iterator[TestChain]:
    with running_chain() as running:
        yield running


@pytest.fixture
def world(fresh_engine: Engine, chain: TestChain) -> World:
    return open_world(fresh_engine, chain)


@pytest.fixture
def context(
    world: World, fresh_database_url: str, redis_url: str, tmp_path: Path
) -> Iterator[JobContext]:
    """A worker that has the keys itself, and knows a second chain, which is silent."""
    chains = json.loads(chains_json(world.settings))
    silent = chains["local"] | {"rpc_urls": ["http://127.0.0.1:9"]}
    environ = make_environment(database_url=fresh_database_url, redis_url=redis_url) | {
        "CHAINS": json.dumps({"a-silent-one": silent} | chains),
        "CHAIN_KEYSTORE": keystore(tmp_path, world.chain.operator),
        "CHAIN_KEYSTORE_PASSWORD_FILE": str(tmp_path / "password"),
    }
    made = connect_context(read_settings(environ))
    with closing(made.bell):
        yield made
    made.engine.dispose()


def test_it_sends_beside_a_silent_chain_and_follows(context: JobContext, world: World) -> None:
    escrow = world.new_escrow()
    figures = send_transactions(context, {})
    assert (figures["handed_in"], figures["unavailable"]) == (1, 1)
    world.chain.mine(3)
    assert send_transactions(context, {})["final"] == 1
    assert world.intent(escrow.id).state == "final"


class Surprising(EvmChain):
    """A chain whose answers break what reads them."""

    def check_contracts(self) -> None:
        raise ZeroDivisionError


def test_what_nobody_foresaw_on_a_chain_holds_up_no_other(
    context: JobContext, world: World
) -> None:
    surprising = Surprising(context.settings.chains["a-silent-one"])
    chains = {**context.providers.chains, "a-silent-one": surprising}
    providers = dataclasses.replace(context.providers, chains=chains)
    escrow = world.new_escrow()
    with pytest.raises(ZeroDivisionError):
        send_transactions(dataclasses.replace(context, providers=providers), {})
    assert world.intent(escrow.id).state == "broadcast"


def test_with_nothing_to_do_it_asks_a_chain_nothing_for_a_minute(
    context: JobContext, world: World
) -> None:
    send_transactions(context, {})
    world.chain.faults({"fault": "answer", "status": 500, "path": "*"})
    asked_of_silent_one_only = send_transactions(context, {})
    assert asked_of_silent_one_only == {"unavailable": 1}
    with world.engine.begin() as connection:
        connection.execute(
            text("UPDATE strongroom.chain_signers SET looked_at = :long_ago"),
            {"long_ago": world.now() - dt.timedelta(minutes=2)},
        )
    assert send_transactions(context, {}) == {"unavailable": 2}


def test_who_has_no_signer_sends_nothing(
    world: World, fresh_database_url: str, redis_url: str
) -> None:
    escrow = world.new_escrow()
    environ = make_environment(database_url=fresh_database_url, redis_url=redis_url)
    made = connect_context(read_settings(environ | {"CHAINS": chains_json(world.settings)}))
    assert send_transactions(made, {}) == {}
    assert world.intent(escrow.id).state == "queued"
    made.engine.dispose()
    made.bell.close()
