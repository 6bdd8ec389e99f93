"""Held funds that go to the seller: of every rail, what its entry says.

By card and bank we have the money: the platform's fee and the tax are kept, the rest is owed to the
seller until it is paid out, less what they owe us. On chain the contract pays the seller all of it:
so fee and tax become their debt.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

import ledger
from ledger import Posted
from payments.accounting.chart_of_accounts import (
    chain_escrow,
    order_escrow,
    platform_fees,
    seller_debt,
    seller_payable,
    taxes,
)
from payments.accounting.entries import Line, build_entry

KIND = "release"


@dataclass(frozen=True, kw_only=True)
class ReleaseBooking:
    """One release of card or bank money; amounts in minor units of `currency`.

    `set_off` of it pays what the seller owes.
    """

    id: str
    payment_id: str
    order_id: str
    seller_id: str
    currency: str
    amount: int
    platform_fee: int
    tax: int
    set_off: int

    @property
    def seller_amount(self) -> int:
        """What is owed to the seller then."""
        return self.amount - self.platform_fee - self.tax - self.set_off


def hold_for_release(
    connection: Connection,
    *,
    release_id: str,
    order_id: str,
    currency: str,
    amount: int,
    now: dt.datetime,
) -> int:
    """Reserve `amount` of what is held for the order, and return the hold's id.

    Raises:
        InsufficientFundsError: less than that is held and free.
    """
    hold = ledger.place_hold(
        connection,
        effect_key=f"{release_id}:held",
        account_id=_escrow_id(connection, order_id, currency),
        amount=amount,
        now=now,
    )
    return hold.id


def free_in_escrow(connection: Connection, *, order_id: str, currency: str) -> int:
    """Return what is held for an order and reserved for nothing."""
    return ledger.available(connection, _escrow_id(connection, order_id, currency)) or 0


def book_release(
    connection: Connection,
    release: ReleaseBooking,
    *,
    hold_id: int,
    occurred_at: dt.datetime,
    now: dt.datetime,
) -> Posted:
    """Post a release of card or bank money out of its hold.

    Raises:
        LedgerError: the ledger refused it, and nothing was written.
    """
    entry = build_entry(
        connection,
        release_lines(release),
        effect_key=f"{release.id}:posted",
        kind=KIND,
        occurred_at=occurred_at,
        description="Released to the seller",
        metadata={
            "release_id": release.id,
            "order_id": release.order_id,
            "payment_id": release.payment_id,
            "subject_id": release.id,
        },
    )
    return ledger.capture_hold(connection, hold_id, entry, amount=release.amount, now=now)


def release_lines(release: ReleaseBooking) -> Sequence[Line]:
    """Return the lines of a release of card or bank money."""
    currency = release.currency
    return [
        (order_escrow(release.order_id, currency), release.amount),
        (platform_fees(currency), -release.platform_fee),
        (taxes(currency), -release.tax),
        (seller_debt(release.seller_id, currency), -release.set_off),
        (seller_payable(release.seller_id, currency), -release.seller_amount),
    ]


def chain_release_lines(
    *,
    order_id: str,
    seller_id: str,
    chain: str,
    contract: str,
    asset: str,
    amount: int,
    platform_fee: int,
    tax: int,
) -> list[Line]:
    """Return the lines of a release on chain, which pays the seller's address all of it."""
    return [
        (order_escrow(order_id, asset), amount),
        (seller_debt(seller_id, asset), platform_fee + tax),
        (chain_escrow(chain, contract, asset), -amount),
        (platform_fees(asset), -platform_fee),
        (taxes(asset), -tax),
    ]


def _escrow_id(connection: Connection, order_id: str, currency: str) -> int:
    account = order_escrow(order_id, currency)
    accounts = ledger.open_accounts(connection, [account])
    return accounts[account.path, account.asset]
