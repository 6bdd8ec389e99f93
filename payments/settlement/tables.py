"""What a provider did with our balance, its payouts to our bank, and how far we have read them."""

import datetime as dt

from sqlalchemy import BigInteger, Date, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from payments.database import Base, MinorUnits


class BalanceTransactionRow(Base):
    """One movement of our balance at the provider: `net` is `amount` less `fee`, all signed.

    `source_amount` is the principal in the currency that was paid in. `awaits` names the effect
    of a payment that books the principal (`charge`, `refund`, `refund_returned`, `dispute`,
    `dispute_won`), `principal_entry_id` its ledger entry once it is there; without `awaits` the
    principal is booked from this row. `booked`: `nothing`, `pending` or `available`.
    """

    __tablename__ = "balance_transactions"

    id: Mapped[str] = mapped_column(primary_key=True)
    provider: Mapped[str]
    type: Mapped[str]
    reporting_category: Mapped[str]
    source_ref: Mapped[str | None]
    intent_ref: Mapped[str | None]
    payment_id: Mapped[str | None] = mapped_column(ForeignKey("strongroom.payments.id"))
    amount: Mapped[int] = mapped_column(MinorUnits)
    fee: Mapped[int] = mapped_column(MinorUnits)
    net: Mapped[int] = mapped_column(MinorUnits)
    currency: Mapped[str]
    source_amount: Mapped[int | None] = mapped_column(MinorUnits)
    source_currency: Mapped[str | None]
    occurred_at: Mapped[dt.datetime]
    available_on: Mapped[dt.datetime]
    payout_ref: Mapped[str | None]
    awaits: Mapped[str | None]
    principal_entry_id: Mapped[int | None] = mapped_column(BigInteger)
    asked_at: Mapped[dt.datetime | None]
    booked: Mapped[str] = mapped_column(default="nothing")
    fault: Mapped[str | None]
    stored_at: Mapped[dt.datetime]


class Payout(Base):
    """A payout to our bank; `status`: `pending`, `in_transit`, `paid`, `failed`, `canceled`.

    A payout that was `paid` may still turn to `failed` within days. `itemized` says that the
    transactions in it know their `payout_ref`.
    """

    __tablename__ = "payouts"

    id: Mapped[str] = mapped_column(primary_key=True)
    provider: Mapped[str]
    provider_ref: Mapped[str]
    amount: Mapped[int] = mapped_column(MinorUnits)
    currency: Mapped[str]
    status: Mapped[str]
    automatic: Mapped[bool]
    arrival_date: Mapped[dt.date] = mapped_column(Date)
    statement_descriptor: Mapped[str | None]
    trace_ref: Mapped[str | None]
    failure_code: Mapped[str | None]
    occurred_at: Mapped[dt.datetime]
    itemized: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[dt.datetime]
    updated_at: Mapped[dt.datetime]


class BalanceCursor(Base):
    """How far a provider's transactions have been read, newest first; one row a provider."""

    __tablename__ = "balance_cursor"

    provider: Mapped[str] = mapped_column(primary_key=True)
    synced_to: Mapped[dt.datetime | None]
    walk_top: Mapped[dt.datetime | None]
    walk_after: Mapped[str | None]
