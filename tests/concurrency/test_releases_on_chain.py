"""Many callers release the same escrows while others freeze them and the real sender sends.

64 callers ask for every escrow, four with each reference; 30 % of the escrows are frozen at some
moment: while they are asked for, or while the transaction of their release is being signed. Here
with a few escrows. All of it, 32,000 requests, took 23 minutes on two cores that others used, too:
493 releases were accepted, 415 of them mined, and 78 stayed frozen.

    RELEASE_RACE_ESCROWS=500 make tests ARGS="tests/concurrency/test_releases_on_chain.py -n0 -s"

What happened is read from the chain's blocks and logs, not from what we wrote down of them. What
came before what is told by numbers that all threads draw from one row: a freeze draws one when it
is answered and one before it is lifted, and the way to the chain one before and one after each
transaction that it hands in.
"""

import datetime as dt
import itertools
import os
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from eth_utils.crypto import keccak
from sqlalchemy import Engine, select

from payments.chain.tables import ChainAttempt, ChainIntent
from payments.database import connect_engine, transaction
from payments.providers.evm.addresses import keccak_of
from payments.releases.tables import Release
from tests.chain import TestChain, running_chain
from tests.concurrency.release_race import CALLERS, Race, funded_escrows, run
from tests.payments.watching.stage import Stage, open_stage

_ENVIRONMENT = os.environ  # noqa: TID251 - how much is tried is no setting of the product
ESCROWS = int(_ENVIRONMENT.get("RELEASE_RACE_ESCROWS", "20"))
SEED = int(_ENVIRONMENT.get("RELEASE_RACE_SEED", "20261122"))

_RELEASED = f"0x{keccak(text='Released(address,bytes32,address,uint256,uint256)').hex()}"


@pytest.fixture(scope="module")
def wide_engine(database_url: str) -> Iterator[Engine]:
    """The way to the database for everybody at once: as many connections as a server gives."""
    engine = connect_engine(database_url, pool_size=44)
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def chain() -> Iterator[TestChain]:
    with running_chain() as running:
        yield running


def releases_on_chain(stage: Stage) -> Mapping[str, list[dict[str, Any]]]:
    """Return what the chain itself tells of releases, by the contract that made them."""
    asked = {"fromBlock": "0x0", "toBlock": "latest", "topics": [_RELEASED]}
    found: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for log in stage.chain.node.call("eth_getLogs", asked):
        found[log["address"].lower()].append(log)
    return found


def nonces_in_blocks(stage: Stage) -> list[int]:
    """Return the nonces of the operator's transactions, in the order in which they are mined."""
    operator = stage.settings.operator.lower()
    nonces, in_full = [], True
    for number in range(stage.chain.height + 1):
        block = stage.chain.node.call("eth_getBlockByNumber", hex(number), in_full)
        sent = [one for one in block["transactions"] if one["from"].lower() == operator]
        nonces += [int(one["nonce"], 16) for one in sent]
    return nonces


def rows_of(stage: Stage, table: type[Any]) -> list[Any]:
    with transaction(stage.engine) as session:
        return list(session.scalars(select(table)))


@pytest.mark.timeout(240 + 4 * ESCROWS)
def test_each_escrow_is_released_once_at_most_and_never_after_its_freeze(
    wide_engine: Engine, chain: TestChain
) -> None:
    stage = open_stage(wide_engine, chain)
    race = Race(stage, funded_escrows(stage, ESCROWS), SEED)
    sellers_before = chain.tokens_of(chain.seller.address)
    first_nonce = len(nonces_in_blocks(stage))
    frozen_escrows = len(race.at_request) + len(race.at_signing)

    run(race)

    told = releases_on_chain(stage)
    tell(race, told)
    assert_released_once(race, told, sellers_before)
    assert_nothing_was_handed_in_while_frozen(race, told)
    assert_nonces_have_no_gap(stage, first_nonce)
    assert stage.broken() == []
    assert len(race.freezes) == frozen_escrows
    assert sum(race.asked.values()) == CALLERS * ESCROWS
    assert race.outcomes["given up"] == 0
    assert len(told) > ESCROWS / 2


