"""Who used an API key since when: from which networks, and what was done with it."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from payments.access.tables import ApiKey
from payments.errors import NotFoundError

USUAL = dt.timedelta(days=30)
MOST = 500

_USES = text("""
    SELECT network, sum(uses) AS uses, sum(refused) AS refused, min(first_at) AS first_at,
           max(last_at) AS last_at, count(DISTINCT day) AS days,
           min(first_at) = (SELECT min(first_at) FROM strongroom.key_uses f
                             WHERE f.key_id = :id AND f.network = u.network) AS is_new
      FROM strongroom.key_uses u
     WHERE key_id = :id AND last_at >= :since
     GROUP BY network ORDER BY min(first_at) DESC LIMIT :most
""")
_DEEDS = text("""
    SELECT action, outcome, coalesce(ip, '') AS ip, count(*) AS times, min(at) AS first_at,
           max(at) AS last_at
      FROM strongroom.audit_entries
     WHERE actor = :principal AND at >= :since
     GROUP BY 1, 2, 3 ORDER BY max(at) DESC LIMIT :most
""")


@dataclass(frozen=True)
class Use:
    """How often a key was used from a network; `refused`: rightly, but when it had ended.

    `is_new`: not from there before `since`.
    """

    network: str
    uses: int
    refused: int
    days: int
    first_at: dt.datetime
    last_at: dt.datetime
    is_new: bool


@dataclass(frozen=True)
class Deeds:
    """What was done, seen or refused with a key or one that it followed, as the audit log says."""

    action: str
    outcome: str
    ip: str
    times: int
    first_at: dt.datetime
    last_at: dt.datetime


@dataclass(frozen=True)
class KeyUses:
    """Where a key was used since a moment, the newest place first, and what was done with it."""

    key: ApiKey
    since: dt.datetime
    uses: Sequence[Use]
    deeds: Sequence[Deeds]


def read_key_uses(
    session: Session, *, key_id: str, since: dt.datetime | None, now: dt.datetime
) -> KeyUses:
    """Return who used a key since a moment, or in 30 days.

    Raises:
        NotFoundError: there is no such key.
    """
    key = session.get(ApiKey, key_id)
    if key is None:
        raise NotFoundError("There is no such API key.")
    since = now - USUAL if since is None else since
    asked = {"id": key_id, "principal": key.principal, "since": since, "most": MOST}
    return KeyUses(
        key=key,
        since=since,
        uses=[_use(row) for row in session.execute(_USES, asked)],
        deeds=[Deeds(*row) for row in session.execute(_DEEDS, asked)],
    )


def _use(row: Row[Any]) -> Use:
    return Use(
        network=row.network,
        uses=int(row.uses),
        refused=int(row.refused),
        days=row.days,
        first_at=row.first_at,
        last_at=row.last_at,
        is_new=row.is_new,
    )
