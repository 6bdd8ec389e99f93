"""What does not agree with banks, providers and chains, and what stands still because of it."""

import datetime as dt
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import Connection, text

_FINDINGS = text("""
    SELECT kind, currency, count(*) AS n,
           CAST(sum(abs(coalesce(amount, 0) - coalesce(expected, 0))) AS text) AS difference,
           min(first_seen_at) AS oldest
      FROM strongroom.findings WHERE state = 'open'
     GROUP BY kind, currency ORDER BY kind, currency
""")
_RECONCILED = text("""
    SELECT max(finished_at) FROM strongroom.reconciliation_runs WHERE status = 'done'
""")
_CHAINS = text("""
    SELECT chain, scanned_to, final_to, scanned_at, final_at, error IS NOT NULL AS stands_still
      FROM strongroom.chain_cursors ORDER BY chain
""")
_UNKNOWN = text("""
    SELECT 'call' AS kind, count(*) AS n, min(created_at) AS oldest
      FROM strongroom.provider_calls WHERE state = 'unknown'
    UNION ALL
    SELECT 'payout', count(*), min(updated_at)
      FROM strongroom.seller_payouts WHERE status = 'unknown'
""")
_FREEZES = text("SELECT count(*) FROM strongroom.freezes WHERE lifted_at IS NULL")


@dataclass(frozen=True)
class Drift:
    """Open findings of a kind and currency: `difference` is the sum of theirs, in minor units."""

    kind: str
    currency: str | None
    count: int
    difference: int
    oldest: dt.datetime


class ChainPlace(NamedTuple):
    """How far a chain was read, and when; `stands_still`: it cannot be read on."""

    chain: str
    scanned_to: int
    final_to: int
    scanned_at: dt.datetime
    final_at: dt.datetime
    stands_still: bool


@dataclass(frozen=True)
class Unknown:
    """Of how many calls or payouts nobody knows what became of them, since when."""

    kind: str
    count: int
    oldest: dt.datetime | None


def read_drift(connection: Connection) -> list[Drift]:
    """Return what is found and not settled, by kind and currency."""
    return [
        Drift(row.kind, row.currency, row.n, int(row.difference), row.oldest)
        for row in connection.execute(_FINDINGS)
    ]


def read_reconciled_at(connection: Connection) -> dt.datetime | None:
    """Return when a reconciliation was last carried through; None: never."""
    found: dt.datetime | None = connection.execute(_RECONCILED).scalar_one()
    return found


def read_chain_places(connection: Connection) -> list[ChainPlace]:
    """Return how far each chain is read."""
    return [ChainPlace(*row) for row in connection.execute(_CHAINS)]


def read_unknown(connection: Connection) -> list[Unknown]:
    """Return what was sent and got no answer yet."""
    return [Unknown(*row) for row in connection.execute(_UNKNOWN)]


def count_freezes(connection: Connection) -> int:
    """Return how many freezes of releases are in force."""
    return int(connection.execute(_FREEZES).scalar_one())