def assert_released_once(
    race: Race, told: Mapping[str, list[dict[str, Any]]], sellers_before: int
) -> None:
    stage = race.stage
    rows = defaultdict(list)
    for row in rows_of(stage, Release):
        rows[row.escrow_id].append(row)
    for escrow in race.escrows:
        logs = told.get(escrow.contract_address.lower(), [])
        assert len(logs) <= 1
        assert len(rows[escrow.id]) <= 1
        assert race.accepted[escrow.id] == {row.id for row in rows[escrow.id]}
        for log, row in zip(logs, rows[escrow.id], strict=False):
            assert log["topics"][2] == keccak_of(row.id)
            assert row.amount == escrow.amount
        released = sum(_amount_of(log) for log in logs)
        assert released in (0, escrow.amount)
        assert stage.remaining(escrow) == escrow.amount - released == stage.in_contract(escrow)
        assert [row.status for row in rows[escrow.id]] in (
            [["posted"]] if logs else [[], ["approved"]]
        )
    total = sum(_amount_of(log) for logs in told.values() for log in logs)
    assert stage.chain.tokens_of(stage.chain.seller.address) - sellers_before == total
    assert {*told} <= {escrow.contract_address.lower() for escrow in race.escrows}


def assert_nothing_was_handed_in_while_frozen(
    race: Race, told: Mapping[str, list[dict[str, Any]]]
) -> None:
    """See that every moment of handing in lies outside of every freeze that covers it."""
    order_of_release = {row.id: row.order_id for row in rows_of(race.stage, Release)}
    of_intent = {
        row.id: (order_of_release[row.subject_id], row.broadcast_at)
        for row in rows_of(race.stage, ChainIntent)
        if row.kind == "release"
    }
    order_of_hash = {
        row.tx_hash: of_intent[row.intent_id][0]
        for row in rows_of(race.stage, ChainAttempt)
        if row.intent_id in of_intent
    }
    assert {log["transactionHash"] for logs in told.values() for log in logs} <= {*race.handed_in}
    for tx_hash, moments in race.handed_in.items():
        for freeze, (begun, ended) in itertools.product(race.freezes, moments):
            if freeze.order_id == order_of_hash.get(tx_hash):
                assert not freeze.held_between(begun, ended), (tx_hash, freeze)
    for order_id, broadcast_at in of_intent.values():
        for freeze in race.freezes:
            if freeze.order_id == order_id and broadcast_at is not None:
                lifting_at = freeze.lifting_at or dt.datetime.max.replace(tzinfo=dt.UTC)
                assert not freeze.answered_at < broadcast_at < lifting_at


def assert_nonces_have_no_gap(stage: Stage, first: int) -> None:
    mined = nonces_in_blocks(stage)
    assert mined == list(range(len(mined)))
    ours = [row for row in rows_of(stage, ChainIntent) if row.nonce is not None]
    assert sorted(row.nonce for row in ours) == mined[first:]
    assert {row.state for row in ours} == {"final"}
    assert stage.row().next_nonce == len(mined)
    assert stage.row().frozen_at is None


def tell(race: Race, told: Mapping[str, list[dict[str, Any]]]) -> None:
    """Print what came of it, for `pytest -s`."""
    kinds = Counter(row.kind for row in rows_of(race.stage, ChainIntent) if row.nonce is not None)
    lifted = sum(freeze.lifting is not None for freeze in race.freezes)
    figures = (
        f"{CALLERS} callers, {len(race.escrows)} escrows: {len(told)} released on chain",
        f"answers: {dict(race.outcomes.most_common())}",
        f"{len(race.freezes)} freezes, {lifted} lifted; transactions sent: {dict(kinds)}",
    )
    print("", *figures, sep="\n")  # noqa: T201 - the figures of the race


def _amount_of(log: Mapping[str, Any]) -> int:
    data = bytes.fromhex(log["data"].removeprefix("0x"))
    return int.from_bytes(data[32:64])  # by, amount, remaining
