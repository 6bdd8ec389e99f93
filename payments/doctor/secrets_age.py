"""Whether a secret is older than its policy says, or will be soon."""

import datetime as dt
from collections.abc import Iterator

from sqlalchemy import Connection
from sqlalchemy.orm import Session

from payments.database import APPLICATION_ROLE
from payments.provider_checks import Check, State
from payments.secret_versions.age_policy import DUE_SOON
from payments.secret_versions.list_secrets import list_secrets
from payments.settings import Settings


def secrets_age(connection: Connection, settings: Settings, *, now: dt.datetime) -> Check:
    """Compare the age of each live secret with SECRET_MAX_AGE_D."""
    name = "Secrets' age"
    connection.exec_driver_sql(f"SET LOCAL ROLE {APPLICATION_ROLE}")
    due = sorted(_due(connection, settings, now=now))
    if not due:
        return Check(name, State.OK, "none is older than it should be")
    over = [f"{kind} since {moment:%Y-%m-%d}" for moment, kind in due if moment <= now]
    soon = [f"{kind} on {moment:%Y-%m-%d}" for moment, kind in due if moment > now]
    told = [f"overdue: {', '.join(over)}"] if over else []
    told += [f"due soon: {', '.join(soon)}"] if soon else []
    change = "strongroom secrets rotate KIND (docs/operating.md has the runbook)"
    return Check(name, State.WARN, "; ".join(told), change)


def _due(
    connection: Connection, settings: Settings, *, now: dt.datetime
) -> Iterator[tuple[dt.datetime, str]]:
    with Session(connection) as session:
        for secret in list_secrets(session, max_age_d=settings.secret_max_age_d, now=now):
            if secret.due_at is not None and secret.due_at <= now + DUE_SOON:
                yield secret.due_at, secret.version.kind
