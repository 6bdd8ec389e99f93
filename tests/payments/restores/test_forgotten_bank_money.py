"""What a bank provider did after the moment of a restore is known again, and done once."""

import datetime as dt
from typing import Any

from payments.database import transaction
from payments.identifiers import new_id
from payments.intake.read_payment import read_payment
from payments.lifecycle.record_seen import record_seen
from payments.lifecycle.tables import Payment
from payments.lifecycle.view import PaymentView
from payments.providers.ports import LinkRequest
from payments.refunds.create_refund import create_refund
from tests.databases import Servers
from tests.payments.bank_shop import bank_payment
from tests.payments.payouts.sellers import Sellers
from tests.payments.restores.forgetting import Moment, Restored
from tests.payments.shop import SERVICE
from tests.payments.simulated_bank import Bank

PART = 1_000


def payouts_of(bank: Bank, payment: Payment) -> list[dict[str, Any]]:
    """What the bank has paid out of an order's money, by its own books."""
    items = bank.knob("sellers-payouts", {}, method="GET")["items"]
    return [one for one in items if one["metadata"]["order_id"] == payment.order_id]


def executed(bank: Bank, payment: Payment) -> str:
    [made] = payouts_of(bank, payment)
    bank.knob(f"sellers-payouts/{made['id']}", {"to": "executed"})
    return str(made["id"])


def only_once(restored: Restored, bank: Bank, payment: Payment, payout_id: str) -> None:
    restored.pay_everything()
    assert restored.sellers.standing(payout_id) == ("paid", None)
    assert len(payouts_of(bank, payment)) == 1


def linked(sellers: Sellers, bank: Bank) -> Payment:
    """A payment whose page the bank has, and nobody paid."""
    row = bank_payment(sellers.shop)
    link = bank.provider.create_link(
        LinkRequest(
            payment_id=row.id,
            order_id=row.order_id,
            amount=row.amount,
            currency=row.currency,
            bank_reference=str(row.bank_reference),
            payer_id=sellers.shop.buyer_id,
            payer_name="Ada Buyer",
            payer_email="ada@example.org",
            return_url="http://127.0.0.1:9/back",
            expires_at=sellers.now + dt.timedelta(hours=72),
            idempotency_key=new_id("call", now=sellers.now),
        )
    )
    with transaction(sellers.engine) as session:
        payment = session.get_one(Payment, row.id)
        payment.provider_ref = link.provider_ref
    return payment


def settled(bank: Bank, payment: Payment) -> None:
    bank.push(payment.provider_ref, "authorized")
    bank.push(payment.provider_ref, "settled")


def read(sellers: Sellers, payment: Payment) -> PaymentView:
    with transaction(sellers.engine) as session:
        return read_payment(session, caller=SERVICE, payment_id=payment.id)


def refund(sellers: Sellers, payment: Payment) -> int:
    made = create_refund(
        sellers.engine,
        caller=SERVICE,
        reference="refund-of-the-shop",
        payment_id=payment.id,
        amount=PART,
        reason="requested_by_customer",
        now=sellers.now,
        providers=sellers.providers,
    )
    return made.resource.amount


def test_money_that_came_and_went_back_meanwhile_is_booked(
    by_bank: Sellers, bank: Bank, servers: Servers
) -> None:
    waiting, paid = linked(by_bank, bank), linked(by_bank, bank)
    settled(bank, paid)
    facts = bank.provider.get_status(str(paid.provider_ref), seen_at=by_bank.now)
    with transaction(by_bank.engine) as session:
        record_seen(session, facts, cause="poll", now=by_bank.now)
    moment = Moment(servers, by_bank, bank)
    settled(bank, waiting)
    assert refund(by_bank, paid) == PART
    with moment.restored() as restored:
        restored.go_through()
        assert read(restored.sellers, waiting).status == "succeeded"
        assert restored.finding(str(waiting.provider_ref)).status == "adopted"
        [found] = [one for one in restored.findings() if one.kind == "refund"]
        assert (found.status, found.payment_id) == ("adopted", paid.id)
        assert refund(restored.sellers, paid) == PART  # asked for again, and not made again
        assert len(bank.provider.list_refunds(str(paid.provider_ref))) == 1
        restored.sellers.assert_invariants()


def test_a_payout_of_a_known_release_is_booked(
    by_bank: Sellers, bank: Bank, servers: Servers
) -> None:
    by_bank.bank_account()
    payment = by_bank.paid_by_bank()
    payout_id = by_bank.release(payment)
    moment = Moment(servers, by_bank, bank)
    assert by_bank.pay()["sent"] == 1
    executed(bank, payment)
    with moment.restored() as restored:
        restored.begin()
        restored.pay_everything()
        assert restored.sellers.standing(payout_id) == ("queued", None)
        restored.reconcile()
        assert restored.sellers.standing(payout_id) == ("paid", None)
        restored.finish()
        only_once(restored, bank, payment, payout_id)
        restored.sellers.assert_invariants()


def test_a_payout_under_way_is_asked_for_under_its_own_key(
    by_bank: Sellers, bank: Bank, servers: Servers
) -> None:
    by_bank.bank_account()
    payment = by_bank.paid_by_bank()
    payout_id = by_bank.release(payment)
    moment = Moment(servers, by_bank, bank)
    assert by_bank.pay()["sent"] == 1  # and it is in no list of the bank yet
    with moment.restored() as restored:
        restored.begin()
        restored.reconcile()
        assert restored.finding("under_way").status == "open"
        restored.finish()
        restored.pay_everything()
        assert len(payouts_of(bank, payment)) == 1
        executed(bank, payment)
        only_once(restored, bank, payment, payout_id)


def test_a_forgotten_release_takes_the_payout_that_was_made_of_it(
    by_bank: Sellers, bank: Bank, servers: Servers
) -> None:
    by_bank.bank_account()
    payment = by_bank.paid_by_bank()
    moment = Moment(servers, by_bank, bank)
    by_bank.release(payment)
    assert by_bank.pay()["sent"] == 1
    payout_ref = executed(bank, payment)
    with moment.restored() as restored:
        restored.go_through()
        found = restored.finding(payout_ref)
        assert (found.status, found.order_id) == ("awaiting", payment.order_id)
        payout_id = restored.sellers.release(payment)
        only_once(restored, bank, payment, payout_id)
        restored.sellers.assert_invariants()
