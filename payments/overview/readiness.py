"""What a web process stands on, part by part: what it cannot work without, and what others do."""

import datetime as dt
import functools
from pathlib import Path

from sqlalchemy import Connection, Engine, text

OK = "ok"
NEEDED = ("postgresql", "redis")
"""Without these a process is not ready; with another that is not well it is only `degraded`."""

SILENT_AFTER = dt.timedelta(seconds=10)
"""The relay puts some job into the outbox every two seconds."""
BEHIND_AFTER = dt.timedelta(seconds=60)

_VERSIONS = Path(__file__).parents[2] / "migrations" / "versions"
_HOW = text("""
    SELECT pg_is_in_recovery() OR current_setting('default_transaction_read_only') = 'on'
           AS read_only, (SELECT max(version_num) FROM public.alembic_version) AS version
""")
_RELAY = text("SELECT max(next_at) FROM strongroom.periodic_jobs WHERE job = 'watch_chains'")
# The first such row is enough: anybody may ask, as often as they like, however long the queue is.
_BEHIND = text("""
    SELECT EXISTS (SELECT FROM strongroom.outbox WHERE state = 'waiting' AND due_at < :late)
        OR EXISTS (SELECT FROM strongroom.outbox
                    WHERE state = 'leased' AND lease_until <= :now AND due_at < :late)
""")
_STILL = text("SELECT strongroom.standing_still()")


def look_at_database(engine: Engine, *, now: dt.datetime) -> dict[str, str]:
    """Return how PostgreSQL is, and by what is in it relay, workers and sending.

    `postgresql`: `ok`, `read_only` (a standby, or set so) or `not_migrated` (its tables are not
    this version's). `relay`: `ok` or `silent`. `workers`: `ok` or `behind`, with a job that is due
    for over a minute. `sending`: `ok` or `standing_still`, after a restore.

    Raises:
        SQLAlchemyError: it does not answer.
    """
    with engine.connect() as connection:
        database = _database(connection)
        if database == "not_migrated":
            return {"postgresql": database}
        return {
            "postgresql": database,
            "relay": _relay(connection, now=now),
            "workers": _workers(connection, now=now),
            "sending": OK if connection.execute(_STILL).scalar() is None else "standing_still",
        }


def _database(connection: Connection) -> str:
    row = connection.execute(_HOW).one()
    if row.version is None or row.version < newest_version():
        return "not_migrated"
    return "read_only" if row.read_only else OK


def _relay(connection: Connection, *, now: dt.datetime) -> str:
    next_at: dt.datetime | None = connection.execute(_RELAY).scalar()
    return OK if next_at is not None and abs(now - next_at) < SILENT_AFTER else "silent"


def _workers(connection: Connection, *, now: dt.datetime) -> str:
    asked = {"now": now, "late": now - BEHIND_AFTER}
    return "behind" if connection.execute(_BEHIND, asked).scalar_one() else OK


@functools.cache
def newest_version() -> str:
    """Return the number of the newest migration that this version comes with."""
    return max(file.name.split("_")[0] for file in _VERSIONS.glob("[0-9]*.py"))
