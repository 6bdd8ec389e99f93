"""Gives queued intents their nonces, in the transaction in which all that may stop them is asked.

From then on the nonce is the intent's, and is given on only while nothing of it was handed in.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from payments.chain import signers
from payments.chain.instructions import MOST_GAS, WAITS, compare, derive, refused
from payments.chain.limits import refuse_above_limits
from payments.chain.sending import IN_FLIGHT, LOOK_AGAIN_AFTER, Sending
from payments.chain.tables import ChainAttempt, ChainIntent
from payments.crash_points import reach
from payments.database import in_transaction
from payments.freezes.covering import covering
from payments.freezes.releases_lock import share_releases_lock
from payments.identifiers import new_id
from payments.log_lines import get_logger
from payments.providers.chain_errors import (
    RefusedTransactionError,
    RevertedError,
    SigningRefusedError,
)
from payments.providers.outcome import OutcomeUnknownError

_log = get_logger(__name__)
_CANDIDATES = 100
_MAY_PASS = WAITS | {"paused", "node_behind"}
_NODE_BEHIND = "not funded"
"""What an escrow says, for a node that has not seen its deposit. By our books it is funded: should
it be disputed or closed by now, they will say so, and the intent is canceled then."""
_LEAST_GAS = {"deploy": 100_000, "release": 38_000, "refund": 38_000, "dispute": 38_000}
"""What each takes at least: a node that has not seen the contract takes it for a mere transfer."""

Taken = Literal["taken", "waits", "canceled", "gone"]


@dataclass(frozen=True)
class _TriedOut:
    """What was found out before the transaction: the gas to give, or what speaks against it."""

    kind: str
    gas_limit: int | None = None
    objection: SigningRefusedError | None = None


def list_queued(session: Session, sending: Sending) -> list[str]:
    """Return the ids of the intents that may be sent now, the oldest first.

    What was put off comes after what is new: however much waits, it holds up nothing else.
    """
    due = (
        select(ChainIntent.id)
        .where(
            ChainIntent.chain == sending.chain.name,
            ChainIntent.signer == sending.address,
            ChainIntent.state == "queued",
            ChainIntent.due_at <= sending.clock(),
        )
        .order_by(ChainIntent.due_at, ChainIntent.id)
        .limit(_CANDIDATES)
    )
    return list(session.scalars(due))


def room_in_flight(session: Session, sending: Sending) -> int:
    """Return how many more may wait for a block."""
    waiting = select(func.count()).where(
        ChainIntent.chain == sending.chain.name,
        ChainIntent.signer == sending.address,
        ChainIntent.state.in_(["signed", "broadcast"]),
    )
    return IN_FLIGHT - int(session.execute(waiting).scalar_one())


def take_nonce(sending: Sending, intent_id: str) -> Taken:
    """Give a queued intent the next nonce, if nothing speaks against it.

    What may come right waits, and says why; what never will is canceled.

    Raises:
        OutcomeUnknownError: the chain does not say what it would take.
    """
    try:
        tried_out = _try_out(sending, intent_id)
    except OutcomeUnknownError:
        in_transaction(sending.engine, lambda session: _leave(session, sending, intent_id))
        raise
    reach("sending.tried_out")
    taken = in_transaction(
        sending.engine, lambda session: _take(session, sending, intent_id, tried_out)
    )
    sending.figures[f"nonces_{taken}"] += 1
    reach("sending.nonce_taken")
    return taken


def queue_again(
    session: Session, intent: ChainIntent, *, why: str, canceled: bool, now: dt.datetime
) -> ChainIntent:
    """Take the nonce from an intent of which nothing was handed in, and return what fills the gap.

    What was signed of it is discarded. It waits again, or is `canceled`. The signer's row must be
    locked.
    """
    if intent.broadcast_at is not None or intent.nonce is None:
        raise AssertionError("what was handed in keeps its nonce")
    nonce = intent.nonce
    for attempt in live_attempts(session, intent.id):
        attempt.discarded_at = now
    intent.state = "canceled" if canceled else "queued"
    intent.nonce = None
    intent.signed_at = None
    intent.error = why
    intent.due_at = now + LOOK_AGAIN_AFTER
    intent.updated_at = now
    session.flush()
    return add_noop(session, chain=intent.chain, signer=intent.signer, nonce=nonce, now=now)


def add_noop(
    session: Session, *, chain: str, signer: str, nonce: int, now: dt.datetime
) -> ChainIntent:
    """Add an intent that does nothing but use a nonce: later ones could not be mined without."""
    intent_id = new_id("cti", now=now)
    noop = ChainIntent(
        id=intent_id,
        chain=chain,
        signer=signer,
        kind="noop",
        subject_id=intent_id,
        to_address=signer,
        calldata=b"",
        state="signed",
        nonce=nonce,
        signed_at=now,
        due_at=now,
        created_at=now,
        updated_at=now,
    )
    session.add(noop)
    session.flush()
    return noop


def live_attempts(session: Session, intent_id: str) -> list[ChainAttempt]:
    """Return every signed form of an intent that was not discarded, the newest first."""
    wanted = select(ChainAttempt).where(
        ChainAttempt.intent_id == intent_id, ChainAttempt.discarded_at.is_(None)
    )
    return list(session.scalars(wanted.order_by(ChainAttempt.max_fee.desc())))


def lock_intent(session: Session, intent_id: str) -> ChainIntent:
    """Return an intent as it is now, locked; its signer is locked before it, where both are."""
    wanted = select(ChainIntent).where(ChainIntent.id == intent_id)
    return session.scalars(wanted.with_for_update().execution_options(populate_existing=True)).one()


def read_intent(session: Session, intent_id: str) -> ChainIntent:
    """Return an intent."""
    return session.scalars(select(ChainIntent).where(ChainIntent.id == intent_id)).one()


def estimate_gas(sending: Sending, intent: ChainIntent) -> int:
    """Return the gas to give an intent.

    Raises:
        RevertedError: its contract would refuse it now.
        OutcomeUnknownError: the chain does not answer.
    """
    return sending.port.estimate_gas(
        sender=intent.signer, to=intent.to_address, calldata=bytes(intent.calldata)
    )


def _try_out(sending: Sending, intent_id: str) -> _TriedOut:
    """Ask the chain what an intent would take: before the transaction, for it may take a while."""
    intent, objection = in_transaction(
        sending.engine, lambda session: _look_at(session, sending, intent_id)
    )
    if objection is not None:
        return _TriedOut(intent.kind, objection=objection)  # the chain need not be asked
    try:
        gas_limit = estimate_gas(sending, intent)
    except RevertedError as error:
        return _TriedOut(intent.kind, objection=_reverted(error.reason))
    except RefusedTransactionError as error:
        return _TriedOut(intent.kind, objection=refused(error.code, error.detail))
    if gas_limit > MOST_GAS[intent.kind]:
        return _TriedOut(intent.kind, objection=refused("gas", f"It takes {gas_limit} gas."))
    if gas_limit < _LEAST_GAS.get(intent.kind, 0):
        behind = refused("node_behind", f"{gas_limit} gas is too little: it lacks the contract.")
        return _TriedOut(intent.kind, objection=behind)
    return _TriedOut(intent.kind, gas_limit)


def _reverted(reason: str | None) -> SigningRefusedError:
    """Return what it means that a contract would refuse: some of it passes."""
    if reason == "paused":
        return refused("paused", "Its guardian has stopped the releases of the contract.")
    if reason == _NODE_BEHIND:
        return refused("node_behind", "The node has not seen the deposit.")
    return refused("reverted", reason or "The contract gives no reason.")


def _look_at(
    session: Session, sending: Sending, intent_id: str
) -> tuple[ChainIntent, SigningRefusedError | None]:
    intent = read_intent(session, intent_id)
    try:
        _refuse(session, sending, intent, sending.clock())
    except SigningRefusedError as error:
        return intent, error
    return intent, None


def _leave(session: Session, sending: Sending, intent_id: str) -> None:
    """Let others go first next time, should it be this one that the chain has no answer to."""
    intent = lock_intent(session, intent_id)
    intent.due_at = sending.clock() + LOOK_AGAIN_AFTER


def _take(session: Session, sending: Sending, intent_id: str, tried_out: _TriedOut) -> Taken:
    if tried_out.kind == "release":
        share_releases_lock(session)
    now = sending.clock()
    signer = signers.lock(session, chain=sending.chain.name, address=sending.address)
    intent = lock_intent(session, intent_id)
    if intent.state != "queued":
        return "gone"
    intent.updated_at = now
    try:
        if signer.frozen_at is not None:
            raise refused("signer_frozen", signer.frozen_reason or "")
        _refuse(session, sending, intent, now)
        if tried_out.objection is not None:
            raise tried_out.objection
    except SigningRefusedError as error:
        return _put_off(intent, error, now)
    intent.nonce = signer.next_nonce
    intent.gas_limit = tried_out.gas_limit
    intent.state = "signed"
    intent.signed_at = now
    intent.due_at = now
    intent.error = None
    signer.next_nonce += 1
    session.flush()
    reach("sending.taking_nonce")
    return "taken"


def _refuse(session: Session, sending: Sending, intent: ChainIntent, now: dt.datetime) -> None:
    """Refuse what is frozen, what its subject does not say, and what is too much."""
    instruction = derive(session, intent, chain=sending.chain, port=sending.port)
    compare(intent, instruction)
    frozen = None if instruction.order_id is None else covering(session, instruction.order_id)
    if frozen is not None:
        raise refused("frozen", frozen.id)
    refuse_above_limits(session, intent, chain=sending.chain, now=now)


def _put_off(intent: ChainIntent, error: SigningRefusedError, now: dt.datetime) -> Taken:
    intent.error = f"{error.code}: {error.detail}"
    intent.due_at = now + LOOK_AGAIN_AFTER
    if error.code in _MAY_PASS:
        return "waits"
    intent.state = "canceled"
    _log.warning("intent_canceled", intent_id=intent.id, kind=intent.kind, why=intent.error)
    return "canceled"
