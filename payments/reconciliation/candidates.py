"""What an unmatched line may be: what a run suggests, and whatever else is open of that amount.

For a person who compares them side by side; nothing of it is decided here.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from payments.reconciliation.unmatched import UnmatchedItem
from payments.reconciliation.view_match import expectation_name, expectation_number

MOST = 5
_PAID_WITHIN = dt.timedelta(days=120)

_EXPECTED = text("""
    SELECT l.id AS line_id, e.id, e.kind, e.subject_id, e.payment_id, e.provider_ref,
           CAST(e.amount - e.matched_amount AS text) AS amount, e.currency, e.occurred_on,
           e.id = ANY(CAST(:suggested AS bigint[])) AS is_suggested
      FROM strongroom.statement_lines l
      JOIN LATERAL (
             SELECT o.* FROM strongroom.expectations o
              WHERE o.matched_amount <> o.amount AND o.currency = l.currency
                AND (o.amount - o.matched_amount = l.amount
                     OR o.id IN (SELECT CAST(n AS bigint) FROM jsonb_array_elements_text(
                          COALESCE(l.suggestion -> 'expectation_ids', '[]')) AS n))
              ORDER BY abs(o.occurred_on - l.booked_on), o.id LIMIT :most) e ON true
     WHERE l.id = ANY(CAST(:lines AS text[]))
""")
_AWAITED = text("""
    SELECT l.id AS line_id, p.id, p.order_id, p.status, p.bank_reference,
           CAST(p.amount AS text) AS amount, p.currency, CAST(p.created_at AS date) AS occurred_on
      FROM strongroom.statement_lines l
      JOIN LATERAL (
             SELECT q.* FROM strongroom.payments q
              WHERE q.rail = 'bank' AND q.currency = l.currency AND q.amount = l.amount
                AND q.status IN ('created', 'requires_action', 'processing', 'failed', 'expired')
                AND q.created_at > :since
              ORDER BY q.created_at DESC LIMIT :most) p ON true
     WHERE l.id = ANY(CAST(:lines AS text[])) AND l.amount > 0
""")


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """Something a line may be; `amount` in signed minor units is what is open of it.

    `kind` is `expectation`, by whose id a part of the match is named, or `payment`, which has
    received nothing yet. `days_apart` counts from the line's day.
    """

    kind: str
    id: str
    what: str
    subject_id: str
    payment_id: str | None
    reference: str | None
    amount: int
    currency: str
    occurred_on: dt.date
    days_apart: int
    is_suggested: bool


def candidates_for(
    session: Session, items: Sequence[UnmatchedItem], *, now: dt.datetime
) -> dict[str, list[Candidate]]:
    """Return for each line among the items what it may be, what is suggested first."""
    lines = {item.id: item for item in items if item.kind == "line"}
    if not lines:
        return {}
    suggested = [
        expectation_number(name)
        for item in lines.values()
        for name in (item.suggestion or {}).get("expectation_ids", ())
    ]
    bounds = {"lines": list(lines), "most": MOST}
    found: dict[str, list[Candidate]] = {line_id: [] for line_id in lines}
    for row in session.execute(_EXPECTED, {**bounds, "suggested": suggested}):
        found[row.line_id].append(_expected(row, lines[row.line_id]))
    for row in session.execute(_AWAITED, {**bounds, "since": now - _PAID_WITHIN}):
        found[row.line_id].append(_awaited(row, lines[row.line_id]))
    for each in found.values():
        each.sort(key=lambda one: (not one.is_suggested, one.kind, one.days_apart, one.id))
    return found


def _expected(row: Row[tuple[object, ...]], line: UnmatchedItem) -> Candidate:
    return Candidate(
        kind="expectation",
        id=expectation_name(row.id),
        what=row.kind,
        subject_id=row.subject_id,
        payment_id=row.payment_id,
        reference=row.provider_ref,
        amount=int(row.amount),
        currency=row.currency,
        occurred_on=row.occurred_on,
        days_apart=abs((row.occurred_on - line.booked_on).days),
        is_suggested=row.is_suggested,
    )


def _awaited(row: Row[tuple[object, ...]], line: UnmatchedItem) -> Candidate:
    return Candidate(
        kind="payment",
        id=row.id,
        what=f"payment by bank, {row.status}",
        subject_id=row.order_id,
        payment_id=row.id,
        reference=row.bank_reference,
        amount=int(row.amount),
        currency=row.currency,
        occurred_on=row.occurred_on,
        days_apart=abs((row.occurred_on - line.booked_on).days),
        is_suggested=False,
    )
