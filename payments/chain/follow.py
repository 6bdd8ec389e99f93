"""Learns what became of what was handed in: mined, final, reverted, or in no block any more.

Any signed form of an intent may be the one that is mined. When its nonce is used and none of them
is, somebody else has the key: then the signer is frozen.
"""

from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.chain import signers
from payments.chain.sending import Sending, View
from payments.chain.tables import ChainAttempt, ChainIntent
from payments.chain.take_nonce import lock_intent
from payments.crash_points import reach
from payments.database import in_transaction
from payments.log_lines import get_logger
from payments.providers.chain_port import Receipt

_log = get_logger(__name__)
NONCE_TAKEN = "nonce_taken"
"""The error of an intent whose nonce a transaction that is none of ours has used."""
_SURE_AFTER = 3
"""How many blocks later the signer is frozen: a node may know the newest nonce before receipts."""


@dataclass
class _Blocks:
    """The hashes of the blocks that a run asked for, each once."""

    sending: Sending
    known: dict[int, str | None] = field(default_factory=dict)

    def hash_at(self, number: int) -> str | None:
        """Return the hash at a height now; None when the node that answers is not there yet."""
        if number not in self.known:
            block = self.sending.port.block(number)
            self.known[number] = None if block is None else block.hash
        return self.known[number]


def follow(sending: Sending, view: View) -> bool:
    """Look at all that is not final yet; False when nothing more may be sent for now.

    Raises:
        OutcomeUnknownError: the chain does not answer.
    """
    blocks = _Blocks(sending)
    for intent in in_transaction(sending.engine, lambda session: _undone(session, sending, view)):
        _look_at_mined(sending, view, intent, blocks)
    in_transaction(sending.engine, lambda session: _clear(session, sending, view))
    suspicious = False
    for intent in _list_where_mined(sending, view):
        suspicious |= not _look_for(sending, view, intent)
    for intent in _list(sending, "mined"):
        _look_at_mined(sending, view, intent, blocks)
    return not suspicious


def _undone(session: Session, sending: Sending, view: View) -> list[ChainIntent]:
    """Return what was final and may not be: the chain has fewer transactions of ours by now.

    Whoever watches the chain tells of reorganisations too; this finds one even if they did not.
    """
    wanted = select(ChainIntent).where(
        ChainIntent.chain == sending.chain.name,
        ChainIntent.signer == sending.address,
        ChainIntent.state.in_(["final", "failed"]),
        ChainIntent.nonce >= view.nonce,
        ChainIntent.block_hash.is_not(None),
    )
    return list(session.scalars(wanted))


def _clear(session: Session, sending: Sending, view: View) -> None:
    """Suspect nobody any more where a nonce is free again, after a reorganisation."""
    free_again = select(ChainIntent).where(
        ChainIntent.chain == sending.chain.name,
        ChainIntent.signer == sending.address,
        ChainIntent.state.in_(["signed", "broadcast"]),
        ChainIntent.nonce >= view.nonce,
        ChainIntent.error == NONCE_TAKEN,
    )
    for intent in session.scalars(free_again.with_for_update()):
        intent.error = None
        intent.block_number = None
        intent.block_hash = None
        intent.due_at = intent.updated_at = sending.clock()


def _list_where_mined(sending: Sending, view: View) -> list[ChainIntent]:
    """Return what was handed in and whose nonce is used by now: the others are in no block."""
    handed_in = [*_list(sending, "signed"), *_list(sending, "broadcast")]
    return [one for one in handed_in if one.nonce is not None and one.nonce < view.nonce]


def _list(sending: Sending, state: str) -> list[ChainIntent]:
    wanted = (
        select(ChainIntent)
        .where(
            ChainIntent.chain == sending.chain.name,
            ChainIntent.signer == sending.address,
            ChainIntent.state == state,
        )
        .order_by(ChainIntent.nonce)
    )
    return in_transaction(sending.engine, lambda session: list(session.scalars(wanted)))


