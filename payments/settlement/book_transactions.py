"""Books stored balance transactions: at once what they moved, on their day what is available."""

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import Connection, literal_column, select
from sqlalchemy.orm import Session

import ledger
from ledger import Entry, Posting, Refused
from payments.accounting.entries import open_moment
from payments.log_lines import get_logger
from payments.providers.stripe.intents import CURRENCIES
from payments.settlement.movements import (
    Movement,
    movement_when_available,
    movements_when_known,
)
from payments.settlement.tables import BalanceTransactionRow as Row

# As literals: PostgreSQL cannot match a prepared statement's parameter to a partial index.
_IS_UNBOOKED = Row.booked == literal_column("'nothing'")
_IS_PENDING = Row.booked == literal_column("'pending'")

_log = get_logger(__name__)


def book_stored(session: Session, *, limit: int) -> int:
    """Book fee and principal of up to `limit` stored transactions; return how many are booked.

    One that cannot be booked keeps its reason as `fault`, is tried again behind the others, and
    holds nobody up.
    """
    rows = session.scalars(
        select(Row)
        .where(_IS_UNBOOKED)
        .order_by(Row.fault.is_not(None), Row.occurred_at, Row.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    known = ledger.assets(session.connection()).keys() & CURRENCIES
    sound = [row for row in rows if not _has_fault(row, known)]
    faults = _post(session.connection(), [(row, movements_when_known(row)) for row in sound])
    for row in sound:
        if row.id in faults:
            _set_aside(row, faults[row.id])
        else:
            row.booked, row.fault = "pending", None
    session.flush()
    return len(sound) - len(faults)


def settle_available(session: Session, *, limit: int, now: dt.datetime) -> int:
    """Move what has become available out of the pending account; return of how many."""
    rows = session.scalars(
        select(Row)
        .where(_IS_PENDING, Row.available_on <= now)
        .order_by(Row.available_on, Row.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    moves = [(row, movement) for row in rows if (movement := movement_when_available(row))]
    faults = _post(session.connection(), [(row, [movement]) for row, movement in moves])
    for row in rows:
        if row.id in faults:
            _log.error("balance_transaction_not_settled", id=row.id, reason=faults[row.id])
        else:
            row.booked = "available"
    session.flush()
    return len(rows) - len(faults)


def _has_fault(row: Row, known: set[str]) -> bool:
    fault = None
    if row.net != row.amount - row.fee:
        fault = f"net {row.net} is not amount {row.amount} less fee {row.fee}"
    used = {row.currency} if row.awaits is None else {row.currency, row.source_currency}
    if unknown := sorted(str(currency) for currency in used - known - {None}):
        fault = f"the ledger does not count {', '.join(unknown)} as Stripe does"
    if fault is not None:
        _set_aside(row, fault)
    return fault is not None


def _set_aside(row: Row, fault: str) -> None:
    if row.fault != fault:
        _log.error("balance_transaction_set_aside", id=row.id, type=row.type, reason=fault)
    row.fault = fault


def _post(
    connection: Connection, moved: Sequence[tuple[Row, Sequence[Movement]]]
) -> dict[str, str]:
    """Post all movements as one batch, and return by transaction why one was refused."""
    wanted = [(row, movement) for row, movements in moved for movement in movements]
    if not wanted:
        return {}
    specs = dict.fromkeys(spec for _, movement in wanted for spec, _ in movement.lines)
    accounts = ledger.open_accounts(connection, list(specs))
    oldest = min(movement.occurred_at for _, movement in wanted)
    first_open = open_moment(connection, oldest)
    entries = [
        Entry(
            effect_key=f"{row.id}:{movement.effect}",
            kind=f"settlement.{movement.effect}",
            occurred_at=max(movement.occurred_at, first_open),
            postings=[
                Posting(accounts[spec.path, spec.asset], change) for spec, change in movement.lines
            ],
            description=movement.description,
            metadata=_metadata(row),
        )
        for row, movement in wanted
    ]
    results = ledger.post_batch(connection, entries)
    return {
        row.id: result.detail
        for (row, _), result in zip(wanted, results, strict=True)
        if isinstance(result, Refused)
    }


def _metadata(row: Row) -> dict[str, str]:
    told = {
        "balance_transaction": row.id,
        "type": row.type,
        "source": row.source_ref,
        "payment_id": row.payment_id,
    }
    return {name: value for name, value in told.items() if value is not None}
