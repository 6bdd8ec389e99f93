"""Follows one escrow in one transaction: what happened, what of it is booked, where it stands now.

What was seen is kept even if it cannot be booked; then a person must look, and it is tried again.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.orm import Session

from payments.chain_settings import ChainSettings
from payments.escrow.announce import announce_escrow
from payments.escrow.tables import Escrow, EscrowEffect
from payments.lifecycle.locked_payment import LockedPayment
from payments.lifecycle.locked_payments import lock_payment
from payments.log_lines import get_logger
from payments.releases.announce import announce_release
from payments.watching.bookings import Bookings
from payments.watching.effects import Observed
from payments.watching.follow_intents import follow_intents, will_not_deploy
from payments.watching.holds import restore_holds
from payments.watching.plan import Change
from payments.watching.project import Standing, project
from payments.watching.write_standing import REORGANISED, write_escrow, write_payment

_log = get_logger(__name__)

_CAUSES = {
    "deploying": "chain:waiting",
    "awaiting_deposit": "chain:created",
    "deposit_seen": "chain:deposit_seen",
    "funded": "chain:deposited",
    "disputed": "chain:disputed",
    "closed": "chain:closed",
    "expired": "chain:expired",
    "failed": "chain:not_deployed",
}


@dataclass(frozen=True, kw_only=True)
class Horizon:
    """How far the chain is final: up to which block, of when the last of them is; and block times.

    `times` are of the blocks in which things happened that are not known yet.
    """

    final_to: int
    final_at: dt.datetime
    times: Mapping[int, dt.datetime]


@dataclass(frozen=True)
class Followed:
    """What became of an escrow: how many bookings were made and undone, and whether it is stuck."""

    booked: int = 0
    undone: int = 0
    is_stuck: bool = False


def follow_escrow(
    session: Session,
    escrow_id: str,
    change: Change,
    *,
    horizon: Horizon,
    chains: Mapping[str, ChainSettings],
    now: dt.datetime,
) -> Followed:
    """Take in what happened on an escrow's contract, book and undo, and write where it stands."""
    payment_id = session.get_one(Escrow, escrow_id).payment_id
    payment = lock_payment(session, payment_id)
    escrow = session.get_one(
        Escrow, escrow_id, with_for_update={"key_share": True}, populate_existing=True
    )
    went_back = _take_in(session, escrow_id, change, horizon=horizon, now=now)
    try:
        with session.begin_nested():
            return _settle(
                session,
                payment,
                escrow,
                went_back=went_back,
                horizon=horizon,
                chains=chains,
                now=now,
            )
    except (OperationalError, InterfaceError):
        raise  # the database's trouble, and not this escrow's
    except Exception as error:  # noqa: BLE001 - no escrow may keep the others
        _log.exception("escrow_stuck", escrow_id=escrow_id, reason=type(error).__name__)
        return Followed(is_stuck=True)


# ---- what happened -----------------------------------------------------------------------------


def _take_in(
    session: Session, escrow_id: str, change: Change, *, horizon: Horizon, now: dt.datetime
) -> bool:
    """Write what happened, each thing in the block it is in now; True when something moved back."""
    known = {effect.key: effect for effect in _effects(session, escrow_id)}
    went_back = False
    for effect in known.values():
        if effect.id in change.orphaned and effect.state != "orphaned":
            effect.state, effect.updated_at, went_back = "orphaned", now, True
    for observed in change.observed:
        before = known.get(observed.key)
        if before is None:
            session.add(_new(escrow_id, observed, horizon.times[observed.block_number], now=now))
        else:
            went_back = went_back or before.state == "final"
            _move(before, observed, horizon, now=now)
    session.flush()
    return went_back


def _effects(session: Session, escrow_id: str) -> Sequence[EscrowEffect]:
    found = select(EscrowEffect).filter_by(escrow_id=escrow_id).order_by(EscrowEffect.id)
    return session.scalars(found.execution_options(populate_existing=True)).all()


def _new(
    escrow_id: str, observed: Observed, block_at: dt.datetime, *, now: dt.datetime
) -> EscrowEffect:
    return EscrowEffect(
        **vars(observed),
        escrow_id=escrow_id,
        block_at=block_at,
        state="seen",
        bookings=0,
        created_at=now,
        updated_at=now,
    )


def _move(effect: EscrowEffect, observed: Observed, horizon: Horizon, *, now: dt.datetime) -> None:
    """Put an effect into the block it is in now; what is booked stays so if that is final, too."""
    is_same = (effect.amount, effect.actor) == (observed.amount, observed.actor)
    stays = effect.entry_id is not None and is_same and observed.block_number <= horizon.final_to
    for name in ("amount", "actor", "token_address", "tx_hash", "log_index"):
        setattr(effect, name, getattr(observed, name))
    effect.block_number, effect.block_hash = observed.block_number, observed.block_hash
    effect.block_at = horizon.times.get(observed.block_number, effect.block_at)
    effect.state = "final" if stays else "seen"
    effect.updated_at = now


# ---- what follows from it ----------------------------------------------------------------------


def _settle(
    session: Session,
    payment: LockedPayment,
    escrow: Escrow,
    *,
    went_back: bool,
    horizon: Horizon,
    chains: Mapping[str, ChainSettings],
    now: dt.datetime,
) -> Followed:
    effects = _effects(session, escrow.id)
    bookings = Bookings(session, payment, escrow, now=now)
    undone = bookings.undo_what_is_gone(effects)
    booked = bookings.book_what_is_final(effects, final_to=horizon.final_to)
    follow_intents(session, bookings, now=now)
    standing = project(
        effects,
        token=escrow.token_address,
        fund_by=escrow.fund_by,
        final_at=horizon.final_at,
        will_not_deploy=will_not_deploy(session, escrow),
    )
    if standing.deposited:
        restore_holds(session, bookings.money, now=now)
    session.flush()
    write_payment(
        session,
        payment,
        standing,
        cause=REORGANISED if went_back or undone else _CAUSES[standing.status],
        occurred_at=_newest(effects, standing, now=now),
        now=now,
    )
    write_escrow(escrow, standing, now=now)
    session.flush()
    announce_escrow(session, escrow, chains=chains, now=now)
    for release in bookings.touched.values():
        announce_release(session, release, chains=chains, now=now)
    return Followed(booked=booked, undone=undone)


def _newest(
    effects: Sequence[EscrowEffect], standing: Standing, *, now: dt.datetime
) -> dt.datetime:
    """Return when the last thing happened that counts; for what time alone brings, now."""
    if standing.status in ("expired", "failed"):
        return now
    return max((e.block_at for e in effects if e.state != "orphaned"), default=now)
