"""The daily look at the age of secrets: as a worker may do it, and what it tells."""

import dataclasses
import datetime as dt
import io

from sqlalchemy import Engine

from jobs.check_secrets import check_secrets
from jobs.context import connect_context
from payments.secret_versions.kinds import Kind
from payments.secret_versions.live import LiveSecrets
from tests.jobs.environment import make_settings
from tests.payments.shop import NOW


def test_a_worker_tells_of_secrets_that_are_due(
    fresh_engine: Engine, fresh_database_url: str, redis_url: str, log_lines: io.StringIO
) -> None:
    settings = make_settings(database_url=fresh_database_url, redis_url=redis_url)
    context = connect_context(settings)
    LiveSecrets(fresh_engine, cipher=context.cipher, settings=settings).of(
        Kind.SESSION_KEY, now=NOW
    )

    def run(days: int) -> dict[str, int]:
        later = dataclasses.replace(context, clock=lambda: NOW + dt.timedelta(days=days))
        return dict(check_secrets(later, {}))

    assert run(1) == {"overdue": 0, "due_soon": 0, "forgotten": 0}
    assert run(80)["due_soon"] == 1
    assert run(91)["overdue"] == 1
    told = log_lines.getvalue()
    assert told.count('"secret_due_soon"') == told.count('"secret_overdue"') == 1
    context.engine.dispose()
