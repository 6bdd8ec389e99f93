"""Signs what has its nonce, keeps the signed bytes, and only then hands them in: in that order.

Handing in the same bytes again is harmless, so after a crash whatever may have been handed in is.
"""

import datetime as dt

from sqlalchemy.orm import Session

from payments.chain import signers
from payments.chain.instructions import MOST_GAS, WAITS, derive, refused
from payments.chain.sending import HAND_IN_AGAIN_AFTER, LOOK_AGAIN_AFTER, Sending
from payments.chain.tables import ChainAttempt, ChainIntent
from payments.chain.take_nonce import (
    estimate_gas,
    live_attempts,
    lock_intent,
    queue_again,
    read_intent,
)
from payments.crash_points import reach
from payments.database import in_transaction
from payments.freezes.covering import covering
from payments.freezes.releases_lock import holding_releases_lock
from payments.log_lines import get_logger
from payments.providers.chain_errors import (
    NonceTooLowError,
    RefusedTransactionError,
    RevertedError,
    SigningRefusedError,
    UnderpricedError,
)
from payments.providers.chain_port import Fees
from payments.providers.outcome import OutcomeUnknownError
from payments.standstill.standing import standing_still

_log = get_logger(__name__)
_RAW = {"table": "chain_attempts", "column": "raw_encrypted"}
UNDERPRICED = "underpriced"
_PLAIN_TRANSFER = 21_000
"""The gas of a transaction that calls nothing, on most chains."""


def sign(sending: Sending, intent_id: str, fees: Fees) -> bool:
    """Have an intent signed at these fees, and keep what was signed; False: it was refused.

    Raises:
        UnavailableError: the signer does not answer.
        OutcomeUnknownError: the chain does not answer.
    """
    nonce = _prepare(sending, intent_id)
    try:
        signed = sending.signer.sign(intent_id, fees=fees)
    except SigningRefusedError as error:
        _note_refusal(sending, intent_id, error)
        return False
    reach("sending.signed")

    def keep(session: Session) -> bool:
        intent = lock_intent(session, intent_id)
        if intent.state not in {"signed", "broadcast"} or intent.nonce != nonce:
            return False  # somebody else had the turn meanwhile: what was signed is dropped
        if session.get(ChainAttempt, signed.tx_hash) is None:
            raw = sending.cipher.encrypt(signed.raw.hex(), row_id=signed.tx_hash, **_RAW)
            session.add(
                ChainAttempt(
                    tx_hash=signed.tx_hash,
                    intent_id=intent_id,
                    nonce=nonce,
                    raw_encrypted=raw,
                    max_fee=fees.max_fee,
                    priority_fee=fees.priority_fee,
                    signed_at=sending.clock(),
                )
            )
        return True

    kept = in_transaction(sending.engine, keep)
    reach("sending.kept")
    return kept


def hand_in(sending: Sending, intent_id: str) -> None:
    """Hand in the newest signed form of an intent, marked before as handed in.

    A release that is frozen by now is not: what was never handed in gives its nonce away, and of
    what was, nothing more is. No freeze is answered between the question and the handing in.
    """
    intent = in_transaction(sending.engine, lambda session: read_intent(session, intent_id))
    if intent.kind != "release":
        _mark_and_broadcast(sending, intent_id)
        return
    with sending.engine.connect() as connection, holding_releases_lock(connection):
        _mark_and_broadcast(sending, intent_id)


def _mark_and_broadcast(sending: Sending, intent_id: str) -> None:
    attempt = in_transaction(sending.engine, lambda session: _mark(session, sending, intent_id))
    if attempt is None:
        reach("sending.stopped")
        return
    reach("sending.marked")
    raw = sending.cipher.decrypt(attempt.raw_encrypted, row_id=attempt.tx_hash, **_RAW)
    error = _broadcast(sending, bytes.fromhex(raw))
    reach("sending.handed_in")
    in_transaction(sending.engine, lambda session: _note(session, sending, intent_id, error))
    reach("sending.noted")


def _mark(session: Session, sending: Sending, intent_id: str) -> ChainAttempt | None:
    """Write that an intent is handed in from now on; None when it must not be."""
    now = sending.clock()
    if standing_still(session) is not None:
        return None
    signer = signers.lock(session, chain=sending.chain.name, address=sending.address)
    intent = lock_intent(session, intent_id)
    if signer.frozen_at is not None or intent.state not in {"signed", "broadcast"}:
        return None
    attempts = live_attempts(session, intent_id)
    if not attempts:
        return None
    objection = _objection(session, sending, intent)
    if objection is not None:
        _stop(session, sending, intent, objection)
        return None
    intent.state = "broadcast"
    intent.broadcast_at = intent.broadcast_at or now
    intent.due_at = now + _patience(sending)
    intent.updated_at = now
    attempts[0].broadcast_at = attempts[0].broadcast_at or now
    return attempts[0]


