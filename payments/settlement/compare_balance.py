"""Stripe's balance against our books, by currency: what differs, and what of it is on its way.

Two systems are never read at the same instant. What is known to be in flight is named with its
figures; only what is left over is a finding.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, RowMapping, select, text

import ledger
from payments.accounting.chart_of_accounts import stripe_available, stripe_pending
from payments.database import transaction
from payments.providers.stripe import balance
from payments.providers.stripe.balance import Balance, BalanceTransaction
from payments.providers.stripe.client import StripeClient
from payments.settlement.sync_balance import OVERLAP, read_cursor
from payments.settlement.tables import BalanceTransactionRow

LOOKS = 3
_PAGES = 10
_NEWEST_POSTINGS = 100_000

# Each is a sum by currency that Stripe's figure is ahead of ours, in its two places.
_IN_FLIGHT = text("""
    SELECT 'not booked' AS reason, currency, count(*) AS transactions, min(occurred_at) AS since,
           sum(CASE WHEN available_on > :now THEN net ELSE 0 END) AS pending,
           sum(CASE WHEN available_on > :now THEN 0 ELSE net END) AS available
      FROM strongroom.balance_transactions WHERE booked = 'nothing' GROUP BY currency
    UNION ALL
    SELECT 'becoming available', currency, count(*), min(available_on), -sum(net), sum(net)
      FROM strongroom.balance_transactions
     WHERE booked = 'pending' AND available_on <= :now GROUP BY currency
    UNION ALL
    SELECT 'payment event awaited', COALESCE(source_currency, currency), count(*),
           min(occurred_at),
           sum(CASE WHEN source_currency <> currency THEN source_amount ELSE amount END), 0
      FROM strongroom.balance_transactions
     WHERE awaits IS NOT NULL AND principal_entry_id IS NULL AND booked <> 'nothing'
     GROUP BY COALESCE(source_currency, currency)
    UNION ALL
    SELECT 'balance transaction awaited', s.code, count(*), min(p.recorded_at), -sum(p.amount), 0
      FROM (SELECT p.* FROM ledger.accounts a, LATERAL (
              SELECT * FROM ledger.postings WHERE account_id = a.id
               ORDER BY seq DESC LIMIT :newest) p
             WHERE a.path = :path) p
      JOIN ledger.entries e ON e.id = p.entry_id
      JOIN ledger.assets s ON s.id = p.asset_id
     WHERE e.kind NOT LIKE 'settlement.%'
       AND NOT EXISTS (SELECT FROM strongroom.balance_transactions t
                        WHERE t.principal_entry_id = e.id)
     GROUP BY s.code
""")


@dataclass(frozen=True, kw_only=True)
class InFlight:
    """Why Stripe's figures are ahead of ours for now: by so much in each place.

    `since` is the moment of the oldest: what is in flight for long needs a person.
    """

    reason: str
    currency: str
    transactions: int
    pending: int
    available: int
    since: dt.datetime


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One currency at one moment, in minor units; drift is Stripe's figure less ours."""

    currency: str
    stripe: Balance
    ledger: Balance
    in_flight: tuple[InFlight, ...]

    @property
    def drift(self) -> Balance:
        """All that differs."""
        return Balance(
            self.stripe.pending - self.ledger.pending,
            self.stripe.available - self.ledger.available,
        )

    @property
    def unexplained(self) -> Balance:
        """What differs beyond what is in flight: a finding unless both are zero."""
        return Balance(
            self.drift.pending - sum(known.pending for known in self.in_flight),
            self.drift.available - sum(known.available for known in self.in_flight),
        )

    @property
    def agrees(self) -> bool:
        """Whether everything that differs is in flight."""
        return self.unexplained == Balance()


def compare_balance(engine: Engine, *, stripe: StripeClient, now: dt.datetime) -> list[Comparison]:
    """Return the comparison for every currency that either side knows.

    While money moves, the sides are read at different moments: so a difference that nothing
    explains is looked at again, three times in all, before it is returned.

    Raises:
        UnavailableError: Stripe did not answer.
        ConflictError: Stripe refused the question.
    """
    found = _compare(engine, stripe, now)
    for _ in range(LOOKS - 1):
        if all(comparison.agrees for comparison in found):
            break
        found = _compare(engine, stripe, now)
    return found


def _compare(engine: Engine, stripe: StripeClient, now: dt.datetime) -> list[Comparison]:
    theirs = balance.retrieve_balance(stripe)
    newest = _newest(engine, stripe)
    with transaction(engine) as session:
        session.connection().exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        ids = [found.id for found in newest]
        known = set(
            session.scalars(
                select(BalanceTransactionRow.id).where(BalanceTransactionRow.id.in_(ids))
            )
        )
        ours = _our_balances(session.connection())
        wanted = {"now": now, "newest": _NEWEST_POSTINGS, "path": stripe_pending("").path}
        in_flight = [_in_flight(row) for row in session.execute(_IN_FLIGHT, wanted).mappings()]
    in_flight += _not_read([found for found in newest if found.id not in known])
    currencies = {*theirs, *ours, *(known.currency for known in in_flight)}
    return [
        Comparison(
            currency=currency,
            stripe=theirs.get(currency, Balance()),
            ledger=ours.get(currency, Balance()),
            in_flight=tuple(known for known in in_flight if known.currency == currency),
        )
        for currency in sorted(currencies)
    ]


def _newest(engine: Engine, stripe: StripeClient) -> list[BalanceTransaction]:
    """Return what Stripe has told or would tell the next sync, a thousand at most."""
    since = read_cursor(engine).synced_to
    found: list[BalanceTransaction] = []
    for _ in range(_PAGES):
        page = balance.list_transactions(
            stripe,
            since=None if since is None else since - OVERLAP,
            after=found[-1].id if found else None,
        )
        found += page.transactions
        if not page.has_more:
            break
    return found


def _our_balances(connection: Connection) -> dict[str, Balance]:
    currencies = list(ledger.assets(connection))
    places = [spec(currency) for currency in currencies for spec in _PLACES]
    ids = ledger.find_account_ids(connection, [(spec.path, spec.asset) for spec in places])
    sums = {name: ledger.balance(connection, account_id) for name, account_id in ids.items()}
    return {
        currency: Balance(*(sums.get((spec(currency).path, currency), 0) for spec in _PLACES))
        for currency in sorted({asset for _, asset in ids})
    }


_PLACES = (stripe_pending, stripe_available)


def _in_flight(row: RowMapping) -> InFlight:
    return InFlight(
        reason=row["reason"],
        currency=row["currency"],
        transactions=row["transactions"],
        pending=int(row["pending"]),
        available=int(row["available"]),
        since=row["since"],
    )


def _not_read(missing: Sequence[BalanceTransaction]) -> list[InFlight]:
    by_currency: dict[str, list[BalanceTransaction]] = {}
    for found in missing:
        by_currency.setdefault(found.currency, []).append(found)
    return [
        InFlight(
            reason="not read yet",
            currency=currency,
            transactions=len(found),
            pending=sum(each.net for each in found if not each.is_available),
            available=sum(each.net for each in found if each.is_available),
            since=min(each.occurred_at for each in found),
        )
        for currency, found in by_currency.items()
    ]