def _look_for(sending: Sending, view: View, intent: ChainIntent) -> bool:
    """Find the block an intent is in; False when its nonce seems to be used by somebody else."""
    receipt = find_receipt(sending, intent.id)
    if receipt is None:
        return _suspect(sending, view, intent)
    reach("sending.seen_mined")

    def note(session: Session) -> None:
        found = lock_intent(session, intent.id)
        if found.state in {"signed", "broadcast"}:
            found.state = "mined"
            found.mined_hash = receipt.tx_hash
            found.block_number = receipt.block_number
            found.block_hash = receipt.block_hash
            found.gas_paid = receipt.gas_cost
            found.error = None
            found.updated_at = sending.clock()

    in_transaction(sending.engine, note)
    sending.figures["mined"] += 1
    reach("sending.mined")
    return True


def find_receipt(sending: Sending, intent_id: str) -> Receipt | None:
    """Return the receipt of whichever signed form of an intent is mined."""
    handed_in = select(ChainAttempt.tx_hash).where(
        ChainAttempt.intent_id == intent_id, ChainAttempt.broadcast_at.is_not(None)
    )
    hashes = in_transaction(
        sending.engine,
        lambda session: session.scalars(handed_in.order_by(ChainAttempt.max_fee.desc())).all(),
    )
    receipts = (sending.port.receipt(tx_hash) for tx_hash in hashes)
    return next((receipt for receipt in receipts if receipt is not None), None)


def _look_at_mined(sending: Sending, view: View, intent: ChainIntent, blocks: _Blocks) -> None:
    number = intent.block_number or 0
    now_there = blocks.hash_at(number)
    if now_there is None:
        return
    if now_there != intent.block_hash:
        in_transaction(sending.engine, lambda session: _moved(session, sending, intent))
        sending.figures["reorganised"] += 1
        return
    if number > view.final_height or intent.state != "mined":
        return
    receipt = sending.port.receipt(intent.mined_hash or "")
    if receipt is None or receipt.block_hash != intent.block_hash:
        return  # the next look will show where it is
    reach("sending.seen_final")

    def finish(session: Session) -> None:
        found = lock_intent(session, intent.id)
        if found.state == "mined" and found.block_hash == receipt.block_hash:
            found.state = "final" if receipt.succeeded else "failed"
            found.error = None if receipt.succeeded else f"reverted: {receipt.reason or ''}".strip()
            found.updated_at = sending.clock()

    in_transaction(sending.engine, finish)
    sending.figures["final" if receipt.succeeded else "reverted"] += 1
    reach("sending.final")


def _moved(session: Session, sending: Sending, intent: ChainIntent) -> None:
    """Note that a transaction is in no block that we know: the same bytes are handed in again."""
    found = lock_intent(session, intent.id)
    if found.block_hash != intent.block_hash:
        return  # somebody looked again already
    now = sending.clock()
    found.state = "broadcast"
    found.mined_hash = None
    found.gas_paid = None
    found.block_number = None
    found.block_hash = None
    found.error = None
    found.due_at = now
    found.updated_at = now


def _suspect(sending: Sending, view: View, intent: ChainIntent) -> bool:
    """Note that a nonce of ours is used and nothing of ours is mined; return whether all is well.

    A look may be deceived by a node that lags or a chain that is being reorganised: nothing more is
    sent from the first one on, and the signer is frozen when it is the same some blocks later.
    """
    head = sending.port.block(view.head.number)
    if head is None or head.hash != view.head.hash or _nonce_fell(sending, intent):
        return True  # the chain moved meanwhile: nothing follows from what was seen

    def note(session: Session) -> bool:
        now = sending.clock()
        signer = signers.lock(session, chain=intent.chain, address=intent.signer)
        found = lock_intent(session, intent.id)
        if found.state not in {"signed", "broadcast"}:
            return True
        seen_at = view.head.number if found.block_number is None else found.block_number
        is_sure = found.error == NONCE_TAKEN and view.head.number >= seen_at + _SURE_AFTER
        if is_sure and signer.frozen_at is None:
            reason = f"nonce {found.nonce} was used by a transaction that is none of ours"
            signers.freeze(signer, reason=reason, now=now)
        if found.error != NONCE_TAKEN:
            found.error = NONCE_TAKEN
            found.block_number = view.head.number  # used there at the latest
            found.block_hash = view.head.hash
            found.updated_at = now
            _log.error("nonce_suspected", intent_id=found.id, nonce=found.nonce)
        return False

    is_well = in_transaction(sending.engine, note)
    reach("sending.suspected")
    return is_well


def _nonce_fell(sending: Sending, intent: ChainIntent) -> bool:
    return intent.nonce is None or sending.port.nonce(intent.signer) <= intent.nonce
