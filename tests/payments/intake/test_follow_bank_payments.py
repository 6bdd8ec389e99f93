"""A bank payment that nobody told the end of is asked about; a link expires, money never does."""

import io
from collections.abc import Mapping

import pytest
from sqlalchemy import select, update

from payments.calls.tables import ProviderCall
from payments.database import transaction
from payments.errors import ConflictError, UnavailableError
from payments.intake.poll_payments import poll_payments
from payments.intake.resolve_calls import resolve_calls
from payments.lifecycle.record_seen import record_seen
from payments.lifecycle.tables import BankReceipt, Payment
from payments.log_lines import configure_log_lines
from payments.orders.tables import Order
from payments.providers.connect import Providers
from payments.providers.facts import PayoutReported
from tests.payments.intake.counter import Counter
from tests.payments.shop import CIPHER, new_reference
from tests.payments.simulated_bank import Bank

pytestmark = pytest.mark.usefixtures("banks", "nothing_due")

CANCELING = {"path": "/v3/payments/*/actions/cancel"}
ASKING = {"method": "GET", "path": "/v3/payments/*"}


@pytest.fixture
def nothing_due(counter: Counter) -> None:
    """Have nothing to ask about or to look up that other tests left."""
    configure_log_lines("INFO", stream=io.StringIO())
    with transaction(counter.shop.engine) as session:
        session.execute(update(Payment).values(poll_at=None))
        session.execute(update(ProviderCall).values(due_at=None))


def poll(counter: Counter) -> Mapping[str, int]:
    return poll_payments(
        counter.shop.engine, limit=200, now=counter.now, providers=counter.providers
    )


def look(counter: Counter) -> Mapping[str, int]:
    return resolve_calls(
        counter.shop.engine, limit=50, now=counter.now, cipher=CIPHER, providers=counter.providers
    )


def started(counter: Counter) -> Payment:
    return counter.row(counter.link().resource.payment.id)


def now_at(counter: Counter, payment: Payment) -> tuple[str, str | None]:
    row = counter.row(payment.id)
    return row.status, row.provider_status


def test_money_that_settled_without_a_webhook_is_seen(counter: Counter, bank: Bank) -> None:
    payment = started(counter)
    for step in ("authorized", "executed", "settled"):
        bank.push(payment.provider_ref, step)
    assert poll(counter) == {}
    counter.wait(minutes=2)
    assert poll(counter) == {"final": 1}
    assert counter.history(payment.id)[-1] == ("succeeded", "poll")
    row = counter.row(payment.id)
    assert (row.amount_captured, row.amount_received) == (row.amount, row.amount)
    assert row.poll_at is None
    with transaction(counter.shop.engine) as session:
        assert session.get_one(Order, payment.order_id).status == "paid"


def test_what_is_executed_is_shown_and_is_not_money_yet(counter: Counter, bank: Bank) -> None:
    payment = started(counter)
    bank.push(payment.provider_ref, "authorized")
    counter.wait(minutes=2)
    assert poll(counter) == {"open": 1}
    assert now_at(counter, payment) == ("processing", "authorized")
    bank.push(payment.provider_ref, "executed")
    counter.wait(minutes=8)
    assert poll(counter) == {"open": 1}
    assert now_at(counter, payment) == ("processing", "executed")
    row = counter.row(payment.id)
    assert (row.amount_captured, row.amount_received) == (0, 0)
    steps = counter.history(payment.id)
    counter.wait(hours=1)
    assert poll(counter) == {"open": 1}
    assert counter.history(payment.id) == steps


def test_a_link_that_was_left_expires_at_its_deadline(counter: Counter, bank: Bank) -> None:
    payment = started(counter)
    counter.wait(hours=71, minutes=59)
    assert poll(counter) == {"open": 1}
    assert counter.row(payment.id).poll_at == payment.expires_at
    counter.wait(seconds=59)
    assert poll(counter) == {}
    counter.wait(seconds=1)
    assert poll(counter) == {"given_up": 1}
    assert now_at(counter, payment) == ("expired", "failed")
    assert counter.row(payment.id).poll_at is None
    assert bank.shown(payment.provider_ref) == "failed"


@pytest.mark.parametrize("step", ["authorized", "executed", "stalled"])
def test_money_on_its_way_never_expires(counter: Counter, bank: Bank, step: str) -> None:
    payment = started(counter)
    steps = ["authorized", "executed", "stalled"]
    for told in steps[: steps.index(step) + 1]:
        bank.push(payment.provider_ref, told)
    if step == "stalled":  # it is told once, and not shown to who asks
        tell(counter, bank, payment, "payment_settlement_stalled")
    counter.wait(hours=100)
    assert poll(counter) == {"open": 1}
    counter.wait(days=30)
    assert poll(counter) == {"open": 1}
    assert now_at(counter, payment) == ("processing", step)


def test_the_bank_is_asked_before_anything_is_given_up(counter: Counter, bank: Bank) -> None:
    payment = started(counter)
    counter.wait(hours=72)
    bank.break_calls({"fault": "answer", "status": 500, "times": 1, **ASKING})
    assert poll(counter) == {"no_answer": 1}
    bank.break_calls()
    bank.push(payment.provider_ref, "authorized")
    counter.wait(minutes=1)
    assert poll(counter) == {"open": 1}
    assert counter.row(payment.id).status == "processing"


