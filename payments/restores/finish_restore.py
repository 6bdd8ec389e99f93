"""Finishes a restore: one person asks for it, another one does it; then money moves again."""

import datetime as dt

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from payments import idempotency
from payments.access.caller import Caller
from payments.access.four_eyes import require_second_person
from payments.errors import ConflictError
from payments.idempotency import Answered
from payments.log_lines import get_logger
from payments.restores.read_restores import count_findings, read_history, read_restore
from payments.restores.tables import DatabaseHistory, Restore

OPERATION = "restores.finish"
LOOK_AGAIN_AFTER = dt.timedelta(hours=24)
"""So old may the last look at the providers be."""

_log = get_logger(__name__)


def finish_restore(
    session: Session,
    *,
    caller: Caller,
    reference: str,
    restore_id: str | None,
    now: dt.datetime,
) -> Answered[Restore]:
    """Ask to finish a restore, or finish it when somebody else asked; once per reference.

    Without an id the one that goes on is meant.

    Raises:
        NotFoundError: there is no such restore, or none goes on.
        ConflictError: it is finished, the providers were not looked at, or not lately, something is
            open, or the database was restored once more (`conflict`); or the caller asked for it
            before (`second_person_needed`).
        InProgressError, ReferenceReusedError: see `idempotency.claim`.
    """
    claim = idempotency.claim(
        session,
        principal=caller.principal,
        operation=OPERATION,
        reference=reference,
        fingerprint=idempotency.fingerprint({"restore_id": restore_id}),
        now=now,
    )
    if claim.replayed_id is not None:
        return Answered(session.get_one(Restore, claim.replayed_id), replayed=True)
    restore = read_restore(session, restore_id, lock=True)
    _refuse_unready(session, restore, now=now)
    if restore.finish_requested_by is None:
        restore.status = "finish_requested"
        restore.finish_requested_by, restore.finish_requested_at = caller.person, now
    else:
        require_second_person(
            session,
            caller,
            first=restore.finish_requested_by,
            detail="You asked to finish it; somebody else must do it.",
        )
        restore.status = "finished"
        restore.finished_by, restore.finished_at = caller.person, now
        _accept(session, restore, now=now)
    session.flush()
    idempotency.finish(session, claim, resource_id=restore.id, now=now)
    _log.warning("restore_finish", restore_id=restore.id, status=restore.status, by=caller.person)
    return Answered(restore, replayed=False)


def _refuse_unready(session: Session, restore: Restore, *, now: dt.datetime) -> None:
    if restore.status == "finished":
        raise ConflictError("It is finished.", code="conflict")
    looked_at = restore.reconciled_at
    if looked_at is None or now - looked_at > LOOK_AGAIN_AFTER:
        raise ConflictError(
            "No look at all providers within the last day has succeeded: reconcile first.",
            code="conflict",
        )
    still_open = count_findings(session, restore.id).get("open", 0)
    if still_open:
        raise ConflictError(
            f"{still_open} findings are open: see to each, and settle it.", code="conflict"
        )
    if restore.figures.get("history") != list(read_history(session)):
        raise ConflictError(
            "The database went over to another timeline since the last look: reconcile once more.",
            code="conflict",
        )


def _accept(session: Session, restore: Restore, *, now: dt.datetime) -> None:
    """Have this history of the database be one that may send."""
    identifier, timeline = read_history(session)
    session.execute(
        insert(DatabaseHistory)
        .values(
            system_identifier=identifier,
            timeline=timeline,
            accepted_at=now,
            restore_id=restore.id,
        )
        .on_conflict_do_nothing()
    )
