"""What is to be done on chain, written in the transaction that makes it necessary.

Each thing once: the same kind and subject again is the same intent.
"""

import datetime as dt
from typing import Literal

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from payments.chain.tables import ChainAttempt, ChainIntent
from payments.chain.wake_up import wake_up
from payments.identifiers import new_id

Kind = Literal["deploy", "release", "refund", "dispute"]


def queue(
    session: Session,
    *,
    chain: str,
    signer: str,
    kind: Kind,
    subject_id: str,
    to: str,
    calldata: bytes,
    asset: str | None,
    amount: int,
    now: dt.datetime,
) -> ChainIntent:
    """Queue a transaction of `signer` to a contract, and wake its sender.

    `amount` of `asset`, in minor units, is what it moves, which the limits are for: nothing for a
    deploy or a dispute. `signer` and `to` are checksummed. When `kind` was queued for the subject
    before, that intent is returned as it is.
    """
    made = session.scalars(
        insert(ChainIntent)
        .values(
            id=new_id("cti", now=now),
            chain=chain,
            signer=signer,
            kind=kind,
            subject_id=subject_id,
            to_address=to,
            calldata=calldata,
            value=0,
            asset=asset,
            amount=amount,
            state="queued",
            due_at=now,
            created_at=now,
            updated_at=now,
        )
        .on_conflict_do_nothing(index_elements=["kind", "subject_id"])
        .returning(ChainIntent)
    ).one_or_none()
    if made is not None:
        wake_up(session, now=now)
        return made
    found = find_for(session, kind=kind, subject_id=subject_id)
    if found is None:
        raise AssertionError("an intent is never deleted")
    return found


def find_for(session: Session, *, kind: Kind, subject_id: str) -> ChainIntent | None:
    """Return the intent of a kind for a subject, if one was queued."""
    wanted = select(ChainIntent).where(
        ChainIntent.kind == kind, ChainIntent.subject_id == subject_id
    )
    return session.scalars(wanted).one_or_none()


def cancel(session: Session, *, kind: Kind, subject_id: str, reason: str, now: dt.datetime) -> bool:
    """Cancel an intent that is still queued; False when it has its nonce, or was never queued.

    Then nothing of it was signed, and nothing of it ever will be. The row stays locked.
    """
    canceled = session.scalars(
        update(ChainIntent)
        .where(
            ChainIntent.kind == kind,
            ChainIntent.subject_id == subject_id,
            ChainIntent.state == "queued",
        )
        .values(state="canceled", error=reason, updated_at=now)
        .returning(ChainIntent.id)
    ).one_or_none()
    return canceled is not None


def reorganised(session: Session, *, chain: str, from_block: int, now: dt.datetime) -> int:
    """Have all that was mined at or above a block looked at anew; return how many.

    To be called by whoever sees that a chain was reorganised, however deep: what is in no block
    any more is handed in again, byte for byte.
    """
    found = session.scalars(
        update(ChainIntent)
        .where(
            ChainIntent.chain == chain,
            ChainIntent.block_number >= from_block,
            ChainIntent.state.in_(["mined", "final", "failed"]),
        )
        .values(
            state="broadcast",
            mined_hash=None,
            gas_paid=None,
            block_number=None,
            block_hash=None,
            error=None,
            due_at=now,
            updated_at=now,
        )
        .returning(ChainIntent.id)
    ).all()
    if found:
        wake_up(session, now=now)
    return len(found)


def newest_attempt(session: Session, intent: ChainIntent) -> ChainAttempt | None:
    """Return the signed form that was handed in last; the mined one once one is mined."""
    handed_in = select(ChainAttempt).where(
        ChainAttempt.intent_id == intent.id, ChainAttempt.broadcast_at.is_not(None)
    )
    if intent.mined_hash is not None:
        handed_in = handed_in.where(ChainAttempt.tx_hash == intent.mined_hash)
    return session.scalars(handed_in.order_by(ChainAttempt.signed_at.desc()).limit(1)).first()
