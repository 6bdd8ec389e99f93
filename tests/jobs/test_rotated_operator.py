"""The settings name a new operator: what the old one's key is kept for is done, and seen."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine

from jobs.context import JobContext, connect_context
from jobs.send_transactions import send_transactions
from jobs.watch_chains import watch_chains
from payments.escrow.tables import Escrow
from payments.providers.evm.addresses import keccak_of
from payments.settings import read_settings
from sandbox.chain.wallet import Wallet
from tests.chain import USDC, TestChain, running_chain
from tests.jobs.environment import make_environment
from tests.payments.chain.world import chains_json, keystore
from tests.payments.watching.stage import Stage, open_stage

HELD = 100 * USDC


@pytest.fixture
def chain() -> Iterator[TestChain]:
    with running_chain() as running:
        yield running


class Rotation:
    """A worker and its chain, before and after the settings name another operator."""

    def __init__(
        self, stage: Stage, environ: dict[str, str], keys: Path, undone_at_end: ExitStack
    ) -> None:
        self._environ = environ
        self._keys = keys
        self._undone_at_end = undone_at_end
        self.stage = stage
        self.new_operator = stage.chain.stranger
        self.context = self._work_with(stage, stage.chain.operator)

    def rotate(self) -> None:
        """Give the new operator's key to the signer, too, and start with new settings."""
        settings = replace(self.stage.settings, operator=self.new_operator.address)
        self.stage = replace(self.stage, settings=settings)
        self.context = self._work_with(self.stage, self.new_operator)

    def lose_the_old_key(self) -> None:
        for file in self._keys.glob(f"{self.stage.chain.operator.address}*"):
            file.unlink()
        self.context = self._work_with(self.stage, self.new_operator)

    def work(self, rounds: int = 4) -> None:
        """Send, mine and watch, until all that was sent is final and seen."""
        for _ in range(rounds):
            send_transactions(self.context, {})
            self.stage.chain.mine(3)
            assert "failed" not in watch_chains(self.context, {})

    def funded(self) -> Escrow:
        escrow = self.stage.new_escrow(HELD)
        self.work(2)
        self.stage.deposit(escrow)
        self.work(2)
        assert self.stage.escrow(escrow).status == "funded"
        return escrow

    def _work_with(self, stage: Stage, operator: Wallet) -> JobContext:
        file = Path(keystore(self._keys.parent, operator))  # the password stays beside the folder
        file.rename(self._keys / file.name)
        chains = json.loads(chains_json(stage.settings))
        chains[stage.settings.name]["start_block"] = stage.settings.start_block
        environ = self._environ | {"CHAINS": json.dumps(chains)}
        made = connect_context(read_settings(environ))
        self._undone_at_end.enter_context(closing(made.bell))
        self._undone_at_end.callback(made.engine.dispose)
        return made


@pytest.fixture
def rotation(
    fresh_engine: Engine,
    fresh_database_url: str,
    redis_url: str,
    chain: TestChain,
    tmp_path: Path,
) -> Iterator[Rotation]:
    keys = tmp_path / "keys"
    keys.mkdir()
    environ = make_environment(database_url=fresh_database_url, redis_url=redis_url) | {
        "CHAIN_KEYSTORE": str(keys),
        "CHAIN_KEYSTORE_PASSWORD_FILE": str(tmp_path / "password"),
    }
    with ExitStack() as undone_at_end:
        yield Rotation(open_stage(fresh_engine, chain), environ, keys, undone_at_end)


def in_contract(stage: Stage, escrow: Escrow) -> int:
    return stage.chain.tokens_of(escrow.contract_address)


def test_escrows_of_the_old_operator_are_released_refunded_and_seen(rotation: Rotation) -> None:
    old = rotation.funded()
    rotation.rotate()
    stage = rotation.stage
    before = stage.chain.tokens_of(old.beneficiary)
    release = stage.ask_release(old, 60 * USDC)
    new = rotation.funded()  # while the old one's goes on
    assert (old.operator, new.operator) == (
        stage.chain.operator.address,
        rotation.new_operator.address,
    )
    refund = stage.ask_refund(old, 10 * USDC)
    other_release = stage.ask_release(new, HELD)
    rotation.work()
    assert {stage.read(type(one), one.id).status for one in (release, other_release)} == {"posted"}
    assert stage.read(type(refund), refund.id).status == "succeeded"
    assert stage.chain.tokens_of(old.beneficiary) == before + 60 * USDC + HELD
    assert [in_contract(stage, one) for one in (old, new)] == [30 * USDC, 0]
    assert [stage.in_contract(one) for one in (old, new)] == [30 * USDC, 0]
    assert stage.intent(release.id).signer == old.operator
    assert stage.intent(other_release.id).signer == new.operator
    assert stage.broken() == []


def test_what_a_buyer_does_to_an_old_escrow_is_seen_after_a_reorganisation_too(
    rotation: Rotation,
) -> None:
    old = rotation.funded()
    rotation.rotate()
    stage = rotation.stage
    operation = keccak_of("of the buyer")
    given = stage.send_operation(stage.chain.buyer, old, "release", operation, HELD)
    rotation.work(1)
    assert stage.escrow(old).status == "closed"
    stage.chain.reorganise(4, drop=[given])
    rotation.work(1)
    assert stage.escrow(old).status == "funded"
    assert stage.in_contract(old) == in_contract(stage, old) == HELD
    assert stage.broken() == []


def test_without_the_old_key_its_escrows_wait_and_the_others_go_on(rotation: Rotation) -> None:
    old = rotation.funded()
    rotation.rotate()
    rotation.lose_the_old_key()
    stage = rotation.stage
    release = stage.ask_release(old, HELD)
    new = rotation.funded()
    assert stage.intent(release.id).state == "queued"
    assert in_contract(stage, old) == in_contract(stage, new) == HELD


def test_no_escrow_is_made_for_the_old_operator_any_more(rotation: Rotation) -> None:
    late = rotation.stage.new_escrow(HELD)
    rotation.rotate()
    rotation.work(1)
    intent = rotation.stage.intent(late.id)
    assert (intent.state, (intent.error or "").partition(":")[0]) == ("canceled", "other_role")
    assert rotation.stage.escrow(late).status == "failed"