def _objection(
    session: Session, sending: Sending, intent: ChainIntent
) -> SigningRefusedError | None:
    """Return why an intent must not be handed in, as things are now."""
    try:
        order_id = derive(session, intent, chain=sending.chain, port=sending.port).order_id
    except SigningRefusedError as error:
        return error
    freeze = None if order_id is None else covering(session, order_id)
    return None if freeze is None else refused("frozen", freeze.id)


def _stop(
    session: Session, sending: Sending, intent: ChainIntent, objection: SigningRefusedError
) -> None:
    """Hand in nothing; what never was gives its nonce to one that does nothing."""
    now = sending.clock()
    sending.figures["stopped"] += 1
    why = f"{objection.code}: {objection.detail}"
    if intent.broadcast_at is None:
        canceled = objection.code not in WAITS
        queue_again(session, intent, why=why, canceled=canceled, now=now)
        return
    for attempt in live_attempts(session, intent.id):
        if attempt.broadcast_at is None:
            attempt.discarded_at = now
    _wait(intent, why, now)


def _broadcast(sending: Sending, raw: bytes) -> str | None:
    """Hand signed bytes in; return what was wrong, None when the node has them."""
    try:
        sending.port.broadcast(raw)
    except NonceTooLowError:
        return "nonce_too_low"  # one of ours is mined, or a stranger's: receipts will tell
    except UnderpricedError:
        return UNDERPRICED
    except RefusedTransactionError as error:
        _log.error("transaction_refused", chain=sending.chain.name, code=error.code)
        return f"{error.code}: {error.detail}"
    except OutcomeUnknownError:
        return "unknown: the chain gave no answer"
    sending.figures["handed_in"] += 1
    return None


def _note(session: Session, sending: Sending, intent_id: str, error: str | None) -> None:
    intent = lock_intent(session, intent_id)
    if intent.state == "broadcast":
        now = sending.clock()
        intent.error = error
        intent.due_at = now + (_patience(sending) if error is None else LOOK_AGAIN_AFTER)
        intent.updated_at = now


def _patience(sending: Sending) -> dt.timedelta:
    """Return how long to wait before the same bytes are handed in again, or their fee is raised."""
    return min(HAND_IN_AGAIN_AFTER, dt.timedelta(seconds=sending.chain.fees.bump_after_s))


def _prepare(sending: Sending, intent_id: str) -> int:
    """Return an intent's nonce; what fills a gap gets its gas first, for it was not tried out."""
    intent = in_transaction(sending.engine, lambda session: read_intent(session, intent_id))
    if intent.gas_limit is None:
        gas_limit = _gas_of_noop(sending, intent)

        def set_gas(session: Session) -> None:
            lock_intent(session, intent_id).gas_limit = gas_limit

        in_transaction(sending.engine, set_gas)
    if intent.nonce is None:
        raise AssertionError("only what has its nonce is signed")
    return intent.nonce


def _gas_of_noop(sending: Sending, intent: ChainIntent) -> int:
    try:
        return min(estimate_gas(sending, intent), MOST_GAS["noop"])
    except (RevertedError, RefusedTransactionError):
        return _PLAIN_TRANSFER


def _note_refusal(sending: Sending, intent_id: str, error: SigningRefusedError) -> None:
    """Note that the signer refuses; what was never handed in gives its nonce away."""
    now = sending.clock()
    why = f"{error.code}: {error.detail}"
    sending.figures["refused_by_signer"] += 1

    def note(session: Session) -> None:
        signers.lock(session, chain=sending.chain.name, address=sending.address)
        intent = lock_intent(session, intent_id)
        gives_away = intent.state == "signed" and intent.kind != "noop"
        if gives_away and error.code != "signer_frozen":
            queue_again(session, intent, why=why, canceled=error.code not in WAITS, now=now)
        else:
            _wait(intent, why, now)

    in_transaction(sending.engine, note)
    reach("sending.refused")
    _log.error("signing_refused", intent_id=intent_id, why=why)


def _wait(intent: ChainIntent, why: str, now: dt.datetime) -> None:
    intent.error = why
    intent.due_at = now + LOOK_AGAIN_AFTER
    intent.updated_at = now
