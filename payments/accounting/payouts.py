"""Money that goes to a seller: out of what is owed to them, and back when it did not arrive."""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import Connection

import ledger
from payments.accounting.chart_of_accounts import incoming, seller_payable
from payments.accounting.entries import Line, book, build_entry
from payments.providers.facts import MoneyReturned


@dataclass(frozen=True, kw_only=True)
class SellersMoney:
    """The money of one payout, sent for the `number`th time: `amount` in minor units of `currency`.

    `provider` is who has the money; `reference` is what the seller's statement quotes.
    """

    payout_id: str
    number: int
    order_id: str
    payment_id: str
    seller_id: str
    provider: str
    provider_ref: str | None = None
    reference: str
    amount: int
    currency: str

    @property
    def metadata(self) -> dict[str, str | None]:
        """What its entries say about themselves."""
        return {
            "payout_id": self.payout_id,
            "order_id": self.order_id,
            "payment_id": self.payment_id,
            "provider_ref": self.provider_ref,
            "bank_reference": None if self.provider == "stripe" else self.reference,
        }

    def key(self, effect: str) -> str:
        """Return an effect's key; the first time is told without its number."""
        again = "" if self.number == 1 else f":{self.number}"
        return f"{self.payout_id}:{effect}{again}"


def hold_payable(
    connection: Connection, money: SellersMoney, *, now: dt.datetime, effect: str = "held"
) -> int:
    """Reserve what is owed to the seller for this payout, and return the hold's id.

    Raises:
        InsufficientFundsError: less than that is owed to them and free.
    """
    account = seller_payable(money.seller_id, money.currency)
    accounts = ledger.open_accounts(connection, [account])
    return ledger.place_hold(
        connection,
        effect_key=money.key(effect),
        account_id=accounts[account.path, account.asset],
        amount=money.amount,
        now=now,
    ).id


def book_paid_out(
    connection: Connection,
    money: SellersMoney,
    *,
    hold_id: int,
    occurred_at: dt.datetime,
    now: dt.datetime,
) -> None:
    """The money left for the seller, out of its hold.

    Raises:
        LedgerError: the ledger refused it, and nothing was written.
    """
    entry = build_entry(
        connection,
        _lines(money, money.amount),
        effect_key=money.key("paid"),
        kind="payout",
        occurred_at=occurred_at,
        description="Paid out to the seller",
        metadata=money.metadata,
    )
    ledger.capture_hold(connection, hold_id, entry, amount=money.amount, now=now)


def book_payout_returned(
    connection: Connection, money: SellersMoney, returned: MoneyReturned
) -> bool:
    """Money of a payout came back and is owed to the seller again; False: it was booked before.

    Raises:
        LedgerError: the ledger refused it, and nothing was written.
    """
    posted = book(
        connection,
        _lines(money, -returned.amount),
        effect_key=f"{money.payout_id}:returned:{returned.ref}",
        kind="payout.returned",
        occurred_at=returned.occurred_at,
        description="A payout to the seller came back",
        metadata=money.metadata,
    )
    return not posted.replayed


def _lines(money: SellersMoney, amount: int) -> list[Line]:
    return [
        (seller_payable(money.seller_id, money.currency), amount),
        (incoming(money.provider, money.currency), -amount),
    ]
