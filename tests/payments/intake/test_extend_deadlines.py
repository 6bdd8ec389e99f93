"""Deadlines put off by an operator: nothing expires while that is in force, and it stays known."""

import datetime as dt
import threading
from collections.abc import Mapping
from typing import Any

import pytest
from sqlalchemy import Engine, select, update

from payments.access.caller import Caller, Role
from payments.calls.tables import ProviderCall
from payments.database import in_transaction, transaction
from payments.errors import (
    ConflictError,
    InProgressError,
    InvalidRequestError,
    ReferenceReusedError,
    UnavailableError,
)
from payments.idempotency import Answered
from payments.intake.extend_deadlines import Extended, Scope, extend_deadlines
from payments.intake.poll_payments import poll_payments
from payments.lifecycle.deadlines import effective_deadline
from payments.lifecycle.tables import DeadlineExtension, Payment
from tests.payments.bank_shop import bank_payment
from tests.payments.intake.counter import Counter
from tests.payments.shop import NOW, new_reference, open_shop
from tests.payments.simulated_bank import Bank

pytestmark = pytest.mark.usefixtures("banks", "nothing_due")
_DAYS_4 = dt.timedelta(days=4)
OPERATOR = Caller(principal="key:operator", role=Role.OPERATOR)


@pytest.fixture
def nothing_due(counter: Counter) -> None:
    with transaction(counter.shop.engine) as session:
        session.execute(update(Payment).values(poll_at=None))
        session.execute(update(ProviderCall).values(due_at=None))


def extend(
    counter: Counter, scope: Scope, *, hours: float = 96, **changed: Any
) -> Answered[Extended]:
    call: dict[str, Any] = {
        "caller": OPERATOR,
        "reference": new_reference(),
        "extend_until": counter.now + dt.timedelta(hours=hours),
        "reason": "The bank is slow.",
        "providers": counter.providers.banks.keys(),
        "now": counter.now,
    }
    return in_transaction(
        counter.shop.engine,
        lambda session: extend_deadlines(session, scope=scope, **(call | changed)),
    )


def poll(counter: Counter) -> Mapping[str, int]:
    return poll_payments(
        counter.shop.engine, limit=200, now=counter.now, providers=counter.providers
    )


def started(counter: Counter) -> Payment:
    return counter.row(counter.link().resource.payment.id)


def one(payment: Payment) -> Scope:
    return Scope(payment_ids=(payment.id,))


def test_a_link_stays_open_while_its_extension_is_in_force(counter: Counter) -> None:
    extended, other = started(counter), started(counter)
    assert extend(counter, one(extended), hours=96).resource.extended == 1
    counter.wait(hours=72)
    assert poll(counter) == {"open": 1, "given_up": 1}
    assert counter.row(other.id).status == "expired"
    assert counter.row(extended.id).status == "requires_action"
    counter.wait(hours=23, minutes=59)
    poll(counter)
    assert counter.row(extended.id).status == "requires_action"
    counter.wait(minutes=1)
    assert poll(counter) == {"given_up": 1}
    assert counter.row(extended.id).status == "expired"


def test_it_stays_known_who_put_it_off_until_when_and_why(counter: Counter) -> None:
    payment = started(counter)
    until = extend(counter, one(payment), reason="Settlement takes a day.").resource.extended_until
    with transaction(counter.shop.engine) as session:
        [row] = session.scalars(select(DeadlineExtension).filter_by(payment_id=payment.id))
    assert (row.created_by, row.reason) == ("key:operator", "Settlement takes a day.")
    assert (row.created_at, row.extended_until) == (counter.now, until)


def test_the_same_request_again_puts_nothing_off_twice(counter: Counter) -> None:
    payments = [started(counter) for _ in range(3)]
    scope = Scope(payment_ids=tuple(payment.id for payment in payments))
    reference, until = new_reference(), counter.now + dt.timedelta(days=5)
    same: dict[str, Any] = {"reference": reference, "extend_until": until}
    first = extend(counter, scope, **same)
    counter.wait(hours=1)
    again = extend(counter, scope, **same)
    assert (first.replayed, again.replayed) == (False, True)
    assert first.resource == again.resource == Extended(3, until)
    with pytest.raises(ReferenceReusedError):
        extend(counter, one(payments[0]), **same)


def test_an_orders_open_links_are_meant(counter: Counter) -> None:
    order = counter.shop.order()
    over = counter.link(order).resource.payment
    counter.cancel(over.id)
    link = counter.link(order).resource.payment
    assert extend(counter, Scope(order_id=order.id)).resource.extended == 1
    counter.wait(hours=80)
    poll(counter)
    assert counter.row(link.id).status == "requires_action"


