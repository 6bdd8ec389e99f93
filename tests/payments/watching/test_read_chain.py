"""Reading a chain that is reorganised, lags or contradicts itself, and what it costs in calls."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.chain_settings import ChainSettings
from payments.providers.chain_port import Block, ChainLog, ChainPort
from payments.watching.errors import ReorganisedTooDeepError, TornReadingError
from payments.watching.read_chain import KEPT, Place, Reading, read_chain
from tests.chain import WALLETS


@dataclass
class PlainChain:
    """A chain of blocks and nothing else; a block's hash is its branch and its number."""

    branches: list[str] = field(default_factory=list)  # by number
    calls: list[str] = field(default_factory=list)
    told: list[ChainLog] = field(default_factory=list)

    def grow(self, count: int, branch: str = "a") -> "PlainChain":
        self.branches += [branch] * count
        return self

    def reorganise(self, depth: int, length: int, branch: str) -> None:
        del self.branches[-depth:]
        self.grow(length, branch)

    def hash(self, number: int) -> str:
        return f"0x{self.branches[number]}{number}" if number >= 0 else "0x"

    def head(self) -> Block:
        self.calls.append("head")
        return self._block(len(self.branches) - 1)

    def block(self, number: int) -> Block | None:
        self.calls.append("block")
        return self._block(number) if number < len(self.branches) else None

    def final_height(self) -> int:
        self.calls.append("final_height")
        return len(self.branches) - 7

    def logs(
        self, *, operators: Collection[str], from_block: int, to_block: int
    ) -> Sequence[ChainLog]:
        assert not operators
        self.calls.append("logs")
        return [log for log in self.told if from_block <= log.block_number <= to_block]

    def transfers(
        self, contracts: Collection[str], *, from_block: int, to_block: int
    ) -> Sequence[ChainLog]:
        assert contracts
        assert from_block <= to_block
        self.calls.append("transfers")
        return []

    def _block(self, number: int) -> Block:
        return Block(number, self.hash(number), self.hash(number - 1), 1_000 + number)


def settings(**changed: Any) -> ChainSettings:
    told = {"confirmations": 3, "start_block": 0, **changed}
    # Only what reading needs: the others are as they may be.
    return cast(
        "ChainSettings",
        type("Settings", (), {**told, "operator": WALLETS["operator"].address})(),
    )


def read(chain: PlainChain, place: Place, *, contracts: int = 0, **changed: Any) -> Reading:
    names = [f"0x{number}" for number in range(contracts)]
    port = cast("ChainPort", chain)
    return read_chain(port, settings(**changed), place, contracts=names, operators=())


def after(place: Place, reading: Reading) -> Place:
    """Return the place as it is saved."""
    kept = {n: block for n, block in place.blocks.items() if n <= reading.ancestor}
    blocks = {**kept, **reading.blocks}
    lowest = reading.scanned_to - KEPT
    return Place(
        reading.scanned_to,
        reading.final_to,
        {n: block for n, block in blocks.items() if n > lowest},
    )


START = Place(-1, -1, {})


def test_an_idle_chain_costs_one_call() -> None:
    chain = PlainChain().grow(20)
    place = after(START, read(chain, START))
    chain.calls.clear()
    reading = read(chain, place, contracts=1_000)
    assert chain.calls == ["head"]
    assert (reading.scanned_to, reading.final_to, reading.blocks) == (19, 17, {})


def test_a_new_block_costs_two_calls_and_one_for_each_500_contracts() -> None:
    chain = PlainChain().grow(20)
    place = after(START, read(chain, START))
    chain.calls.clear()
    chain.grow(1)
    read(chain, place, contracts=1_000)
    assert chain.calls == ["head", "logs", "transfers", "transfers"]


def test_the_chains_own_word_for_finality_is_asked_before_what_is_final_is_read() -> None:
    chain = PlainChain().grow(20)
    assert read(chain, START, confirmations="finalized").final_to == 13
    assert chain.calls[0] == "final_height"


