"""Ends a version of a secret: no process takes it five seconds later."""

import datetime as dt

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.errors import ConflictError, NotFoundError
from payments.log_lines import get_logger
from payments.secret_versions.kinds import LEAD, LIMITS, Kind
from payments.secret_versions.tables import SecretVersion

_log = get_logger(__name__)


def revoke_secret(session: Session, version_id: str, *, now: dt.datetime) -> SecretVersion:
    """End a version, whether it is live or to come; the same again changes nothing.

    Raises:
        NotFoundError: there is no such version.
        ConflictError: no other version of its kind is live (`last_secret`): one that begins some
            day would leave a time in which everything is refused.
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
    others = [one for one in siblings if one.id != version_id and not one.has_ended(now)]
    if not any(_is_usable(one, now=now) for one in others):
        raise ConflictError(
            f"Nothing else of {found.kind} is live: rotate it first.", code="last_secret"
        )
    found.revoked_at = now
    session.flush()
    if all(one.ends_at is not None for one in others):
        # They end since this one was to follow them.
        ends_at = max(one.ends_at for one in others if one.ends_at is not None)
        _log.error("secret_ends_without_successor", kind=found.kind, ends_at=ends_at.isoformat())
    return found


def _is_usable(one: SecretVersion, *, now: dt.datetime) -> bool:
    """Whether what comes in is checked with a version that has not ended; see `usable`."""
    return not LIMITS[Kind(one.kind)].given or one.starts_at <= now + LEAD
