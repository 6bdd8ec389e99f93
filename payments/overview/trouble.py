"""What is known to be wrong: alerts, incidents, the proof of the books, the archive of the log."""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import Connection, text

_ALERTS = text("""
    SELECT priority, status, count(*) AS n FROM strongroom.alerts
     WHERE status IN ('open', 'acknowledged') GROUP BY priority, status
""")
_INCIDENTS = text("""
    SELECT severity, count(*) AS n FROM strongroom.incidents
     WHERE status <> 'resolved' GROUP BY severity
""")
_BOOKS = text("""
    SELECT proven_at, (SELECT count(*) FROM jsonb_object_keys(broken)) AS broken
      FROM strongroom.proofs WHERE name = 'books'
""")
_REST = text("""
    SELECT strongroom.standing_still() IS NOT NULL AS still,
           current_setting('archive_mode') <> 'off' AS archives,
           a.last_archived_time AS archived_at,
           coalesce(a.last_failed_time > a.last_archived_time,
                    a.last_failed_time IS NOT NULL) AS archive_fails
      FROM pg_stat_archiver a
""")
PRIORITIES = ("P1", "P2")
STATES = ("open", "acknowledged")
SEVERITIES = ("P1", "P2", "notice")


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """Alerts by priority and state and incidents by severity that are not over, and more.

    `books_broken` is how many truths about the books did not hold when they were last proven.
    `archived_at` is when PostgreSQL last archived its log, by which a backup is brought up to the
    moment; None where it archives none.
    """

    alerts: dict[tuple[str, str], int]
    incidents: dict[str, int]
    books_broken: int
    books_proven_at: dt.datetime | None
    standing_still: bool
    archives: bool
    archived_at: dt.datetime | None
    archive_fails: bool


def read_trouble(connection: Connection) -> Trouble:
    """Return what is known to be wrong now."""
    alerts = {(priority, state): 0 for priority in PRIORITIES for state in STATES}
    alerts |= {(row.priority, row.status): row.n for row in connection.execute(_ALERTS)}
    incidents = dict.fromkeys(SEVERITIES, 0)
    incidents |= {row.severity: row.n for row in connection.execute(_INCIDENTS)}
    books = connection.execute(_BOOKS).one_or_none()
    rest = connection.execute(_REST).one()
    return Trouble(
        alerts=alerts,
        incidents=incidents,
        books_broken=books.broken if books else 0,
        books_proven_at=books.proven_at if books else None,
        standing_still=rest.still,
        archives=rest.archives,
        archived_at=rest.archived_at if rest.archives else None,
        archive_fails=rest.archives and rest.archive_fails,
    )
