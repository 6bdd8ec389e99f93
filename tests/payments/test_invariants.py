"""The invariants of payments hold after every story, and each notices what it is there for."""

import datetime as dt
from typing import Any, NamedTuple

import pytest
from sqlalchemy import Engine, create_engine, text

import ledger
from payments.database import connect_engine, in_transaction, transaction
from payments.invariants import INVARIANTS, broken_invariants
from payments.lifecycle.record_facts import SourcedFact, record_facts
from payments.lifecycle.tables import Payment
from payments.providers.facts import (
    ChargeSucceeded,
    DisputeReported,
    DisputeStatus,
    RefundReported,
    RefundStatus,
)
from payments.refunds.returned_by_hand import returned_by_hand
from tests.payments.bank_shop import BankShop
from tests.payments.shop import NOW, Shop, open_shop

SABOTAGE = {
    "a payment is charged if and only if its charge is booked": (
        "UPDATE strongroom.payments SET amount_captured = 0, amount_refunded = 0,"
        " status = 'processing' WHERE id = :payment"
    ),
    "what was captured is what was booked for the order": (
        "UPDATE strongroom.payments SET amount_captured = amount_captured - 1 WHERE id = :payment"
    ),
    "a payment's status follows from its amounts": (
        "UPDATE strongroom.payments SET status = 'refunded' WHERE id = :payment"
    ),
    "what was refunded is the sum of the refunds that are booked": (
        "UPDATE strongroom.payments SET amount_refunded = amount_refunded - 1 WHERE id = :payment"
    ),
    "a refund went out if and only if its entry did": (
        "UPDATE strongroom.refunds SET booked = 'nothing' WHERE payment_id = :payment"
    ),
    "a dispute took money if and only if its entry says so": (
        "UPDATE strongroom.disputes SET booked = 'nothing' WHERE payment_id = :payment"
    ),
    "a refund under way has its money held, and one that is over does not": (
        "UPDATE strongroom.refunds SET booked = 'held' WHERE payment_id = :payment"
    ),
    "what a bank payment received is the sum of its receipts": (
        "UPDATE strongroom.payments SET amount_received = amount_received + 1 WHERE id = :by_bank"
    ),
    "what receipts gave a bank payment is what was captured": (
        "UPDATE strongroom.bank_receipts SET amount_applied = amount_applied - 1, reason = 'over'"
        " WHERE payment_id = :by_bank AND amount_applied > 0"
    ),
    "every receipt came in by exactly one entry, whole": (
        "INSERT INTO strongroom.bank_receipts (id, payment_id, source, receipt_ref, amount,"
        " currency, occurred_at, reason, created_at, updated_at) VALUES"
        " ('rcp_1', :by_bank, 'statement', 'stl_0', 1, 'EUR', now(), 'twice', now(), now())"
    ),
    "what of receipts waits in suspense is what was booked there": (
        "UPDATE strongroom.bank_receipts SET amount_returned = amount_returned - 1"
        " WHERE payment_id = :by_bank AND amount_returned > 0"
    ),
    "what of a receipt went back was refunded, or taken back": (
        "UPDATE strongroom.bank_receipts SET amount_returned = amount_returned - 1"
        " WHERE payment_id = :by_bank AND amount_returned > 0"
    ),
    "a refund out of suspense went out if and only if its entry did": (
        "UPDATE strongroom.refunds SET booked = 'nothing'"
        " WHERE payment_id = :by_bank AND receipt_id IS NOT NULL"
    ),
    "the history of a payment leads without a gap to where it stands": (
        "INSERT INTO strongroom.payment_events VALUES"
        " (:payment, 9, 'created', 'failed', 'nobody', now(), now())"
    ),
}


class Paid(NamedTuple):
    """One payment by card, one by bank."""

    by_card: Payment
    by_bank: Payment


@pytest.fixture
def paid(fresh_database_url: str) -> Paid:
    """Payments of a database of their own, to whom everything happened."""
    engine = connect_engine(fresh_database_url)
    shop = open_shop(engine)
    paid = Paid(pay_by_card(shop), pay_by_bank(BankShop(shop)))
    engine.dispose()
    return paid


def pay_by_bank(bank: BankShop) -> Payment:
    """Return a payment whose money came in parts and then twice; what is too much went back."""
    told = bank.told()
    bank.record(told.transfer(7_000), told.transfer(7_000, second=6, number=2))
    bank.record(told.settled(7), told.refund("succeeded"), told.dispute("won"))
    last = bank.receipt_ids(told.payment)[-1]
    with transaction(bank.engine) as session:
        returned_by_hand(session, receipt_id=last, amount=900, occurred_at=NOW, now=NOW)
    late = bank.told("gocardless")
    bank.record(late.expired(2), late.settled(4), late.failed(5, takes_back=True))
    return told.payment


def pay_by_card(shop: Shop) -> Payment:
    """Return a payment that was charged, partly refunded, disputed and won."""
    payment = shop.payment(shop.order())
    which: dict[str, Any] = {
        "provider": "stripe",
        "provider_ref": payment.provider_ref,
        "payment_id": payment.id,
        "occurred_at": NOW + dt.timedelta(seconds=1),
    }
    asked, refund = (
        RefundReported(
            **which,
            refund_ref="re_1",
            refund_id=None,
            amount=2_500,
            currency="EUR",
            status=status,
        )
        for status in (RefundStatus.PENDING, RefundStatus.SUCCEEDED)
    )
    dispute = DisputeReported(
        **which,
        dispute_ref="dp_1",
        amount=9_400,
        currency="EUR",
        status=DisputeStatus.WON,
        reason="fraudulent",
    )
    charge = ChargeSucceeded(**which, amount=payment.amount, currency="EUR")
    facts = [SourcedFact(fact, "test") for fact in (asked, charge, refund, dispute)]
    in_transaction(shop.engine, lambda session: record_facts(session, facts, now=NOW))
    return payment


@pytest.fixture
def owner(fresh_database_url: str) -> Engine:
    return create_engine(fresh_database_url)


def test_they_hold_after_all_that_can_happen_to_a_payment(paid: Paid, owner: Engine) -> None:
    with owner.connect() as connection:
        assert paid.by_card.id != paid.by_bank.id
        assert broken_invariants(connection) == []
        assert ledger.broken_invariants(connection) == []
    owner.dispose()


@pytest.mark.parametrize("name", INVARIANTS)
def test_each_notices_what_it_is_there_for(paid: Paid, owner: Engine, name: str) -> None:
    with owner.connect() as connection:
        ids = {"payment": paid.by_card.id, "by_bank": paid.by_bank.id}
        sabotage = text(SABOTAGE[name])
        # What the database refuses by itself is found all the same, should it ever get past.
        connection.execute(text("ALTER TABLE strongroom.payments DISABLE TRIGGER payments_edges"))
        named = {name: ids[name] for name in sabotage.compile().params}
        assert connection.execute(sabotage, named).rowcount > 0
        broken = {found.name for found in broken_invariants(connection)}
    owner.dispose()
    assert name in broken
