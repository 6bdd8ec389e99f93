"""Reads what a chain has that we have not read, and tells whether what we had read is still there.

It changes nothing and asks no database. A block is known by its hash: only another hash at a height
is a reorganisation, never a node that is behind.
"""

import datetime as dt
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from payments.chain_settings import ChainSettings
from payments.providers.chain_port import Block, ChainLog, ChainPort
from payments.watching.errors import ReorganisedTooDeepError, TornReadingError

KEPT = 256
"""Of how many blocks the hash is kept: no reorganisation is followed further back."""

OVERLAP = 4
"""How many final blocks are read once more, besides all that are not final."""

LONGEST_OVERLAP = 128
LONGEST_RANGE = 2_000
"""How many new blocks are read at once."""

CONTRACTS_AT_ONCE = 500


@dataclass(frozen=True)
class KeptBlock:
    """What is remembered of a block."""

    hash: str
    at: dt.datetime


@dataclass(frozen=True)
class Place:
    """How far the chain was read: every block up to `scanned_to`; `blocks` by their number.

    `seen_at` are the blocks in which something happened that is not undone: asked for again when a
    reorganisation may have taken them.
    """

    scanned_to: int
    final_to: int
    blocks: Mapping[int, KeptBlock]
    seen_at: Collection[int] = ()


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What was read: the blocks from `first` to `scanned_to`, with what happened in them.

    `ancestor` is the last block that was there before and is still; those above it, if any had
    been read, are gone. `blocks` are the ones above it that were looked at. `final_at` is the time
    of the last final block, as far as it is known.
    """

    ancestor: int
    first: int
    scanned_to: int
    final_to: int
    final_at: dt.datetime | None
    blocks: Mapping[int, KeptBlock]
    logs: Sequence[ChainLog] = ()
    transfers: Sequence[ChainLog] = ()
    was_reorganised: bool = False
    has_more: bool = False

    def hash_at(self, number: int, place: Place) -> str | None:
        """Return the hash of a block as the chain has it now; None when it was not looked at."""
        known = self.blocks.get(number)
        if known is None and number <= self.ancestor:
            known = place.blocks.get(number)
        return None if known is None else known.hash


def read_chain(
    port: ChainPort,
    settings: ChainSettings,
    place: Place,
    *,
    contracts: Collection[str],
    operators: Collection[str],
) -> Reading:
    """Read on from `place`; `contracts` are those to which tokens may be sent past the deposit.

    `operators` are whose escrows are read of, besides those of the settings' operator.

    With nothing new it costs one call; with one new block, two and one for each 500 contracts.

    Raises:
        OutcomeUnknownError, WrongChainError: no node answers, or another chain does.
        TornReadingError, ReorganisedTooDeepError: see there.
    """
    blocks = _Blocks(port)
    told_final = None if isinstance(settings.confirmations, int) else port.final_height()
    head = blocks.head()
    if _is_behind(head, place):
        return _nothing(place)
    ancestor = _last_shared(blocks, head, place, start_block=settings.start_block)
    last = min(head.number, max(ancestor, settings.start_block - 1) + LONGEST_RANGE)
    final_to = min(_final_height(settings, head, told_final), last)
    was_reorganised = ancestor < place.scanned_to
    if last <= ancestor and not was_reorganised:
        return _nothing(place, final_to=final_to)
    first = _first_to_read(place, ancestor, start_block=settings.start_block)
    logs = port.logs(operators=operators, from_block=first, to_block=last)
    transfers = list(_read_transfers(port, contracts, first, last))
    numbers = _needed(place, ancestor, last, [*logs, *transfers])
    above = {number: blocks.at(number) for number in sorted(numbers) if number > ancestor}
    _check(above, place, ancestor, [*logs, *transfers])
    kept = {number: _kept(block) for number, block in above.items()}
    return Reading(
        ancestor=ancestor,
        first=first,
        scanned_to=last,
        final_to=final_to,
        final_at=_time_of(final_to, {**place.blocks, **kept}),
        blocks=kept,
        logs=logs,
        transfers=transfers,
        was_reorganised=was_reorganised,
        has_more=last < head.number,
    )


class _Blocks:
    """The blocks of the chain as it is now, each asked for once."""

    def __init__(self, port: ChainPort) -> None:
        self._port = port
        self._known: dict[int, Block] = {}

    def head(self) -> Block:
        head = self._port.head()
        self._known[head.number] = head
        return head

    def at(self, number: int) -> Block:
        if number not in self._known:
            block = self._port.block(number)
            if block is None:
                raise TornReadingError(f"There is no block {number} any more.")
            self._known[number] = block
        return self._known[number]


def _is_behind(head: Block, place: Place) -> bool:
    """Whether the node has not got as far as we have read, and does not say otherwise."""
    if head.number >= place.scanned_to:
        return False
    kept = place.blocks.get(head.number)
    return kept is None or kept.hash == head.hash


def _last_shared(blocks: _Blocks, head: Block, place: Place, *, start_block: int) -> int:
    """Return the last block that we have read and the chain still has."""
    known = sorted(number for number in place.blocks if number <= head.number)
    if not place.blocks:
        return max(place.scanned_to, start_block - 1)
    if known and known[-1] == place.scanned_to and _is_there(blocks, head, place, known[-1]):
        return place.scanned_to
    # What is on the chain has all before it there, too: so halving finds the last that is.
    there, gone = 0, len(known)
    while there < gone:
        middle = (there + gone) // 2
        if _is_there(blocks, head, place, known[middle]):
            there = middle + 1
        else:
            gone = middle
    if there == 0 and known[:1] == [start_block]:
        return start_block - 1  # nothing was read before it
    if there == 0:
        raise ReorganisedTooDeepError(
            f"None of the blocks {known[:1] or '…'} to {place.scanned_to} is on the chain any more."
        )
    return known[there - 1]


def _is_there(blocks: _Blocks, head: Block, place: Place, number: int) -> bool:
    canonical = head.parent_hash if number == head.number - 1 else blocks.at(number).hash
    return canonical == place.blocks[number].hash


def _final_height(settings: ChainSettings, head: Block, told: int | None) -> int:
    """Return up to where blocks are final; what the chain itself tells was asked for before."""
    if isinstance(settings.confirmations, int):
        return head.number - settings.confirmations + 1
    return -1 if told is None else told


def _first_to_read(place: Place, ancestor: int, *, start_block: int) -> int:
    first = min(ancestor, place.final_to - OVERLAP) + 1
    return max(first, ancestor + 1 - LONGEST_OVERLAP, start_block, 0)


def _read_transfers(
    port: ChainPort, contracts: Collection[str], first: int, last: int
) -> Iterator[ChainLog]:
    wanted = sorted(contracts)
    for begin in range(0, len(wanted), CONTRACTS_AT_ONCE):
        chunk = wanted[begin : begin + CONTRACTS_AT_ONCE]
        yield from port.transfers(chunk, from_block=first, to_block=last)


def _needed(place: Place, ancestor: int, last: int, logs: Sequence[ChainLog]) -> set[int]:
    """Return the blocks to look at: the newest, and wherever something happened or had."""
    newest = range(max(ancestor + 1, last - KEPT + 1), last + 1)
    happened = {log.block_number for log in logs}
    return {*newest, *happened, *(number for number in place.seen_at if number <= last)}


def _check(
    above: Mapping[int, Block], place: Place, ancestor: int, logs: Sequence[ChainLog]
) -> None:
    """Refuse what does not fit together: blocks to their parents, logs to their blocks."""
    for lower, upper in pairwise(sorted(above)):
        if upper == lower + 1 and above[upper].parent_hash != above[lower].hash:
            raise TornReadingError(f"Block {upper} does not stand on block {lower}.")
    first, kept = above.get(ancestor + 1), place.blocks.get(ancestor)
    if first is not None and kept is not None and first.parent_hash != kept.hash:
        raise TornReadingError(f"Block {first.number} does not stand on block {ancestor}.")
    for log in logs:
        if log.block_number > ancestor:
            expected = above[log.block_number].hash
        elif log.block_number in place.blocks:
            expected = place.blocks[log.block_number].hash
        else:
            continue
        if log.block_hash != expected:
            raise TornReadingError(f"A log of block {log.block_number} is of another block.")


def _nothing(place: Place, *, final_to: int | None = None) -> Reading:
    """Return that no block is new; more of the known ones may be final."""
    final_to = place.final_to if final_to is None else min(final_to, place.scanned_to)
    return Reading(
        ancestor=place.scanned_to,
        first=place.scanned_to + 1,
        scanned_to=place.scanned_to,
        final_to=final_to,
        final_at=_time_of(final_to, place.blocks),
        blocks={},
    )


def _time_of(number: int, blocks: Mapping[int, KeptBlock]) -> dt.datetime | None:
    """Return the time of the newest block up to `number` that is known."""
    known = [kept for kept in blocks if kept <= number]
    return blocks[max(known)].at if known else None


def _kept(block: Block) -> KeptBlock:
    return KeptBlock(block.hash, dt.datetime.fromtimestamp(block.timestamp, dt.UTC))
