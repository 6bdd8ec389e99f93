"""Follows a chain once: reads on, then each escrow in a transaction of its own, then the cursor.

The cursor comes last: whoever is stopped before leaves the same to be read again, and all of it may
be done twice.
"""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from payments.chain import intents, signers
from payments.chain_settings import ChainSettings
from payments.crash_points import reach
from payments.database import in_transaction
from payments.errors import StrongroomError
from payments.log_lines import get_logger
from payments.providers.chain_port import ChainPort
from payments.watching.errors import TurnLostError
from payments.watching.follow_escrow import Followed, Horizon, follow_escrow
from payments.watching.gas import book_spent_gas, undo_gas
from payments.watching.place import load_place, save_place
from payments.watching.plan import Change, escrows_due, merge, plan_changes, watched_contracts
from payments.watching.read_chain import Place, Reading, read_chain
from payments.watching.turn import begin_turn, check_turn, holding_turn, note_error

_log = get_logger(__name__)

Figures = dict[str, int]


@dataclass(frozen=True, kw_only=True)
class Watch:
    """What it takes to follow one chain."""

    engine: Engine
    settings: ChainSettings
    port: ChainPort
    chains: Mapping[str, ChainSettings]
    clock: Callable[[], dt.datetime]

    @property
    def chain(self) -> str:
        """The chain's name."""
        return self.settings.name


@dataclass
class _Begun:
    """Where a turn begins."""

    turn: int
    place: Place
    final_at: dt.datetime
    contracts: list[str]
    operators: list[str]


def watch_chain(watch: Watch) -> Figures:
    """Read on as far as one range of blocks goes, and follow what that changes; return figures.

    `more` is 1 when there is more to be read at once. Nothing is done while another one watches.

    Raises:
        WatchingError: nothing was read, and why is kept beside the cursor.
        OutcomeUnknownError, WrongChainError: as `read_chain`; likewise.
    """
    with holding_turn(watch.engine, watch.chain) as is_ours:
        if not is_ours:
            return {}
        try:
            return _watch(watch)
        except TurnLostError:
            return {}
        except StrongroomError as error:
            code = error.code
            in_transaction(
                watch.engine, lambda session: note_error(session, chain=watch.chain, error=code)
            )
            raise


def _watch(watch: Watch) -> Figures:
    begun = in_transaction(watch.engine, lambda session: _begin(session, watch))
    reading = read_chain(
        watch.port,
        watch.settings,
        begun.place,
        contracts=begun.contracts,
        operators=begun.operators,
    )
    reach("watch.read")
    blocks = {**begun.place.blocks, **reading.blocks}
    horizon = Horizon(
        final_to=reading.final_to,
        final_at=max(begun.final_at, reading.final_at or begun.final_at),
        times={number: block.at for number, block in blocks.items()},
    )
    work = in_transaction(
        watch.engine, lambda session: _plan(session, watch, begun, reading, horizon)
    )
    followed = []
    for escrow_id, change in work:
        followed.append(_follow(watch, begun, escrow_id, change, horizon))
        reach("watch.followed")
    reach("watch.all_followed")
    gas = in_transaction(watch.engine, lambda session: _finish(session, watch, begun, reading))
    reach("watch.done")
    return _figures(reading, followed, gas=gas)


def _begin(session: Session, watch: Watch) -> _Begun:
    cursor = begin_turn(session, watch.settings, now=watch.clock())
    return _Begun(
        turn=cursor.turn,
        place=load_place(session, cursor),
        final_at=cursor.final_at,
        contracts=watched_contracts(session, watch.chain, final_at=cursor.final_at),
        operators=signers.list_addresses(session, chain=watch.chain),
    )


def _plan(
    session: Session, watch: Watch, begun: _Begun, reading: Reading, horizon: Horizon
) -> list[tuple[str, Change]]:
    changes = plan_changes(session, watch.chain, reading, begun.place)
    due = escrows_due(session, watch.chain, final_to=horizon.final_to, final_at=horizon.final_at)
    return merge(changes, due)


def _follow(
    watch: Watch, begun: _Begun, escrow_id: str, change: Change, horizon: Horizon
) -> Followed:
    def follow(session: Session) -> Followed:
        check_turn(session, chain=watch.chain, turn=begun.turn)
        return follow_escrow(
            session,
            escrow_id,
            change,
            horizon=horizon,
            chains=watch.chains,
            now=watch.clock(),
        )

    return in_transaction(watch.engine, follow)


def _finish(session: Session, watch: Watch, begun: _Begun, reading: Reading) -> int:
    """Write how far the chain was read, and book gas; have the sender look anew if need be."""
    now = watch.clock()
    check_turn(session, chain=watch.chain, turn=begun.turn)
    if reading.was_reorganised:
        lost = reading.ancestor + 1
        undo_gas(session, watch.chain, from_block=lost, now=now)
        intents.reorganised(session, chain=watch.chain, from_block=lost, now=now)
        _log.warning(
            "chain_reorganised",
            chain=watch.chain,
            depth=begun.place.scanned_to - reading.ancestor,
            ancestor=reading.ancestor,
        )
    save_place(session, watch.chain, reading, now=now)
    return book_spent_gas(session, watch.settings, now=now)


def _figures(reading: Reading, followed: list[Followed], *, gas: int) -> Figures:
    return {
        "blocks": sum(number > reading.ancestor for number in reading.blocks),
        "escrows": len(followed),
        "booked": sum(one.booked for one in followed),
        "undone": sum(one.undone for one in followed),
        "stuck": sum(one.is_stuck for one in followed),
        "reorganised": int(reading.was_reorganised),
        "gas": gas,
        "more": int(reading.has_more),
    }
