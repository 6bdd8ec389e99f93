"""Whether a sender has anything to do, so that an idle one asks nothing of its chain."""

import datetime as dt

from sqlalchemy import text

from payments.chain.sending import Sending
from payments.database import in_transaction

_LOOK_AT_LEAST_EVERY = dt.timedelta(minutes=1)
_HAS_WORK = text("""
    SELECT EXISTS (SELECT FROM strongroom.chain_intents
                    WHERE chain = :chain AND signer = :address
                      AND state IN ('signed', 'broadcast', 'mined'))
        OR EXISTS (SELECT FROM strongroom.chain_intents
                    WHERE chain = :chain AND signer = :address
                      AND state = 'queued' AND due_at <= :now)
        OR NOT EXISTS (SELECT FROM strongroom.chain_signers
                        WHERE chain = :chain AND address = :address AND looked_at > :long_ago)
""")


def has_work(sending: Sending) -> bool:
    """Whether something is to be sent or followed, or nonces were not compared for a minute."""
    now = sending.clock()
    asked = {
        "chain": sending.chain.name,
        "address": sending.address,
        "now": now,
        "long_ago": now - _LOOK_AT_LEAST_EVERY,
    }
    return in_transaction(
        sending.engine, lambda session: bool(session.execute(_HAS_WORK, asked).scalar_one())
    )
