"""Has a worker look at all providers after a restore, and tells how far it is."""

import datetime as dt

from sqlalchemy.orm import Session

from payments import idempotency
from payments.access.caller import Caller
from payments.delivery import outbox
from payments.errors import ConflictError
from payments.idempotency import Answered
from payments.log_lines import get_logger
from payments.restores.read_restores import read_restore
from payments.restores.tables import Restore
from payments.restores.turn import is_look_under_way

JOB = "reconcile_restore"
OPERATION = "restores.reconcile"

_log = get_logger(__name__)


def request_look(
    session: Session,
    *,
    caller: Caller,
    reference: str,
    restore_id: str,
    now: dt.datetime,
    request_id: str | None,
) -> Answered[Restore]:
    """Have all providers asked, once per reference; who asks while it goes on has asked for that.

    Raises:
        NotFoundError: there is no such restore.
        ConflictError: it is finished (`conflict`).
        InProgressError, ReferenceReusedError: see `idempotency.claim`.
    """
    claim = idempotency.claim(
        session,
        principal=caller.principal,
        operation=OPERATION,
        reference=reference,
        fingerprint=idempotency.fingerprint({"restore_id": restore_id}),
        resource_id=restore_id,
        now=now,
    )
    restore = read_restore(session, restore_id, lock=True)
    if claim.replayed_id is not None:
        return Answered(restore, replayed=True)
    if restore.status == "finished":
        raise ConflictError("It is finished.", code="conflict")
    if not is_look_under_way(session):
        restore.look_status, restore.look_step, restore.look_error = "waiting", None, None
        restore.look_at = now
        outbox.stage(
            session,
            job=JOB,
            args={"restore_id": restore.id},
            coalesce_key=f"{JOB}:{restore.id}",
            request_id=request_id,
            now=now,
        )
    session.flush()
    idempotency.finish(session, claim, now=now)
    _log.warning("restore_look_asked_for", restore_id=restore.id, by=caller.person)
    return Answered(restore, replayed=False)
