"""What is debited and what credited, as exact lines."""

import datetime as dt

import ledger
from ledger import AccountSpec, Posting
from payments.accounting.charges import Charge, charge_entry
from payments.accounting.chart_of_accounts import order_escrow, stripe_pending
from payments.providers.facts import ChargeSucceeded

AT = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)


def test_a_charge_debits_stripe_and_credits_the_orders_escrow() -> None:
    fact = ChargeSucceeded(
        provider="stripe",
        provider_ref="pi_1",
        payment_id="pay_1",
        occurred_at=AT,
        amount=11_900,
        currency="EUR",
    )
    entry = charge_entry(Charge("pay_1", "ord_1", fact), pending_id=7, escrow_id=8)
    assert entry == ledger.Entry(
        effect_key="pay_1:charged",
        kind="charge",
        occurred_at=AT,
        postings=(Posting(7, 11_900), Posting(8, -11_900)),
        description="Card payment held for the order",
        metadata={"order_id": "ord_1", "payment_id": "pay_1", "provider_ref": "pi_1"},
    )


def test_how_accounts_are_kept() -> None:
    assert stripe_pending("EUR") == AccountSpec("assets:stripe:pending", "EUR", "deferred", None)
    assert order_escrow("ord_1", "EUR") == AccountSpec(
        "liabilities:escrow:ord_1", "EUR", "strict", 0
    )
