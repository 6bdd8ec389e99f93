"""What does not agree: the same thing found again is the same finding, until it is over.

A check names its scope, the beginning of all its keys. What it found before and finds no more is
over. What a person has settled is not found anew as long as its figures stay the same.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.identifiers import new_id

BY_RUN = "run:"

_KEEP = text("""
    INSERT INTO strongroom.findings AS f
           (id, finding_key, kind, subject_id, amount, expected, currency, detail, state,
            first_seen_at, last_seen_at)
    SELECT n.id, n.key, n.kind, n.subject_id, CAST(n.amount AS numeric),
           CAST(n.expected AS numeric), n.currency, n.detail, 'open', :now, :now
      FROM unnest(CAST(:id AS text[]), CAST(:key AS text[]), CAST(:kind AS text[]),
                  CAST(:subject_id AS text[]), CAST(:amount AS text[]),
                  CAST(:expected AS text[]), CAST(:currency AS text[]), CAST(:detail AS text[]))
           AS n (id, key, kind, subject_id, amount, expected, currency, detail)
     WHERE NOT EXISTS (
       SELECT FROM strongroom.findings s
        WHERE s.finding_key = n.key AND s.state = 'resolved' AND NOT starts_with(s.resolved_by, :by)
          AND (s.amount, s.expected) IS NOT DISTINCT FROM
              (CAST(n.amount AS numeric), CAST(n.expected AS numeric)))
        ON CONFLICT (finding_key) WHERE state = 'open'
        DO UPDATE SET amount = excluded.amount, expected = excluded.expected,
                      detail = excluded.detail, last_seen_at = excluded.last_seen_at
    RETURNING f.first_seen_at = f.last_seen_at AND f.id = ANY(CAST(:id AS text[])) AS is_new
""")
_RESOLVE = text("""
    UPDATE strongroom.findings f
       SET state = 'resolved', resolved_at = :now, resolved_by = :by || :run_id,
           resolution = 'no longer seen, ' || :run_id
     WHERE f.state = 'open' AND starts_with(f.finding_key, :scope)
       AND NOT EXISTS (SELECT FROM unnest(CAST(:key AS text[])) AS n (key)
                        WHERE n.key = f.finding_key)
    RETURNING f.id
""")
_OLDEST = text("""
    SELECT min(first_seen_at) FROM strongroom.findings
     WHERE state = 'open' AND starts_with(finding_key, :scope)
""")
_COUNT = text("SELECT count(*) FROM strongroom.findings WHERE state = 'open'")


class Found(NamedTuple):
    """Something that does not agree: `amount` is what is found, `expected` what should be."""

    key: str
    kind: str
    subject_id: str
    amount: int | None
    expected: int | None
    currency: str | None
    detail: str


def keep_findings(
    session: Session, scope: str, found: Iterable[Found], *, run_id: str, now: dt.datetime
) -> Mapping[str, int]:
    """Keep what a check found, and resolve what it finds no more; return how many of each.

    `found` is all there is within the scope, with which all its keys begin.
    """
    rows = list({each.key: each for each in found}.values())
    keys = [each.key for each in rows]
    new = sum(session.scalars(_KEEP, {**_columns(rows, now=now), "by": BY_RUN, "now": now}))
    over = session.scalars(
        _RESOLVE, {"key": keys, "scope": scope, "by": BY_RUN, "run_id": run_id, "now": now}
    )
    return {"findings_new": new, "findings_over": len(over.all())}


def oldest_open(session: Session, scope: str) -> dt.datetime | None:
    """Return when the oldest open finding of a scope was first seen."""
    found: dt.datetime | None = session.scalar(_OLDEST, {"scope": scope})
    return found


def count_open(session: Session) -> int:
    """Return how many findings nobody has settled yet."""
    return int(session.scalar(_COUNT) or 0)


def _columns(rows: Sequence[Found], *, now: dt.datetime) -> dict[str, list[str | None]]:
    return {
        "id": [new_id("fnd", now=now) for _ in rows],
        "key": [row.key for row in rows],
        "kind": [row.kind for row in rows],
        "subject_id": [row.subject_id for row in rows],
        "amount": [_digits(row.amount) for row in rows],
        "expected": [_digits(row.expected) for row in rows],
        "currency": [row.currency for row in rows],
        "detail": [row.detail for row in rows],
    }


def _digits(amount: int | None) -> str | None:
    return None if amount is None else str(amount)
