"""What watching costs in calls to the chain's node, with ten open escrows and with a thousand.

The chain is the local one behind JSON-RPC, and the calls are counted where they arrive: so what the
adapter adds of its own is counted, too.
"""

import statistics
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import psycopg
from eth_utils.address import to_canonical_address

from benchmarks.server import migrate
from payments.database import connect_engine
from payments.escrow.tables import Escrow
from sandbox.chain.wallet import Wallet, calldata
from sandbox.postgres import OWNER, Postgres
from tests.chain import TestChain, running_chain
from tests.payments.watching.stage import Stage, open_stage

FEW, MANY = 10, 1_000
A_BLOCK = 50  # transactions
DEPOSITS = 20
ROUNDS = 10


class WatchingFigures(NamedTuple):
    """What was measured: calls to the node, and milliseconds from a look to all being booked."""

    calls_an_idle_look: float
    calls_a_block_few: float
    calls_a_block_many: float
    calls_a_busy_block_many: float
    look_p50_ms: float
    busy_block_ms: float


def measure_watching(postgres: Postgres, *, many: int = MANY) -> WatchingFigures:
    """Watch a chain that makes blocks, most of them without anything of ours."""
    few = _measure(postgres, "watching_few", FEW)
    all_of_it = _measure(postgres, "watching_many", many)
    return WatchingFigures(
        calls_an_idle_look=all_of_it["idle"],
        calls_a_block_few=few["block"],
        calls_a_block_many=all_of_it["block"],
        calls_a_busy_block_many=all_of_it["busy"],
        look_p50_ms=all_of_it["look_ms"],
        busy_block_ms=all_of_it["busy_ms"],
    )


def _measure(postgres: Postgres, database: str, escrows: int) -> Mapping[str, float]:
    with psycopg.connect(postgres.superuser_url(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {database} OWNER {OWNER}".encode())
    migrate(postgres.url(database))
    engine = connect_engine(postgres.url(database))
    with running_chain() as chain, _counted(chain) as calls:
        stage = open_stage(engine, chain)
        opened = _open(stage, escrows)
        stage.mine_and_watch(3)
        before = calls.total()
        stage.watch()
        idle = calls.total() - before
        before, took = calls.total(), []
        for _ in range(ROUNDS):
            chain.mine()
            took.append(_look_s(stage))
        block = (calls.total() - before) / ROUNDS
        for escrow in opened[:DEPOSITS]:
            _send(stage, chain.buyer, escrow.contract_address, calldata("deposit()"))
        before, busy_s = calls.total(), 0.0
        for _ in range(3):  # seen, and final with the third
            chain.mine()
            busy_s += _look_s(stage)
        busy = (calls.total() - before) / 3
        assert stage.escrow(opened[0]).status == "funded"
        assert stage.broken() == []
    engine.dispose()
    look_ms = statistics.median(took) * 1000
    return {
        "idle": idle,
        "block": block,
        "busy": busy,
        "look_ms": look_ms,
        "busy_ms": busy_s * 1000,
    }


def _look_s(stage: Stage) -> float:
    begun = time.perf_counter()
    stage.watch()
    return time.perf_counter() - begun


def _open(stage: Stage, count: int) -> list[Escrow]:
    """Return escrows whose contracts wait for their deposit, for which it is approved."""
    opened = []
    for number in range(count):
        escrow = stage.new_escrow()
        intent = stage.intent(escrow.id)
        _send(stage, stage.chain.operator, intent.to_address, intent.calldata)
        if number < DEPOSITS:
            approve = calldata("approve(address,uint256)", escrow.contract_address, escrow.amount)
            _send(stage, stage.chain.buyer, stage.chain.token, approve)
        opened.append(escrow)
        if number % A_BLOCK == A_BLOCK - 1:
            stage.chain.mine()
    stage.mine_and_watch()
    assert stage.escrow(opened[-1]).status == "awaiting_deposit"
    return opened


def _send(stage: Stage, wallet: Wallet, to: str, data: bytes) -> None:
    nonce = stage.chain.local.nonce(to_canonical_address(wallet.address), pending=True)
    stage.chain.local.send(stage.chain.sign(wallet, to, nonce=nonce, data=data))


@contextmanager
def _counted(chain: TestChain) -> Iterator[Counter[str]]:
    """Count the calls that arrive at the chain's node, by method."""
    calls: Counter[str] = Counter()
    answer = chain.server.node.call

    def count(method: str, params: Any) -> Any:
        calls[method] += 1
        return answer(method, params)

    chain.server.node.call = count  # type: ignore[method-assign] # the node as it arrives there
    yield calls
