"""Has a frozen signer work again, once a person has seen to why it was frozen."""

import datetime as dt

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.chain import signers
from payments.chain.follow import NONCE_TAKEN, find_receipt
from payments.chain.sending import Sending, View
from payments.chain.tables import ChainIntent
from payments.chain.take_nonce import live_attempts
from payments.database import in_transaction
from payments.errors import ConflictError


def thaw(sending: Sending, view: View) -> list[ChainIntent]:
    """Thaw the signer, and return the intents that lost their nonces to somebody else.

    What of those was handed in has failed, for it can never be mined any more; the others are
    queued again. The next nonce is the next that the chain has free.

    Raises:
        ConflictError: a stranger's transaction is not final yet: ours could still be mined in its
            place (`not_final`).
        OutcomeUnknownError: the chain does not answer.
    """
    lost = [
        intent
        for intent in in_transaction(sending.engine, lambda session: _suspected(session, sending))
        if (intent.nonce or 0) < view.nonce and find_receipt(sending, intent.id) is None
    ]
    for intent in lost:
        _require_final(sending, view, intent)
    return in_transaction(
        sending.engine, lambda session: _thaw(session, sending, view, [one.id for one in lost])
    )


def _suspected(session: Session, sending: Sending) -> list[ChainIntent]:
    wanted = select(ChainIntent).where(
        ChainIntent.chain == sending.chain.name,
        ChainIntent.signer == sending.address,
        ChainIntent.state.in_(["signed", "broadcast"]),
        ChainIntent.error == NONCE_TAKEN,
    )
    return list(session.scalars(wanted.order_by(ChainIntent.nonce)))


def _require_final(sending: Sending, view: View, intent: ChainIntent) -> None:
    """Refuse while the block by which the nonce was used may still be given up."""
    number = intent.block_number or 0
    block = sending.port.block(number)
    if number > view.final_height or block is None or block.hash != intent.block_hash:
        raise ConflictError(
            f"What used nonce {intent.nonce} is not final yet; try again when block {number} is.",
            code="not_final",
        )


def _thaw(session: Session, sending: Sending, view: View, lost: list[str]) -> list[ChainIntent]:
    now = sending.clock()
    signer = signers.lock(session, chain=sending.chain.name, address=sending.address)
    wanted = select(ChainIntent).where(ChainIntent.id.in_(lost)).order_by(ChainIntent.id)
    intents = list(session.scalars(wanted.with_for_update()))
    for intent in intents:
        _give_up(session, intent, now)
    signer.next_nonce = max(signer.next_nonce, view.nonce)
    signer.frozen_at = None
    signer.frozen_reason = None
    for intent in _suspected(session, sending):
        intent.error = None  # the nonce was free again, or it was ours that used it
        intent.due_at = now
    return intents


def _give_up(session: Session, intent: ChainIntent, now: dt.datetime) -> None:
    intent.updated_at = now
    intent.due_at = now
    if intent.broadcast_at is not None:
        intent.state = "failed"
        return
    for attempt in live_attempts(session, intent.id):
        attempt.discarded_at = now
    intent.state = "canceled" if intent.kind == "noop" else "queued"
    intent.nonce = None
    intent.signed_at = None
    intent.block_number = intent.block_hash = intent.error = None