def test_what_the_bank_does_not_cancel_is_over_for_us_and_its_money_is_late(
    counter: Counter, bank: Bank
) -> None:
    payment = started(counter)
    counter.wait(hours=72)
    bank.break_calls({"fault": "answer", "status": 403, **CANCELING})
    assert poll(counter) == {"given_up": 1}
    assert counter.row(payment.id).status == "expired"
    assert bank.shown(payment.provider_ref) == "authorization_required"


def test_a_cancellation_nobody_heard_of_is_looked_up(counter: Counter, bank: Bank) -> None:
    payment = started(counter)
    counter.wait(hours=72)
    bank.break_calls({"fault": "close", "when": "after", **CANCELING})
    assert poll(counter) == {"no_answer": 1}
    assert counter.row(payment.id).status in ("created", "requires_action")
    bank.break_calls()
    counter.wait(minutes=2)
    assert look(counter) == {"done": 1}
    assert counter.row(payment.id).status == "expired"


def test_one_that_failed_at_the_bank_is_over_without_another_call(
    counter: Counter, bank: Bank
) -> None:
    order = counter.shop.order()
    older = counter.row(counter.link(order).resource.payment.id)
    bank.push(older.provider_ref, "failed", failure_reason="insufficient_funds")
    counter.wait(minutes=2)
    assert poll(counter) == {"open": 1}
    assert now_at(counter, older) == ("failed", "failed")
    assert counter.row(older.id).failure_code
    newer = counter.link(order).resource.payment
    assert poll(counter)["given_up"] == 1
    assert counter.row(older.id).status == "canceled"
    assert counter.calls(older.id, "cancel") == []
    assert counter.row(newer.id).status == "created"


def test_a_silent_bank_does_not_hold_up_stripe(counter: Counter, bank: Bank) -> None:
    for _ in range(5):
        counter.link()
    cards = [counter.start() for _ in range(2)]
    counter.wait(minutes=3)
    bank.break_calls({"fault": "answer", "status": 503, **ASKING})
    assert poll(counter) == {"no_answer": 3, "open": 2}
    assert all(counter.row(card.id).polls == 1 for card in cards)


def test_payments_of_a_provider_that_is_not_set_up_wait_for_it(
    counter: Counter, bank: Bank
) -> None:
    payment = started(counter)
    counter.providers = Providers(counter.stripe, banks={})
    counter.wait(hours=80)
    assert poll(counter) == {}
    with pytest.raises(UnavailableError):
        counter.cancel(payment.id)
    counter.providers = Providers(counter.stripe, banks={"truelayer": bank.provider})
    counter.wait(minutes=2)
    assert look(counter) == {"still_unknown": 1}
    counter.wait(minutes=6)
    assert look(counter) == {"refused": 1}
    assert poll(counter) == {"given_up": 1}
    assert counter.row(payment.id).status == "expired"


# ---- given up on request -----------------------------------------------------------------------


def test_a_link_is_canceled_at_the_bank_too(counter: Counter, bank: Bank) -> None:
    payment = started(counter)
    reference = new_reference()
    assert counter.cancel(payment.id, reference=reference).resource.status == "canceled"
    assert counter.cancel(payment.id, reference=reference).replayed
    assert bank.shown(payment.provider_ref) == "failed"


def test_money_on_its_way_is_not_canceled(counter: Counter, bank: Bank) -> None:
    payment = started(counter)
    bank.push(payment.provider_ref, "authorized")
    for _ in range(2):  # at first only the bank knows of it
        with pytest.raises(ConflictError) as caught:
            counter.cancel(payment.id)
        assert caught.value.code == "payment_not_cancelable"
        assert counter.row(payment.id).status == "processing"
    assert len(counter.calls(payment.id, "cancel")) == 1


def test_a_cancellation_without_an_answer_is_repeated_under_its_key(
    counter: Counter, bank: Bank
) -> None:
    payment = started(counter)
    reference = new_reference()
    bank.break_calls({"fault": "close", "when": "after", "times": 1, **CANCELING})
    with pytest.raises(UnavailableError):
        counter.cancel(payment.id, reference=reference)
    again = counter.cancel(payment.id, reference=reference)
    assert (again.resource.status, again.replayed) == ("canceled", False)
    assert len(counter.calls(payment.id, "cancel")) == 1


def receipts(counter: Counter, payment: Payment) -> list[BankReceipt]:
    found = select(BankReceipt).filter_by(payment_id=payment.id)
    with transaction(counter.shop.engine) as session:
        return list(session.scalars(found))


def test_money_for_a_canceled_link_waits_in_suspense(counter: Counter, bank: Bank) -> None:
    """The bank could not be stopped: what it settles later is late, and lost to nobody."""
    payment = started(counter)
    bank.break_calls({"fault": "answer", "status": 403, **CANCELING})
    assert counter.cancel(payment.id).resource.status == "canceled"
    bank.break_calls()
    counter.wait(minutes=1)
    bank.knob("clock", {"advance_s": 600})
    for step in ("authorized", "executed", "settled"):
        bank.push(payment.provider_ref, step)
    tell(counter, bank, payment, "payment_settled")
    [late] = receipts(counter, payment)
    assert (late.amount, late.amount_applied, late.reason) == (payment.amount, 0, "late")
    assert counter.row(payment.id).status == "canceled"


def tell(counter: Counter, bank: Bank, payment: Payment, event: str) -> None:
    """Take in what the bank tells of the payment."""
    delivered = bank.letterbox.take_about(event, str(payment.provider_ref))
    told = bank.provider.translate(delivered.body)
    facts = [fact for fact in told if not isinstance(fact, PayoutReported)]
    with transaction(counter.shop.engine) as session:
        record_seen(session, facts, cause="truelayer:test", now=counter.now)
