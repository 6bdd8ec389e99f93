"""Money reserved on a card: a memo in the ledger and a hold on it, until captured or given up.

The memo nets to zero, since reserving moves no money. The hold is what a capture takes from, so
that no more is captured than was authorized, and no more than once.
"""

import datetime as dt
from typing import NamedTuple

from sqlalchemy import Connection

import ledger
from ledger import Hold
from payments.accounting.charges import Charge
from payments.accounting.chart_of_accounts import (
    card_authorization,
    card_authorizations_contra,
    incoming,
    order_escrow,
)
from payments.accounting.entries import book, build_entry


class Reserved(NamedTuple):
    """What is reserved on a card for a payment: `amount` in minor units of `currency`."""

    payment_id: str
    amount: int
    currency: str


def book_authorization(
    connection: Connection, reserved: Reserved, *, occurred_at: dt.datetime, now: dt.datetime
) -> None:
    """Write down that it is reserved; only once for a payment.

    Raises:
        LedgerError: the ledger refused it, and nothing was written.
    """
    payment_id, amount, currency = reserved
    book(
        connection,
        [
            (card_authorization(payment_id, currency), amount),
            (card_authorizations_contra(currency), -amount),
        ],
        effect_key=f"{payment_id}:authorized",
        kind="authorization",
        occurred_at=occurred_at,
        description="Reserved on the card, to be captured",
        metadata={"payment_id": payment_id},
    )
    _hold(connection, reserved, now=now)


def book_capture(
    connection: Connection, charge: Charge, *, authorized: int, now: dt.datetime
) -> None:
    """Take what was captured from the hold, hold it for the order, and let the rest go.

    Raises:
        LedgerError: the ledger refused it, and nothing was written.
    """
    fact, payment_id = charge.fact, charge.payment_id
    memo = card_authorization(payment_id, fact.currency)
    hold = _hold(connection, Reserved(payment_id, authorized, fact.currency), now=now)
    entry = build_entry(
        connection,
        [
            (incoming(fact.provider, fact.currency), fact.amount),
            (order_escrow(charge.order_id, fact.currency), -fact.amount),
            (memo, -fact.amount),
            (card_authorizations_contra(fact.currency), fact.amount),
        ],
        effect_key=charge.effect_key,
        kind="charge",
        occurred_at=fact.occurred_at,
        description="Card payment captured and held for the order",
        metadata={
            "order_id": charge.order_id,
            "payment_id": payment_id,
            "provider_ref": fact.provider_ref,
        },
    )
    ledger.capture_hold(connection, hold.id, entry, amount=fact.amount, now=now, release_rest=True)
    _book_rest(connection, payment_id, authorized - fact.amount, fact.currency, at=fact.occurred_at)


def book_given_up(
    connection: Connection, reserved: Reserved, *, occurred_at: dt.datetime, now: dt.datetime
) -> None:
    """Let the whole reserved amount go: the payment was canceled.

    Raises:
        LedgerError: the ledger refused it, and nothing was written.
    """
    ledger.void_hold(connection, _hold(connection, reserved, now=now).id, now=now)
    _book_rest(connection, *reserved, at=occurred_at)


def _hold(connection: Connection, reserved: Reserved, *, now: dt.datetime) -> Hold:
    """Return the payment's hold, placed if it is not yet."""
    account = card_authorization(reserved.payment_id, reserved.currency)
    accounts = ledger.open_accounts(connection, [account])
    return ledger.place_hold(
        connection,
        effect_key=f"{reserved.payment_id}:authorized",
        account_id=accounts[account.path, account.asset],
        amount=reserved.amount,
        now=now,
    )


def _book_rest(
    connection: Connection, payment_id: str, rest: int, currency: str, *, at: dt.datetime
) -> None:
    """Take what is left out of the memo."""
    if not rest:
        return
    book(
        connection,
        [
            (card_authorizations_contra(currency), rest),
            (card_authorization(payment_id, currency), -rest),
        ],
        effect_key=f"{payment_id}:authorization_released",
        kind="authorization.released",
        occurred_at=at,
        description="No longer reserved on the card",
        metadata={"payment_id": payment_id},
    )
