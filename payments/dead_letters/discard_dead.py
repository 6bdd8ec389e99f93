"""Gives dead letters up for good: events of another system, tests, what was done in another way.

They stay where they are, with who gave them up, when and why; they are in no alert, and in no list
but their own. A replay by their ids takes it back.
"""

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from payments import idempotency
from payments.access.caller import Caller
from payments.dead_letters.letters import numbers_of
from payments.dead_letters.rows import ROWS
from payments.dead_letters.tables import DeadLetterDiscard
from payments.errors import InvalidRequestError
from payments.idempotency import Answered
from payments.identifiers import new_id
from payments.log_lines import get_logger

OPERATION = "dead_letters.discard"

_log = get_logger(__name__)


def discard_dead(
    session: Session,
    *,
    caller: Caller,
    reference: str,
    kind: str,
    ids: Sequence[str],
    reason: str,
    now: dt.datetime,
) -> Answered[DeadLetterDiscard]:
    """Give dead letters of a kind up, once per reference; `reason` says why none is ever done.

    Those that live again by now, or were discarded before, are counted as skipped.

    Raises:
        InvalidRequestError: there is no reason, or ids are not of the kind.
        InProgressError, ReferenceReusedError: see `idempotency.claim`.
    """
    if not reason.strip():
        raise InvalidRequestError("Say why.", errors={"reason": ["Say why it is given up."]})
    wanted = sorted(set(ids))
    claim = idempotency.claim(
        session,
        principal=caller.principal,
        operation=OPERATION,
        reference=reference,
        fingerprint=idempotency.fingerprint({"kind": kind, "ids": wanted}),
        now=now,
    )
    if claim.replayed_id is not None:
        return Answered(session.get_one(DeadLetterDiscard, claim.replayed_id), replayed=True)
    numbers = numbers_of(kind, wanted)
    rows = ROWS[kind]
    is_wanted = rows.dead(discarded=False) & rows.number.in_(numbers)
    found = session.scalars(
        select(rows.number).where(is_wanted).order_by(rows.number).with_for_update(of=rows.table)
    ).all()
    made = DeadLetterDiscard(
        id=new_id("dld", now=now),
        kind=kind,
        accepted=len(found),
        skipped=len(numbers) - len(found),
        reason=reason,
        requested_by=caller.person,
        created_at=now,
    )
    session.add(made)
    session.flush()
    session.execute(
        update(rows.table)
        .where(rows.number.in_(found))
        .values(discard_id=made.id)
        .execution_options(synchronize_session=False)
    )
    idempotency.finish(session, claim, resource_id=made.id, now=now)
    _log.warning(
        "dead_letters_discarded",
        discard_id=made.id,
        kind=kind,
        count=made.accepted,
        by=caller.person,
    )
    return Answered(made, replayed=False)
