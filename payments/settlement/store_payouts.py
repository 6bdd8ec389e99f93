"""Payouts as Stripe tells of them: stored, followed until they are final, and itemized.

What they move in the ledger comes from balance transactions alone; these rows say when the money
arrives, under which name, and what is in it.
"""

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import Engine, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from payments.database import in_transaction, transaction
from payments.identifiers import new_id
from payments.providers.stripe import balance
from payments.providers.stripe.client import StripeClient
from payments.settlement.tables import BalanceTransactionRow
from payments.settlement.tables import Payout as PayoutRow

PROVIDER = "stripe"
MAY_STILL_FAIL = dt.timedelta(days=10)
"""A payout that was told as paid can come back for about five business days."""

_NOT_FINAL = ("pending", "in_transit")
_PAGES_OF_ONE = 100
_PAYOUTS_A_TIME = 5


def store_payouts(session: Session, payouts: Sequence[balance.Payout], *, now: dt.datetime) -> int:
    """Store new payouts and the new state of known ones; return how many changed."""
    rows = [
        {
            "id": new_id("pyo", now=now),
            "provider": PROVIDER,
            "provider_ref": payout.ref,
            "amount": payout.amount,
            "currency": payout.currency,
            "status": payout.status,
            "automatic": payout.automatic,
            "arrival_date": payout.arrival_date,
            "statement_descriptor": payout.statement_descriptor,
            "trace_ref": payout.trace_ref,
            "failure_code": payout.failure_code,
            "occurred_at": payout.occurred_at,
            "itemized": False,
            "created_at": now,
            "updated_at": now,
        }
        for payout in sorted(
            {payout.ref: payout for payout in payouts}.values(), key=lambda payout: payout.ref
        )
    ]
    if not rows:
        return 0
    told = insert(PayoutRow).values(rows)
    news = ("status", "arrival_date", "statement_descriptor", "trace_ref", "failure_code")
    changed = session.scalars(
        told.on_conflict_do_update(
            index_elements=["provider", "provider_ref"],
            set_={**{name: told.excluded[name] for name in news}, "updated_at": now},
            where=or_(
                *(getattr(PayoutRow, name).is_distinct_from(told.excluded[name]) for name in news)
            ),
        ).returning(PayoutRow.id)
    )
    return len(changed.all())


def follow_payouts(engine: Engine, *, stripe: StripeClient, now: dt.datetime) -> int:
    """Ask for the state of payouts that are not final and for what is in those that arrived.

    Returns how many payouts changed. Asks nothing when every payout is final.

    Raises:
        UnavailableError: Stripe did not answer.
        ConflictError: Stripe refused the question.
    """
    since = _oldest_to_follow(engine, now=now)
    if since is None:
        return 0
    payouts = balance.list_payouts(stripe, since=since)
    changed = in_transaction(engine, lambda session: store_payouts(session, payouts, now=now))
    itemizable = [payout.ref for payout in payouts if payout.automatic and payout.is_itemized]
    for ref in _not_itemized(engine, itemizable):
        _itemize(engine, stripe, ref)
    return changed


def _oldest_to_follow(engine: Engine, *, now: dt.datetime) -> dt.datetime | None:
    """Return when the oldest payout was made that may still change."""
    row = PayoutRow
    may_change = or_(
        row.status.in_(_NOT_FINAL),
        (row.status == "paid") & (row.arrival_date > (now - MAY_STILL_FAIL).date()),
    )
    with transaction(engine) as session:
        return session.scalar(
            select(func.min(row.occurred_at)).where(row.provider == PROVIDER, may_change)
        )


def _not_itemized(engine: Engine, refs: Sequence[str]) -> list[str]:
    row = PayoutRow
    with transaction(engine) as session:
        found = select(row.provider_ref).where(
            row.provider == PROVIDER, row.provider_ref.in_(refs), ~row.itemized
        )
        return list(session.scalars(found.order_by(row.occurred_at).limit(_PAYOUTS_A_TIME)))


def _itemize(engine: Engine, stripe: StripeClient, ref: str) -> None:
    """Note for each transaction that was paid out by which payout it was."""
    after: str | None = None
    for _ in range(_PAGES_OF_ONE):
        page = balance.list_transactions(stripe, payout=ref, after=after)
        ids = [found.id for found in page.transactions]
        with transaction(engine) as session:
            session.execute(
                update(BalanceTransactionRow)
                .where(BalanceTransactionRow.id.in_(ids))
                .values(payout_ref=ref)
            )
            if not page.has_more:
                session.execute(
                    update(PayoutRow)
                    .where(PayoutRow.provider == PROVIDER, PayoutRow.provider_ref == ref)
                    .values(itemized=True)
                )
        if not page.has_more:
            return
        after = ids[-1]
