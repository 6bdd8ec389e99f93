"""What a contract, or a node that lags, refuses for a while is not given up: it is sent later."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from payments.chain.take_nonce import list_queued
from payments.database import transaction
from payments.providers.chain_errors import RefusedTransactionError, RevertedError
from payments.providers.evm.adapter import EvmChain
from sandbox.chain.wallet import calldata
from tests.payments.chain.world import World


@dataclass
class Estimating(EvmChain):
    """A chain whose node has its own idea of the gas."""

    estimate: Callable[[], int]

    def estimate_gas(self, **_asked: Any) -> int:
        return self.estimate()


def estimating(world: World, estimate: Callable[[], int]) -> Estimating:
    port = Estimating(estimate)
    EvmChain.__init__(port, world.settings)
    return port


def test_a_release_waits_while_its_contract_is_paused(world: World) -> None:
    escrow = world.funded_escrow()
    chain = world.chain
    chain.send(chain.guardian, escrow.contract_address, calldata("pause()"))
    chain.mine()
    release_id, refund_id = world.release(escrow, 60), world.refund(escrow, 40)
    world.send()
    assert (world.intent(release_id).state, world.intent(refund_id).state) == (
        "queued",
        "broadcast",
    )
    assert (world.intent(release_id).error or "").startswith("paused")
    chain.send(chain.guardian, escrow.contract_address, calldata("unpause()"))
    chain.mine()
    world.later(10)
    world.send_until_final()
    assert world.intent(release_id).state == "final"
    assert world.remaining(escrow) == escrow.amount - 100


def test_a_node_that_has_not_seen_the_deposit_cancels_no_release(world: World) -> None:
    escrow = world.funded_escrow()
    release_id = world.release(escrow)

    def refuse() -> int:
        raise RevertedError("not funded")

    world.send(port=estimating(world, refuse))
    assert world.intent(release_id).state == "queued"
    world.later(10)
    world.send_until_final()
    assert world.intent(release_id).state == "final"


def test_a_node_that_has_not_seen_the_contract_has_no_say_in_its_gas(world: World) -> None:
    """Calling an address without code takes the gas of a plain transfer: too little later."""
    escrow = world.funded_escrow()
    release_id = world.release(escrow)
    world.send(port=estimating(world, lambda: 30_000))
    intent = world.intent(release_id)
    assert (intent.state, intent.gas_limit) == ("queued", None)
    world.later(10)
    world.send_until_final()
    assert world.intent(release_id).state == "final"


def test_what_waits_does_not_hold_up_what_is_new(world: World) -> None:
    escrow = world.funded_escrow()
    world.chain.set_wei(world.chain.operator.address, 10**18)
    old = world.release(escrow, 60)

    def refuse() -> int:
        raise RefusedTransactionError("No coins.", code="insufficient_funds")

    world.send(port=estimating(world, refuse))
    new = world.release(escrow, 40)
    world.later(10)
    with transaction(world.engine) as session:
        due = list_queued(session, world.sending())
    assert due == [world.intent(one).id for one in (new, old)]


@pytest.mark.parametrize("reason", ["past release_by", "operation already done", None])
def test_what_will_never_be_done_is_canceled(world: World, reason: str | None) -> None:
    escrow = world.funded_escrow()
    release_id = world.release(escrow)

    def refuse() -> int:
        raise RevertedError(reason)

    world.send(port=estimating(world, refuse))
    assert world.intent(release_id).state == "canceled"
