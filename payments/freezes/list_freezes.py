"""Lists freezes."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.freezes.tables import Freeze


def list_freezes(session: Session, *, in_force: bool, limit: int) -> list[Freeze]:
    """Return up to `limit` freezes, newest first; those that are lifted only if asked for."""
    found = select(Freeze).order_by(Freeze.id.desc()).limit(limit)
    if in_force:
        found = found.where(Freeze.lifted_at.is_(None))
    return list(session.scalars(found))
