"""Stores balance transactions once, with the payment of ours that each is about."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Boolean, literal_column, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from payments.lifecycle.tables import Payment
from payments.payouts.tables import SellerPayout
from payments.providers.stripe.balance import BalanceTransaction, Source
from payments.settlement.tables import BalanceTransactionRow as Row

PROVIDER = "stripe"

# By Stripe's types: which effect books the principal.
_AWAITED = {
    "charge": "charge",
    "payment": "charge",
    "refund": "refund",
    "payment_refund": "refund",
    "refund_failure": "refund_returned",
    "payment_refund_failure": "refund_returned",
    "transfer": "payout",
    "transfer_cancel": "payout_returned",
    "transfer_failure": "payout_returned",
    "transfer_refund": "payout_returned",
}

# By the intent that the payment itself knows, that an earlier transaction told of, or by what a
# refund, dispute or payout known here is about.
_KNOWN = text("""
    SELECT provider_ref AS ref, id AS payment_id FROM strongroom.payments
     WHERE provider = :provider AND provider_ref = ANY(:refs)
    UNION ALL
    SELECT intent_ref, payment_id FROM strongroom.balance_transactions
     WHERE provider = :provider AND intent_ref = ANY(:refs) AND payment_id IS NOT NULL
    UNION ALL
    SELECT provider_ref, payment_id FROM strongroom.refunds
     WHERE provider = :provider AND provider_ref = ANY(:refs)
    UNION ALL
    SELECT provider_ref, payment_id FROM strongroom.disputes
     WHERE provider = :provider AND provider_ref = ANY(:refs)
    UNION ALL
    SELECT a.provider_ref, p.payment_id FROM strongroom.seller_payout_attempts a
      JOIN strongroom.seller_payouts p ON p.id = a.payout_id
     WHERE a.provider = :provider AND a.provider_ref = ANY(:refs)
""")


def store_transactions(
    session: Session, transactions: Sequence[BalanceTransaction], *, now: dt.datetime
) -> int:
    """Store those that are new, as part of the caller's transaction, and return how many."""
    if not transactions:
        return 0
    payments = _payments_of(session, [found.source for found in transactions if found.source])
    rows = [
        _row(found, _payment_of(found.source, payments), now=now)
        for found in sorted(transactions, key=lambda found: found.id)
    ]
    told = insert(Row).values(rows)
    # The day may change until it has come; nothing else of what was told ever does.
    moved = Row.available_on.is_distinct_from(told.excluded.available_on)
    is_new = session.scalars(
        told.on_conflict_do_update(
            index_elements=["id"],
            set_={"available_on": told.excluded.available_on},
            where=(Row.booked != "available") & moved,
        ).returning(literal_column("xmax = 0", Boolean))
    )
    return sum(is_new)


def _payments_of(session: Session, sources: Sequence[Source]) -> dict[str, str]:
    """Return our payments by any id the provider may name them with."""
    named = ((source.ref, source.intent_ref, source.transfer_ref) for source in sources)
    refs = {ref for names in named for ref in names if ref}
    known = session.execute(_KNOWN, {"provider": PROVIDER, "refs": sorted(refs)})
    found: dict[str, str] = {row.ref: row.payment_id for row in known}
    # What metadata claims counts where the payment knows of no other intent.
    claimed = {source.payment_id for source in sources if source.payment_id}
    ours = select(Payment.id, Payment.provider_ref).where(
        Payment.provider == PROVIDER, Payment.id.in_(sorted(claimed))
    )
    intents = {row.id: row.provider_ref for row in session.execute(ours)}
    for source in sources:
        intent, claim = source.intent_ref, source.payment_id
        if intent and claim and claim in intents and intents[claim] in (None, intent):
            found.setdefault(intent, claim)
    # A transfer may be told before the answer that names it: then it says whose it is.
    says = {source.ref: source.payout_id for source in sources if source.payout_id}
    row = SellerPayout
    known_payouts = select(row.id, row.payment_id).where(
        row.provider == PROVIDER, row.id.in_(sorted(set(says.values())))
    )
    of_payouts = {one.id: one.payment_id for one in session.execute(known_payouts)}
    for ref, payout_id in says.items():
        if payout_id in of_payouts:
            found.setdefault(ref, of_payouts[payout_id])
    return found


def _payment_of(source: Source | None, payments: dict[str, str]) -> str | None:
    if source is None:
        return None
    names = (source.intent_ref, source.ref, source.transfer_ref)
    return next((payments[name] for name in names if name in payments), None)


def _row(found: BalanceTransaction, payment_id: str | None, *, now: dt.datetime) -> dict[str, Any]:
    source = found.source
    amount = source.amount if source else None
    return {
        "id": found.id,
        "provider": PROVIDER,
        "type": found.type,
        "reporting_category": found.reporting_category,
        "source_ref": source and source.ref,
        "intent_ref": source and source.intent_ref,
        "payment_id": payment_id,
        "amount": found.amount,
        "fee": found.fee,
        "net": found.net,
        "currency": found.currency,
        "source_amount": amount if amount is None or found.amount >= 0 else -amount,
        "source_currency": source and source.currency,
        "occurred_at": found.occurred_at,
        "available_on": found.available_on,
        "awaits": None if payment_id is None else _awaits(found),
        "stored_at": now,
    }


def _awaits(found: BalanceTransaction) -> str | None:
    """Return which effect of the payment books the principal; None: this row itself does."""
    if found.type in _AWAITED:
        return _AWAITED[found.type]
    if found.source and found.source.ref.startswith(("dp_", "du_")):
        return "dispute" if found.amount < 0 else "dispute_won"
    return None
