"""Compares the nonces a chain has used with those we took, and fills what holds up the others."""

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.chain import signers
from payments.chain.sending import Sending, View
from payments.chain.take_nonce import add_noop
from payments.crash_points import reach
from payments.database import in_transaction
from payments.log_lines import get_logger

_log = get_logger(__name__)
_MOST_AT_ONCE = 100
_MISSING = text("""
    SELECT nonce FROM generate_series(CAST(:from_nonce AS bigint), :to_nonce) AS nonce
     WHERE nonce > (SELECT min(nonce) FROM strongroom.chain_intents
                     WHERE chain = :chain AND signer = :address)
       AND NOT EXISTS (SELECT FROM strongroom.chain_intents
                        WHERE chain = :chain AND signer = :address
                          AND chain_intents.nonce = nonce.nonce)
     ORDER BY nonce LIMIT :most
""")


def close_gaps(sending: Sending, view: View) -> bool:
    """Fill every nonce that is neither mined nor an intent's; False: the signer is frozen.

    Those before the first that we took were used before our time, whatever a node that lags says.

    It gets frozen here when the chain has used nonces that we never took: somebody else has its
    key, or this is an old copy of the database.
    """
    is_free = in_transaction(sending.engine, lambda session: _close(session, sending, view))
    reach("sending.gaps_closed")
    return is_free


def _close(session: Session, sending: Sending, view: View) -> bool:
    now = sending.clock()
    name, address = sending.chain.name, sending.address
    signer = signers.register(session, chain=name, address=address, nonce=view.nonce, now=now)
    signer.looked_at = now
    if signer.frozen_at is None and view.nonce > signer.next_nonce:
        reason = f"{view.nonce} nonces are used on chain, and we took {signer.next_nonce}"
        signers.freeze(signer, reason=reason, now=now)
    if signer.frozen_at is not None:
        return False
    missing = session.scalars(
        _MISSING,
        {
            "chain": name,
            "address": address,
            "from_nonce": view.nonce,
            "to_nonce": signer.next_nonce - 1,
            "most": _MOST_AT_ONCE,
        },
    ).all()
    for nonce in missing:
        _log.error("nonce_gap", chain=name, address=address, nonce=nonce)
        add_noop(session, chain=name, signer=address, nonce=nonce, now=now)
        sending.figures["gaps_filled"] += 1
    return True
