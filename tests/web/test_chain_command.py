"""`strongroom chain` shows who signs and what is sent, and has a frozen signer go on."""

import json
from collections.abc import Callable, Iterator

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine

from tests.chain import TestChain, running_chain
from tests.payments.chain.test_foreign_transactions import lose_to_a_stranger
from tests.payments.chain.world import World, chains_json, open_world
from tests.web.conftest import environment
from web.command_line import main

Run = Callable[..., Result]


@pytest.fixture
def chain() -> Iterator[TestChain]:
    with running_chain() as running:
        yield running


@pytest.fixture
def world(fresh_engine: Engine, chain: TestChain) -> World:
    return open_world(fresh_engine, chain)


@pytest.fixture
def command(world: World, fresh_database_url: str, redis_url: str) -> Run:
    settings = environment(database_url=fresh_database_url, redis_url=redis_url)
    settings["CHAINS"] = chains_json(world.settings)

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(main, ["chain", *arguments], env=settings)

    return invoke


def test_nothing_was_sent_yet(command: Run) -> None:
    assert command("signers").stdout == "Nothing was ever sent on a chain from here.\n"
    assert command("intents").stdout == "There is nothing of the kind.\n"


def test_what_is_sent_is_listed(world: World, command: Run) -> None:
    escrow = world.funded_escrow()
    release_id = world.release(escrow)
    world.send()
    told = command("intents").stdout
    assert release_id in told
    assert escrow.id not in told, "it is final"
    assert world.attempts(release_id)[0].tx_hash in told
    rows = json.loads(command("intents", "--state", "all", "--json").stdout)
    assert [(row["for"], row["state"]) for row in rows] == [
        (release_id, "broadcast"),
        (escrow.id, "final"),
    ]
    assert json.loads(command("intents", "--chain", "elsewhere", "--json").stdout) == []
    signers = json.loads(command("signers", "--json").stdout)
    assert [(one["address"], one["next_nonce"]) for one in signers] == [
        (world.settings.operator, 2)
    ]


def test_a_frozen_signer_goes_on_when_nothing_of_ours_can_be_mined_any_more(
    world: World, command: Run
) -> None:
    release_id = lose_to_a_stranger(world)
    world.send()
    refused = command("thaw-signer", "local")
    assert refused.exit_code == 1
    assert "is not final yet" in refused.output
    world.chain.mine(3)
    world.send()
    assert "none of ours" in command("signers").stdout
    told = command("thaw-signer", "local")
    assert told.exit_code == 0, told.output
    assert f"{world.settings.operator} signs on local again." in told.stdout
    assert f"(release of {release_id}) is failed." in told.stdout
    assert "none of ours" not in command("signers").stdout


def test_an_unknown_chain_is_told_so(command: Run) -> None:
    answered = command("thaw-signer", "elsewhere")
    assert answered.exit_code == 1
    assert "There is no chain elsewhere." in answered.output


def test_an_operator_for_whom_nothing_was_signed_is_told_so(world: World, command: Run) -> None:
    stranger = world.chain.stranger.address
    answered = command("thaw-signer", "local", "--operator", stranger)
    assert answered.exit_code == 1
    assert f"Nothing was ever signed for {stranger} on local." in answered.output
