"""What became of a payment's money at the provider: fees, availability, payout."""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.settlement.tables import BalanceTransactionRow, Payout


@dataclass(frozen=True, kw_only=True)
class SettledPayout:
    """The payout that took the money to our bank."""

    provider_ref: str
    status: str
    arrival_date: dt.date


@dataclass(frozen=True, kw_only=True)
class SettledTransaction:
    """One movement at the provider, in signed minor units of `currency`.

    `is_available` says that the provider would pay it out, or has done so.
    """

    id: str
    type: str
    amount: int
    fee: int
    net: int
    currency: str
    occurred_at: dt.datetime
    available_on: dt.datetime
    is_available: bool
    payout: SettledPayout | None


@dataclass(frozen=True)
class Settlement:
    """All movements of a payment, oldest first: charge, refunds, disputes."""

    transactions: tuple[SettledTransaction, ...]

    @property
    def fees(self) -> dict[str, int]:
        """What the provider keeps of it, by currency."""
        return self._sums("fee")

    @property
    def net(self) -> dict[str, int]:
        """What it leaves in our balance, by currency."""
        return self._sums("net")

    def _sums(self, name: str) -> dict[str, int]:
        sums: dict[str, int] = {}
        for found in self.transactions:
            sums[found.currency] = sums.get(found.currency, 0) + getattr(found, name)
        return sums


def settlement_of(session: Session, payment_id: str) -> Settlement:
    """Return what the provider's balance tells of a payment; empty while it tells nothing."""
    row = BalanceTransactionRow
    found = session.execute(
        select(row, Payout)
        .outerjoin(
            Payout, (Payout.provider == row.provider) & (Payout.provider_ref == row.payout_ref)
        )
        .where(row.payment_id == payment_id)
        .order_by(row.occurred_at, row.id)
    ).all()
    return Settlement(tuple(_view(moved, payout) for moved, payout in found))


def _view(row: BalanceTransactionRow, payout: Payout | None) -> SettledTransaction:
    return SettledTransaction(
        id=row.id,
        type=row.type,
        amount=row.amount,
        fee=row.fee,
        net=row.net,
        currency=row.currency,
        occurred_at=row.occurred_at,
        available_on=row.available_on,
        is_available=row.booked == "available",
        payout=None
        if payout is None
        else SettledPayout(
            provider_ref=payout.provider_ref,
            status=payout.status,
            arrival_date=payout.arrival_date,
        ),
    )
