"""Takes deliveries that are due, of each receiver as many as it has room for."""

import datetime as dt
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.notices.signing import live_secrets
from payments.privacy.encryption import FieldCipher

LEASE_S = 60
"""How long a delivery may be under way: longer than a call takes at most; then it is sent again."""

_CLAIM = text("""
    WITH room AS (
      SELECT e.id,
             CASE WHEN e.failing_since IS NULL THEN :lanes ELSE 1 END
             - COALESCE(CAST(CAST(:busy AS jsonb) ->> e.id AS int), 0) AS places
        FROM strongroom.notice_endpoints e
       WHERE e.status = 'enabled' AND (e.paused_until IS NULL OR e.paused_until <= :now)
    ), due AS (
      SELECT d.number
        FROM room CROSS JOIN LATERAL (
               SELECT number FROM strongroom.notice_deliveries
                WHERE endpoint_id = room.id AND state = 'waiting' AND due_at <= :now
                ORDER BY due_at, number
                LIMIT GREATEST(room.places, 0)
                  FOR UPDATE SKIP LOCKED
             ) d
    )
    UPDATE strongroom.notice_deliveries d
       SET attempts = d.attempts + 1, due_at = :given_up_at, last_attempt_at = :now,
           lease_token = gen_random_uuid()
      FROM due, strongroom.notices n, strongroom.notice_endpoints e
     WHERE d.number = due.number AND n.id = d.notice_id AND e.id = d.endpoint_id
    RETURNING d.number, d.lease_token, d.attempts, n.id AS notice_id, n.body,
              e.id AS endpoint_id, e.url
""")


@dataclass(frozen=True, kw_only=True)
class Claimed:
    """A delivery that whoever holds `lease_token` sends, for the `attempts`th time."""

    number: int
    lease_token: uuid.UUID
    attempts: int
    notice_id: str
    body: str
    endpoint_id: str
    url: str
    secrets: list[str] = field(repr=False)


def claim_due(
    session: Session,
    *,
    cipher: FieldCipher,
    lanes: int,
    busy: Mapping[str, int],
    now: dt.datetime,
) -> list[Claimed]:
    """Take what is due, up to `lanes` for each endpoint, less what of it is `busy` already.

    An endpoint whose last call failed gets one at a time, until one arrives.
    """
    rows = session.execute(
        _CLAIM,
        {
            "lanes": lanes,
            "busy": json.dumps(dict(busy)),
            "now": now,
            "given_up_at": now + dt.timedelta(seconds=LEASE_S),
        },
    ).mappings()
    found = [dict(row) for row in rows]
    endpoint_ids = {row["endpoint_id"] for row in found}
    if not endpoint_ids:
        return []
    secrets = live_secrets(session, endpoint_ids, cipher=cipher, now=now)
    return [Claimed(**row, secrets=secrets[row["endpoint_id"]]) for row in found]