@pytest.fixture
def alone(counter: Counter, fresh_engine: Engine) -> Counter:
    """The counter on a database of its own: what is put off here is put off for all."""
    counter.shop = open_shop(fresh_engine)
    return counter


def test_a_providers_links_are_meant_those_made_later_too(alone: Counter) -> None:
    counter, reference = alone, new_reference()
    before = started(counter)
    elsewhere = bank_payment(counter.shop, provider="gocardless")
    same: dict[str, Any] = {"reference": reference, "extend_until": counter.now + _DAYS_4}
    assert extend(counter, Scope(provider="truelayer"), **same).resource.extended == 1
    after = started(counter)
    assert extend(counter, Scope(provider="truelayer"), **same).resource.extended == 2
    counter.wait(hours=95)
    poll(counter)
    assert counter.row(before.id).status == counter.row(after.id).status == "requires_action"
    with transaction(counter.shop.engine) as session:
        assert effective_deadline(session, elsewhere) == elsewhere.expires_at
    counter.wait(hours=1)
    poll(counter)
    assert counter.row(before.id).status == counter.row(after.id).status == "expired"


def test_those_made_before_a_moment_are_meant(alone: Counter) -> None:
    counter = alone
    old = started(counter)
    moment = counter.now + dt.timedelta(milliseconds=1)
    young = started(counter)
    extend(counter, Scope(provider="truelayer", created_before=moment), hours=500)
    with transaction(counter.shop.engine) as session:
        extended = session.scalars(select(DeadlineExtension.payment_id)).all()
    assert extended == [old.id]
    assert young.id not in extended


def test_what_cannot_be_put_off_is_named(counter: Counter) -> None:
    card, link = counter.start(), started(counter)
    over = counter.cancel(started(counter).id).resource
    for wrong in (card.id, over.id, "pay_0"):
        with pytest.raises(ConflictError) as caught:
            extend(counter, Scope(payment_ids=(link.id, wrong)))
        assert caught.value.code == "payment_not_extendable"
        assert wrong in caught.value.errors["payment_ids"][0]
        assert link.id not in caught.value.errors["payment_ids"][0]
    with pytest.raises(ConflictError):
        extend(counter, Scope(order_id=card.order_id))
    with transaction(counter.shop.engine) as session:
        kept = select(DeadlineExtension).filter_by(payment_id=link.id)
        assert session.scalars(kept).all() == []


@pytest.mark.parametrize(
    ("scope", "hours", "field"),
    [
        (Scope(), 1, "payment_ids"),
        (Scope(payment_ids=("pay_1",), order_id="ord_1"), 1, "payment_ids"),
        (Scope(payment_ids=()), 1, "payment_ids"),
        (Scope(provider="stripe"), 1, "provider"),
        (Scope(order_id="ord_1", created_before=NOW), 1, "created_before"),
        (Scope(order_id="ord_1"), -1, "extend_until"),
        (Scope(order_id="ord_1"), 0, "extend_until"),
        (Scope(order_id="ord_1"), 24 * 90 + 1, "extend_until"),
    ],
)
def test_what_is_wrong_with_it_is_named(
    counter: Counter, scope: Scope, hours: float, field: str
) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        extend(counter, scope, hours=hours)
    assert caught.value.errors.keys() == {field}


def test_one_that_is_being_given_up_is_not_promised_more_time(counter: Counter, bank: Bank) -> None:
    payment = started(counter)
    bank.break_calls({"fault": "close", "when": "after", "path": "/v3/payments/*/actions/cancel"})
    with pytest.raises(UnavailableError):
        counter.cancel(payment.id)
    with pytest.raises(InProgressError):
        extend(counter, one(payment))


def test_an_extension_and_an_expiry_at_once_do_not_both_happen(counter: Counter) -> None:
    """Ten links are due; while they are polled, their deadlines are put off one by one."""
    payments = [started(counter) for _ in range(10)]
    counter.wait(hours=72)
    refused: set[str] = set()

    def put_off() -> None:
        for payment in payments:
            try:
                extend(counter, one(payment))
            except (ConflictError, InProgressError):
                refused.add(payment.id)

    operator = threading.Thread(target=put_off)
    operator.start()
    poll(counter)
    operator.join()
    for payment in payments:
        is_over = counter.row(payment.id).status == "expired"
        assert is_over == (payment.id in refused)
