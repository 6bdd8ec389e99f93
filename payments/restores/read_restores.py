"""Reads restores and what was found in them."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from payments.errors import NotFoundError
from payments.restores.tables import Restore, RestoreFinding
from payments.standstill.standing import standing_still

_HISTORY = text("SELECT system_identifier, timeline FROM strongroom.database_history()")


@dataclass(frozen=True)
class Standing:
    """Whether the database stands still, why, and the restore that goes on, if one was begun."""

    why: str | None
    restore: Restore | None


def read_history(session: Session) -> tuple[str, int]:
    """Return which history of the database this is: PostgreSQL's identifier, and its timeline."""
    row = session.execute(_HISTORY).one()
    return row.system_identifier, row.timeline


def find_open(session: Session) -> Restore | None:
    """Return the restore that is not finished; there is one at most."""
    return session.scalars(select(Restore).where(Restore.status != "finished")).one_or_none()


def read_standing(session: Session) -> Standing:
    """Return whether and why nothing is sent."""
    return Standing(standing_still(session), find_open(session))


def read_restore(session: Session, restore_id: str | None, *, lock: bool = False) -> Restore:
    """Return a restore; without an id the one that goes on.

    Raises:
        NotFoundError: there is none.
    """
    if restore_id is None:
        restore = find_open(session)
        if restore is None:
            raise NotFoundError("No restore is going on.")
        restore_id = restore.id
    found = session.get(Restore, restore_id, with_for_update=lock or None, populate_existing=lock)
    if found is None:
        raise NotFoundError("There is no such restore.")
    return found


def list_restores(session: Session, *, limit: int) -> list[Restore]:
    """Return up to `limit` restores, newest first."""
    return list(session.scalars(select(Restore).order_by(Restore.id.desc()).limit(limit)))


def list_findings(
    session: Session, restore_id: str, *, limit: int, status: str | None = None
) -> Sequence[RestoreFinding]:
    """Return up to `limit` findings of a restore, in the order they were found."""
    wanted = select(RestoreFinding).filter_by(restore_id=restore_id)
    if status is not None:
        wanted = wanted.filter_by(status=status)
    return session.scalars(wanted.order_by(RestoreFinding.id).limit(limit)).all()


def count_findings(session: Session, restore_id: str) -> dict[str, int]:
    """Return how many findings of a restore stand how."""
    counted = select(RestoreFinding.status, func.count()).filter_by(restore_id=restore_id)
    return {row[0]: row[1] for row in session.execute(counted.group_by(RestoreFinding.status))}
