"""The invariants of payments hold after every story, and each notices what it is there for."""

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, text

import ledger
from payments.database import connect_engine, in_transaction
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
from tests.payments.shop import NOW, open_shop

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
    "what sellers owe is what refunds and disputes found missing": (
        "UPDATE strongroom.disputes SET owed = 1 WHERE payment_id = :payment"
    ),
    "the history of a payment leads without a gap to where it stands": (
        "INSERT INTO strongroom.payment_events VALUES"
        " (:payment, 9, 'created', 'failed', 'nobody', now(), now())"
    ),
}


@pytest.fixture
def payment(fresh_database_url: str) -> Payment:
    """A payment of its own database: charged, partly refunded, disputed and won."""
    engine = connect_engine(fresh_database_url)
    shop = open_shop(engine)
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
    in_transaction(engine, lambda session: record_facts(session, facts, now=NOW))
    engine.dispose()
    return payment


@pytest.fixture
def owner(fresh_database_url: str) -> Engine:
    return create_engine(fresh_database_url)


def test_they_hold_after_all_that_can_happen_to_a_payment(payment: Payment, owner: Engine) -> None:
    with owner.connect() as connection:
        assert payment.id
        assert broken_invariants(connection) == []
        assert ledger.broken_invariants(connection) == []
    owner.dispose()


@pytest.mark.parametrize("name", INVARIANTS)
def test_each_notices_what_it_is_there_for(payment: Payment, owner: Engine, name: str) -> None:
    with owner.connect() as connection:
        connection.execute(text(SABOTAGE[name]), {"payment": payment.id})
        broken = {found.name for found in broken_invariants(connection)}
    owner.dispose()
    assert name in broken
