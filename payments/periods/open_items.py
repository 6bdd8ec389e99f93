"""What is not explained at a month's end: findings, lines and receipts that wait, odd balances."""

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from sqlalchemy import Connection, text

from payments.periods.months import Month

_NOT_BOOKED = "stale_pending"
"""The kind of findings that are about payments under way: nothing of them is in the books."""

# Whoever takes a finding on answers for it from then on.
_FINDINGS = text("""
    SELECT id, kind || ': ' || detail AS what FROM strongroom.findings
     WHERE state = 'open' AND owner IS NULL AND kind <> :not_booked ORDER BY first_seen_at, id
""")
_NEW_LINES = text("""
    SELECT count(*) FROM strongroom.statement_lines WHERE state = 'new' AND booked_on <= :last_day
""")
# An amount is shown in whole units, as on the statement that it is looked up in.
_SUSPENDED = text("""
    SELECT l.id, 'a line of ' || l.booked_on || ' on ' || l.account || ', '
           || round(l.amount / 10::numeric ^ coalesce(s.exponent, 0), coalesce(s.exponent, 0))
           || ' ' || l.currency AS what
      FROM strongroom.statement_lines l LEFT JOIN ledger.assets s ON s.code = l.currency
     WHERE l.state IN ('new', 'unmatched') AND l.booked_on <= :last_day
       AND NOT EXISTS (SELECT FROM strongroom.findings f
                        WHERE f.subject_id = l.id AND f.state = 'open' AND f.owner IS NOT NULL)
    UNION ALL
    SELECT r.id, 'a receipt of payment ' || r.payment_id || ', '
           || round((r.amount - r.amount_applied - r.amount_returned)
                    / 10::numeric ^ coalesce(s.exponent, 0), coalesce(s.exponent, 0))
           || ' ' || r.currency
      FROM strongroom.bank_receipts r LEFT JOIN ledger.assets s ON s.code = r.currency
     WHERE r.amount_applied + r.amount_returned < r.amount AND r.occurred_at <= :end
       AND NOT EXISTS (SELECT FROM strongroom.findings f
                        WHERE f.subject_id = r.id AND f.state = 'open' AND f.owner IS NOT NULL)
     ORDER BY 1
""")
# What lines and receipts wait in is explained by them; what people set aside has their reason.
_ODD_BALANCES = text("""
    SELECT a.path || ' ' || s.code AS id,
           'a balance of ' || round(ledger.balance_at(a.id, 'occurred', :end)
                                    / 10::numeric ^ s.exponent, s.exponent) AS what
      FROM ledger.accounts a JOIN ledger.assets s ON s.id = a.asset_id
     WHERE starts_with(a.path, 'assets:suspense:')
       AND a.path NOT IN ('assets:suspense:unmatched', 'assets:suspense:discarded')
       AND ledger.balance_at(a.id, 'occurred', :end) <> 0
     ORDER BY 1
""")


class OpenItem(NamedTuple):
    """Something unexplained: what it is called, and what it is."""

    id: str
    what: str


def open_findings(connection: Connection) -> list[OpenItem]:
    """Return the findings about the books that nobody has taken on."""
    return _items(connection.execute(_FINDINGS, {"not_booked": _NOT_BOOKED}))


def unread_lines(connection: Connection, month: Month) -> int:
    """Return how many lines up to the month's end no run has looked at yet."""
    found = connection.execute(_NEW_LINES, {"last_day": month.last_day}).scalar_one()
    return int(found)


def in_suspense(connection: Connection, month: Month) -> list[OpenItem]:
    """Return what waits in suspense since the month or before, and nobody has taken on."""
    end: dict[str, dt.datetime | dt.date] = {"last_day": month.last_day, "end": month.end}
    return _items(connection.execute(_SUSPENDED, end)) + _items(
        connection.execute(_ODD_BALANCES, {"end": month.end})
    )


def unexplained(items: Iterable[OpenItem], explanations: Mapping[str, str]) -> list[OpenItem]:
    """Return those that whoever closes the month does not explain."""
    return [item for item in items if item.id not in explanations]


def _items(rows: Iterable[tuple[str, str]]) -> list[OpenItem]:
    return [OpenItem(id_, what) for id_, what in rows]