def test_a_node_that_is_behind_undoes_nothing() -> None:
    chain = PlainChain().grow(20)
    place = after(START, read(chain, START))
    del chain.branches[-4:]
    reading = read(chain, place)
    assert not reading.was_reorganised
    assert (reading.scanned_to, reading.final_to) == (place.scanned_to, place.final_to)
    assert after(place, reading) == place


@given(st.lists(st.tuples(st.integers(1, 12), st.integers(1, 15), st.integers(0, 6)), max_size=8))
def test_the_common_ancestor_is_found_however_often_the_chain_turns(
    turns: list[tuple[int, int, int]],
) -> None:
    chain = PlainChain().grow(30)
    place = after(START, read(chain, START))
    for number, (depth, length, more) in enumerate(turns):
        before = list(chain.branches)
        chain.reorganise(depth, length, f"b{number}")
        chain.grow(more, f"b{number}")
        reading = read(chain, place)
        same = sum(1 for x, y in zip(before, chain.branches, strict=False) if x == y)
        read_before = place.scanned_to + 1
        if len(chain.branches) > same:
            assert reading.was_reorganised
            assert reading.ancestor == min(same, read_before) - 1
        place = after(place, reading)
        assert place.scanned_to == len(chain.branches) - 1
        assert {n: b.hash for n, b in place.blocks.items()} == {
            n: chain.hash(n) for n in place.blocks
        }


def test_a_deep_reorganisation_is_found_in_few_calls() -> None:
    chain = PlainChain().grow(400)
    place = after(START, read(chain, START))
    chain.reorganise(200, 201, "b")
    chain.calls.clear()
    assert read(chain, place).ancestor == 199
    assert chain.calls.count("head") == 1
    assert chain.calls.count("logs") == 1
    assert chain.calls.count("block") <= 201 + 10  # each new block once, and the search


def test_what_is_deeper_than_remembered_stops_the_reading() -> None:
    chain = PlainChain().grow(400)
    place = after(START, read(chain, START))
    chain.reorganise(300, 301, "b")
    with pytest.raises(ReorganisedTooDeepError):
        read(chain, place)


def test_the_first_block_that_was_ever_read_may_be_given_up() -> None:
    chain = PlainChain().grow(20)
    start = Place(18, 18, {})
    place = after(start, read(chain, start, start_block=19))
    assert set(place.blocks) == {19}
    chain.reorganise(3, 5, "b")
    reading = read(chain, place, start_block=19)
    assert (reading.was_reorganised, reading.ancestor, reading.scanned_to) == (True, 18, 21)
    assert set(after(place, reading).blocks) == {19, 20, 21}


def test_a_long_stretch_is_read_in_ranges() -> None:
    chain = PlainChain().grow(5_000)
    place, ranges = START, 0
    while True:
        reading = read(chain, place)
        place, ranges = after(place, reading), ranges + 1
        if not reading.has_more:
            break
    assert (ranges, place.scanned_to) == (3, 4_999)
    assert chain.calls.count("logs") == 3


def log_of(number: int, block_hash: str) -> ChainLog:
    return ChainLog(
        kind="deposited",
        contract="0x1",
        operation_id=None,
        amount=1,
        actor=None,
        token=None,
        tx_hash="0x2",
        log_index=0,
        block_number=number,
        block_hash=block_hash,
    )


def test_logs_of_another_block_than_the_chains_are_not_taken() -> None:
    chain = PlainChain().grow(20)
    chain.told = [log_of(19, "0xother19")]
    with pytest.raises(TornReadingError):
        read(chain, START)
    chain.told = [log_of(19, chain.hash(19))]
    place = after(START, read(chain, START))
    chain.grow(1)
    chain.told = [log_of(19, "0xother19")]  # read again, of a block known before
    with pytest.raises(TornReadingError):
        read(chain, place)


def test_a_chain_that_turns_while_it_is_read_is_not_taken() -> None:
    class Turning(PlainChain):
        def logs(self, **asked: Any) -> Sequence[ChainLog]:
            found = super().logs(**asked)
            self.branches[20] = "b"
            return found

    chain = Turning().grow(20)
    place = after(START, read(PlainChain(list(chain.branches)), START))
    chain.grow(2)
    with pytest.raises(TornReadingError):
        read(chain, place)
