"""What a balance transaction becomes in the ledger: pure, from the row alone.

Everything enters through the pending account, fee and principal apart; what was left of it moves
on when the provider says that it is available. So the two accounts together are our balance there.
"""

import datetime as dt
from dataclasses import dataclass

from ledger import AccountSpec
from payments.accounting.chart_of_accounts import (
    bank_clearing,
    processing_fees,
    stripe_available,
    stripe_pending,
)
from payments.accounting.entries import Line
from payments.settlement.tables import BalanceTransactionRow

_PAYOUTS = frozenset({"payout", "payout_cancel", "payout_failure", "payout_reversal"})
_TOP_UPS = frozenset({"topup", "topup_reversal"})
_FEES = frozenset({"fee", "tax", "network_cost"})  # reporting categories
_RESERVES = frozenset({"risk_reserved_funds", "connect_reserved_funds"})  # likewise


@dataclass(frozen=True)
class Movement:
    """An entry in the making; its effect key is `<transaction>:<effect>`."""

    effect: str
    lines: tuple[Line, ...]
    occurred_at: dt.datetime
    description: str


def stripe_reserved(currency: str) -> AccountSpec:
    """Money that Stripe keeps back for risk and will give back."""
    return AccountSpec("assets:stripe:reserved", currency, mode="deferred")


def stripe_suspense(currency: str) -> AccountSpec:
    """Movements at Stripe that nobody here knows anything of, for a person to place."""
    return AccountSpec("assets:suspense:stripe", currency, mode="deferred")


def exchange(currency: str) -> AccountSpec:
    """One side of each exchange of currencies."""
    return AccountSpec("equity:exchange", currency, mode="deferred")


def movements_when_known(row: BalanceTransactionRow) -> list[Movement]:
    """Return the entries to post as soon as the transaction is known; those of zero are none."""
    found = [_fee(row), *([_principal(row)] if row.awaits is None else _exchanged(row))]
    return [movement for movement in found if any(change for _, change in movement.lines)]


def movement_when_available(row: BalanceTransactionRow) -> Movement | None:
    """Return the entry to post on the day the money is available; None when nothing is left."""
    if row.net == 0:
        return None
    return Movement(
        "available",
        ((stripe_available(row.currency), row.net), (stripe_pending(row.currency), -row.net)),
        max(row.available_on, row.occurred_at),
        "Stripe makes it available",
    )


def _fee(row: BalanceTransactionRow) -> Movement:
    return Movement(
        "fee",
        (
            (processing_fees(row.provider, row.currency), row.fee),
            (stripe_pending(row.currency), -row.fee),
        ),
        row.occurred_at,
        "Stripe's fee" if row.fee > 0 else "Stripe gives a fee back",
    )


def _principal(row: BalanceTransactionRow) -> Movement:
    effect, account, description = _other_side(row)
    lines = ((account, -row.amount), (stripe_pending(row.currency), row.amount))
    return Movement(effect, lines, row.occurred_at, description)


def _other_side(row: BalanceTransactionRow) -> tuple[str, AccountSpec, str]:
    if row.type in _PAYOUTS and row.type != "payout":
        return "payout_returned", bank_clearing(row.currency), "A payout came back"
    if row.type in _PAYOUTS:
        return "paid_out", bank_clearing(row.currency), "Stripe's payout leaves for our bank"
    if row.type in _TOP_UPS:
        return "topped_up", bank_clearing(row.currency), "Our bank tops up the balance at Stripe"
    if row.reporting_category in _FEES:
        account = processing_fees(row.provider, row.currency)
        return "fee_charged", account, "A fee of Stripe's that belongs to no payment"
    if row.reporting_category in _RESERVES:
        return "reserved", stripe_reserved(row.currency), "Stripe keeps money back, or lets it go"
    return "unplaced", stripe_suspense(row.currency), f"{row.type} that no payment here explains"


def _exchanged(row: BalanceTransactionRow) -> list[Movement]:
    """Replace what the payment's own entry put into the account of another currency.

    Both amounts are Stripe's own: nothing is computed from a rate.
    """
    if row.source_currency is None or row.source_amount is None:
        return []
    if row.source_currency == row.currency:
        return []
    paid, settled = row.source_currency, row.currency
    lines = (
        (exchange(paid), row.source_amount),
        (stripe_pending(paid), -row.source_amount),
        (stripe_pending(settled), row.amount),
        (exchange(settled), -row.amount),
    )
    return [Movement("exchanged", lines, row.occurred_at, f"{paid} settled in {settled}")]
