"""Money that has left one place and is not at the next: by rail, stage and age."""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import Connection, text

STAGES = (
    "awaiting_payer",
    "authorized",
    "confirming",
    "awaiting_approval",
    "releasing",
    "refunding",
    "awaiting_destination",
    "paying_out",
    "settling",
)
"""`awaiting_payer`: we expect it, nobody has paid. `authorized`: reserved on a card, for us to
capture. `confirming`: paid, and its provider or chain has yet to confirm. `awaiting_approval`,
`releasing`: a release that a second person has to approve, or on its way to its seller.
`refunding`: to its buyer. `awaiting_destination`, `paying_out`: a payout whose seller has named no
account, or on its way. `settling`: from Stripe to our bank."""

# The states stand here word for word as in the indexes of 0011_operations/6_overview.sql.
_IN_FLIGHT = text("""
    SELECT rail, stage, currency,
           CASE WHEN since > :now - interval '10 minutes' THEN 'under_10m'
                WHEN since > :now - interval '1 hour' THEN 'under_1h'
                WHEN since > :now - interval '1 day' THEN 'under_1d'
                WHEN since > :now - interval '3 days' THEN 'under_3d'
                ELSE 'older' END AS age,
           count(*) AS n, CAST(sum(amount) AS text) AS amount, min(since) AS oldest
      FROM (
        SELECT rail, CASE WHEN status <> 'processing' THEN 'awaiting_payer'
                          WHEN authorized_at IS NOT NULL THEN 'authorized'
                          ELSE 'confirming' END AS stage, currency, amount, created_at AS since
          FROM strongroom.payments WHERE status IN ('created', 'requires_action', 'processing')
        UNION ALL
        SELECT p.rail, CASE WHEN r.status = 'requested' AND r.needs_approval
                            THEN 'awaiting_approval' ELSE 'releasing' END,
               r.currency, r.amount, r.created_at
          FROM strongroom.releases r JOIN strongroom.payments p ON p.id = r.payment_id
         WHERE r.status NOT IN ('posted', 'failed', 'canceled')
        UNION ALL
        SELECT p.rail, 'refunding', f.currency, f.amount, f.created_at
          FROM strongroom.refunds f JOIN strongroom.payments p ON p.id = f.payment_id
         WHERE f.status = 'pending'
        UNION ALL
        SELECT p.rail, CASE WHEN o.status = 'waiting' THEN 'awaiting_destination'
                            ELSE 'paying_out' END, o.currency, o.amount, o.created_at
          FROM strongroom.seller_payouts o JOIN strongroom.payments p ON p.id = o.payment_id
         WHERE o.status NOT IN ('paid', 'failed')
        UNION ALL
        SELECT 'card', 'settling', currency, amount, created_at
          FROM strongroom.payouts WHERE status IN ('pending', 'in_transit')
      ) moving
     GROUP BY rail, stage, currency, age
     ORDER BY rail, stage, currency, age
""")


@dataclass(frozen=True)
class InFlight:
    """What of one rail, stage, currency and age is on its way; `amount` in minor units."""

    rail: str
    stage: str
    currency: str
    age: str
    count: int
    amount: int
    oldest: dt.datetime


def read_in_flight(connection: Connection, *, now: dt.datetime) -> list[InFlight]:
    """Return what is on its way now, by rail, stage, currency and age."""
    return [
        InFlight(row.rail, row.stage, row.currency, row.age, row.n, int(row.amount), row.oldest)
        for row in connection.execute(_IN_FLIGHT, {"now": now})
    ]
