"""How a booking becomes an entry: lines by account, opened when first used, dated in open books."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

import ledger
from ledger import AccountSpec, Entry, Posted, Posting

Line = tuple[AccountSpec, int]
"""An account and a change of it in minor units, debit positive."""

_TICK = dt.timedelta(microseconds=1)


def build_entry(
    connection: Connection,
    lines: Sequence[Line],
    *,
    effect_key: str,
    kind: str,
    occurred_at: dt.datetime,
    description: str,
    metadata: Mapping[str, Any],
) -> Entry:
    """Return the entry of some lines; those of zero are left out."""
    lines = [line for line in lines if line[1]]
    accounts = ledger.open_accounts(connection, [account for account, _ in lines])
    booked_at = open_moment(connection, occurred_at)
    told = {} if booked_at == occurred_at else {"occurred_at": occurred_at.isoformat()}
    return Entry(
        effect_key=effect_key,
        kind=kind,
        occurred_at=booked_at,
        postings=[Posting(accounts[spec.path, spec.asset], change) for spec, change in lines],
        description=description,
        metadata={**metadata, **told},
    )


def book(connection: Connection, lines: Sequence[Line], **entry: Any) -> Posted:
    """Post some lines as one entry; the rest as `build_entry`.

    Raises:
        LedgerError: the ledger refused it, and nothing was written.
    """
    return ledger.post(connection, build_entry(connection, lines, **entry))


def open_moment(connection: Connection, occurred_at: dt.datetime) -> dt.datetime:
    """Return the moment itself, or the first one that is not closed.

    What a provider tells us late happened all the same: it belongs into the first open period. It
    stays open until the transaction ends, so that nothing is refused for a closing in between.
    """
    closed_through = ledger.hold_closed_through(connection)
    if closed_through is None or occurred_at > closed_through:
        return occurred_at
    return closed_through + _TICK
