"""Which secrets and API keys are older than their policy allows, or soon will be."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from payments.access.tables import ApiKey
from payments.secret_versions.age_policy import DUE_SOON, due_at
from payments.secret_versions.list_secrets import list_secrets
from payments.secret_versions.tables import STORED, SecretVersion

API_KEY = "api_key"
VALUES_KEPT = dt.timedelta(days=7)


@dataclass(frozen=True)
class DueSecret:
    """A secret in use that is to be rotated; `kind` is that of a version, or `api_key`."""

    kind: str
    id: str
    due_at: dt.datetime
    overdue: bool


def due_secrets(
    session: Session, *, max_age_d: Mapping[str, int], now: dt.datetime
) -> Sequence[DueSecret]:
    """Return what is overdue or due within two weeks; of each kind of secret the newest counts."""
    newest: dict[str, DueSecret] = {}
    for view in list_secrets(session, max_age_d=max_age_d, now=now):
        version = view.version
        if view.due_at is not None and version.kind not in newest:
            newest[version.kind] = DueSecret(
                version.kind, version.id, view.due_at, overdue=view.due_at <= now
            )
    keys = session.scalars(
        select(ApiKey).where(
            ApiKey.revoked_at.is_(None), or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > now)
        )
    )
    due = [*newest.values(), *(_due_key(key, max_age_d=max_age_d, now=now) for key in keys)]
    return [one for one in due if one.due_at - DUE_SOON <= now]


def forget_ended_values(session: Session, *, now: dt.datetime) -> int:
    """Delete the values of versions that ended a week ago, and return how many: nobody asks."""
    ended = session.execute(
        update(SecretVersion)
        .where(
            SecretVersion.origin == STORED,
            SecretVersion.value_encrypted.is_not(None),
            or_(
                SecretVersion.ends_at < now - VALUES_KEPT,
                SecretVersion.revoked_at < now - VALUES_KEPT,
            ),
        )
        .values(value_encrypted=None)
        .returning(SecretVersion.id)
        .execution_options(synchronize_session=False)
    )
    return len(ended.all())


def _due_key(key: ApiKey, *, max_age_d: Mapping[str, int], now: dt.datetime) -> DueSecret:
    due = due_at(API_KEY, key.created_at, max_age_d=max_age_d)
    if key.expires_at is not None:
        due = min(due, key.expires_at)
    return DueSecret(API_KEY, key.id, due, overdue=due <= now)
