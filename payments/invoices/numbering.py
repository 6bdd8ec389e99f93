"""Numbers without a gap: one series a seller and kind of document, counted anew each year.

A number is taken in the transaction that inserts its document, under the lock of the counter's
row: who comes second waits, and what is rolled back gives its number back.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import text
from sqlalchemy.orm import Session

IssuedKind = Literal["invoice", "credit_note"]

_FIND_SERIES = text("""
    SELECT code FROM strongroom.invoice_series WHERE seller_id = :seller_id AND kind = :kind
""")
_OPEN_SERIES = text("""
    WITH fresh AS (
      SELECT 'S' || lpad(n::text, greatest(4, length(n::text)), '0') AS code
        FROM nextval('strongroom.invoice_series_codes') AS n)
    INSERT INTO strongroom.invoice_series (seller_id, kind, code)
    SELECT :seller_id, 'invoice', code FROM fresh
     UNION ALL
    SELECT :seller_id, 'credit_note', code || 'C' FROM fresh
        ON CONFLICT (seller_id, kind) DO NOTHING
""")
_COUNT = text("""
    INSERT INTO strongroom.invoice_counters AS c (series, year, last_number, last_issued_at)
    VALUES (:series, :year, 1, :now)
        ON CONFLICT (series, year) DO UPDATE
       SET last_number = c.last_number + 1,
           last_issued_at = greatest(c.last_issued_at, excluded.last_issued_at)
    RETURNING last_number, last_issued_at
""")


@dataclass(frozen=True)
class Number:
    """The number of a document, and when it counts as issued: never before the number below it."""

    series: str
    year: int
    number: int
    issued_at: dt.datetime

    @property
    def text(self) -> str:
        """The number as people write it, for example `S0001-2026-000042`."""
        return f"{self.series}-{self.year}-{self.number:06d}"


def take_number(session: Session, *, seller_id: str, kind: IssuedKind, now: dt.datetime) -> Number:
    """Take the next number of a seller's series in the UTC year of `now`.

    It is the caller's until its transaction ends, and the next issuer of the series waits for that.
    """
    series = _series_of(session, seller_id=seller_id, kind=kind)
    year = now.astimezone(dt.UTC).year
    row = session.execute(_COUNT, {"series": series, "year": year, "now": now}).one()
    return Number(series, year, row.last_number, row.last_issued_at)


def _series_of(session: Session, *, seller_id: str, kind: IssuedKind) -> str:
    found = session.execute(_FIND_SERIES, {"seller_id": seller_id, "kind": kind}).scalar()
    if found is None:
        # Of two at once, one opens the series, and the other has waited for it and reads it.
        session.execute(_OPEN_SERIES, {"seller_id": seller_id})
        found = session.execute(_FIND_SERIES, {"seller_id": seller_id, "kind": kind}).scalar_one()
    return str(found)
