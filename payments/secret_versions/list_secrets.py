"""Lists the versions of secrets, without their values: what is live, how old, when it is due."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.secret_versions.age_policy import due_at
from payments.secret_versions.kinds import LIMITS
from payments.secret_versions.tables import SecretVersion

ENDED_SHOWN = dt.timedelta(days=90)
_MOST = 1_000


@dataclass(frozen=True)
class SecretView:
    """A version; `state`: live, upcoming, ended or revoked. Only what is in use becomes due."""

    version: SecretVersion
    state: str
    age_d: int
    due_at: dt.datetime | None


def view_secret(
    version: SecretVersion, *, max_age_d: Mapping[str, int], now: dt.datetime
) -> SecretView:
    """Return a version as it stands now."""
    state = _state(version, now)
    ends = version.ends_at is not None
    return SecretView(
        version,
        state,
        age_d=(now - version.created_at).days,
        due_at=None
        if state in ("ended", "revoked") or ends
        else due_at(version.kind, version.created_at, max_age_d=max_age_d),
    )


def list_secrets(
    session: Session, *, max_age_d: Mapping[str, int], now: dt.datetime
) -> Sequence[SecretView]:
    """Return the versions of every kind, the newest first, with those of the last ninety days."""
    order = {kind.value: place for place, kind in enumerate(LIMITS)}
    versions = session.scalars(
        select(SecretVersion)
        .order_by(SecretVersion.starts_at.desc(), SecretVersion.id.desc())
        .limit(_MOST)
    )
    shown = [version for version in versions if not _is_long_over(version, now)]
    shown.sort(key=lambda version: order[version.kind])
    return [view_secret(version, max_age_d=max_age_d, now=now) for version in shown]


def _state(version: SecretVersion, now: dt.datetime) -> str:
    if version.revoked_at is not None:
        return "revoked"
    if version.has_ended(now):
        return "ended"
    return "live" if version.starts_at <= now else "upcoming"


def _is_long_over(version: SecretVersion, now: dt.datetime) -> bool:
    over = version.revoked_at or version.ends_at
    return over is not None and over < now - ENDED_SHOWN
