"""Finds for each balance transaction of a payment the ledger entry its principal became.

A charge may be told by its balance transaction first or by its own event first; whichever it is,
the two are joined here, one for one. So are transfers to sellers, which belong to the payment
whose money they are. What stays alone for long is asked for again.
"""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, select, text, update
from sqlalchemy.orm import Session

import ledger
from ledger import JournalEntry
from payments.accounting.chart_of_accounts import stripe_pending
from payments.lifecycle.tables import Payment
from payments.log_lines import get_logger
from payments.payouts.ask_about_payouts import ask_about_payouts
from payments.settlement.store_transactions import PROVIDER
from payments.settlement.tables import BalanceTransactionRow

PATIENCE = dt.timedelta(minutes=10)
ASKED_AGAIN_AFTER = dt.timedelta(hours=1)

_AWAITING = text(r"""
    SELECT t.id, t.amount, t.currency, t.source_amount, t.source_currency, t.awaits,
           CASE WHEN t.awaits = 'charge' THEN t.payment_id ELSE COALESCE(r.id, d.id) END AS subject,
           CASE WHEN t.awaits = 'payout' THEN ARRAY(
                  SELECT a.payout_id || '\:paid'
                         || CASE a.number WHEN 1 THEN '' ELSE '\:' || a.number END
                    FROM strongroom.seller_payout_attempts a
                   WHERE a.provider = t.provider AND a.provider_ref = t.source_ref)
                WHEN t.awaits = 'payout_returned' THEN ARRAY(
                  SELECT o.id || '\:returned\:' || t.source_ref
                    FROM strongroom.seller_payouts o WHERE o.payment_id = t.payment_id)
           END AS payout_keys
      FROM strongroom.balance_transactions t
      LEFT JOIN strongroom.refunds r
        ON r.provider = t.provider AND r.provider_ref = t.source_ref
      LEFT JOIN strongroom.disputes d
        ON d.provider = t.provider AND d.provider_ref = t.source_ref
     WHERE t.awaits IS NOT NULL AND t.principal_entry_id IS NULL AND t.booked <> 'nothing'
     ORDER BY t.asked_at NULLS FIRST, t.occurred_at
     LIMIT :limit
       FOR NO KEY UPDATE OF t SKIP LOCKED
""")

_EFFECTS = {
    "charge": "charged",
    "refund": "refunded",
    "refund_returned": "returned",
    "dispute": "opened",
    "dispute_won": "won",
}

_OF_PAYOUTS = frozenset({"payout", "payout_returned"})

_log = get_logger(__name__)


def match_principals(session: Session, *, limit: int) -> int:
    """Join transactions with the entries of their principals, and return how many were joined."""
    awaiting = session.execute(_AWAITING, {"limit": limit}).all()
    keys = {row.id: _keys_of(row) for row in awaiting}
    wanted = [key for names in keys.values() for key in names]
    found = ledger.entries_of_effects(session.connection(), wanted)
    entries = {entry.effect_key: entry for entry in found}
    taken = _taken(session, [entry.id for entry in entries.values()])
    matched = 0
    for row in awaiting:
        entry = next((entries[key] for key in keys[row.id] if key in entries), None)
        if entry is None:
            continue
        fault = _misfit(row, entry, taken)
        if fault is None:
            taken[entry.id] = row.id
            matched += 1
        session.execute(
            update(BalanceTransactionRow)
            .where(BalanceTransactionRow.id == row.id)
            .values(principal_entry_id=None if fault else entry.id, fault=fault)
            .execution_options(synchronize_session=False)
        )
    return matched


def ask_for_missing(session: Session, *, limit: int, now: dt.datetime) -> list[str]:
    """Put up for polling the payments, or payouts, whose money moved without our hearing of it.

    Returns the payments' ids. The same payment is put up again after an hour at the earliest.
    """
    row = BalanceTransactionRow
    missing = session.scalars(
        select(row)
        .where(
            row.awaits.is_not(None),
            row.principal_entry_id.is_(None),
            row.occurred_at <= now - PATIENCE,
            row.asked_at.is_(None) | (row.asked_at <= now - ASKED_AGAIN_AFTER),
        )
        .order_by(row.occurred_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    if not missing:
        return []
    of_payouts = {found.payment_id for found in missing if found.payment_id and _is_payout(found)}
    ask_about_payouts(session, payment_ids=sorted(of_payouts), provider=PROVIDER, now=now)
    payment_ids = sorted(
        {found.payment_id for found in missing if found.payment_id and not _is_payout(found)}
    )
    locked = select(Payment.id).where(Payment.id.in_(payment_ids)).order_by(Payment.id)
    session.execute(locked.with_for_update(key_share=True))
    session.execute(
        update(Payment)
        .where(
            Payment.id.in_(payment_ids),
            Payment.poll_at.is_(None) | (Payment.poll_at > now),
        )
        .values(poll_at=now)
        .execution_options(synchronize_session=False)
    )
    for found in missing:
        found.asked_at = now
        _log.warning(
            "balance_transaction_without_entry",
            id=found.id,
            awaits=found.awaits,
            payment_id=found.payment_id,
            reason=found.fault,
        )
    session.flush()
    return payment_ids


def _is_payout(found: BalanceTransactionRow) -> bool:
    return found.awaits in _OF_PAYOUTS


def _keys_of(row: Row[Any]) -> Sequence[str]:
    """Return the keys that the entry of a transaction's principal may have, of which it has one."""
    if row.payout_keys is not None:
        keys: Sequence[str] = row.payout_keys
        return keys
    return [] if row.subject is None else [f"{row.subject}:{_EFFECTS[row.awaits]}"]


def _taken(session: Session, entry_ids: Sequence[int]) -> dict[int, str]:
    row = BalanceTransactionRow
    found = select(row.principal_entry_id, row.id).where(row.principal_entry_id.in_(entry_ids))
    return {entry_id: row_id for entry_id, row_id in session.execute(found) if entry_id}


def _misfit(row: Row[tuple[object, ...]], entry: JournalEntry, taken: dict[int, str]) -> str | None:
    """Say why a transaction and an entry are not one and the same; None: they are."""
    if entry.id in taken:
        return f"{entry.effect_key} belongs to {taken[entry.id]} already"
    exchanged = row.source_currency not in (None, row.currency)
    currency = row.source_currency if exchanged else row.currency
    moved = int(row.source_amount if exchanged else row.amount)
    pending = stripe_pending(currency)
    booked = sum(line.amount for line in entry.lines if line[:2] == (pending.path, pending.asset))
    if booked != moved:
        return f"moved {moved} {currency}, but {entry.effect_key} booked {booked}"
    return None
