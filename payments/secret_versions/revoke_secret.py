"""Ends a version of a secret: no process takes it five seconds later."""

import datetime as dt

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.errors import ConflictError, NotFoundError
from payments.secret_versions.tables import SecretVersion


def revoke_secret(session: Session, version_id: str, *, now: dt.datetime) -> SecretVersion:
    """End a version, whether it is live or to come; the same again changes nothing.

    Raises:
        NotFoundError: there is no such version.
        ConflictError: no other version of its kind is live or to come (`last_secret`).
    """
    found = session.get(SecretVersion, version_id)
    if found is None:
        raise NotFoundError("There is no such version of a secret.")
    # All of the kind, so that of two who revoke the last two, one is refused.
    siblings = session.scalars(
        select(SecretVersion)
        .where(SecretVersion.kind == found.kind)
        .order_by(SecretVersion.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    if found.revoked_at is not None:
        return found
    if not any(one.id != version_id and not one.has_ended(now) for one in siblings):
        raise ConflictError(
            f"Nothing else of {found.kind} is live: rotate it first.", code="last_secret"
        )
    found.revoked_at = now
    session.flush()
    return found
