"""Payouts to sellers on our bank's statements: each is the line of one entry, by its id."""

import datetime as dt

import pytest
from sqlalchemy import select

from payments.database import transaction
from payments.lifecycle.tables import Payment
from payments.reconciliation.matching.model import Rule
from payments.reconciliation.tables import Match, StatementLine
from tests.payments.payouts.sellers import Sellers
from tests.payments.reconciliation.desk import Desk
from tests.payments.reconciliation.test_with_bank import hear, import_all, linked, now, pay
from tests.payments.simulated_bank import Bank, bank, letterbox, running_bank

__all__ = ["bank", "letterbox", "running_bank"]  # fixtures

PAID, SELLERS_PART = 10_000, 9_500


@pytest.fixture
def at_bank(desk: Desk, bank: Bank) -> Desk:
    desk.banks = {"truelayer": bank.provider}
    desk.now = now()
    bank.knob("moments", {"payout_s": None}, method="PUT")
    return desk


@pytest.fixture
def sellers(at_bank: Desk) -> Sellers:
    sellers = Sellers(at_bank.shop, at_bank.providers, "")
    sellers.bank_account()
    return sellers


def paid_out(desk: Desk, bank: Bank, sellers: Sellers) -> tuple[str, str]:
    """Pay an order, release it, and have the seller's part executed; our id and the bank's."""
    payment = linked(desk, bank, PAID)
    pay(bank, payment)
    hear(desk, bank, payment)
    with transaction(desk.engine) as session:
        payment = session.get_one(Payment, payment.id)
    sellers.now = now()
    payout_id = sellers.release(payment)
    sellers.pay()
    [attempt] = sellers.attempts(payout_id)
    bank.knob(f"sellers-payouts/{attempt.provider_ref}", {"to": "executed"})
    sellers.now = now() + dt.timedelta(minutes=2)
    sellers.pay()
    assert sellers.standing(payout_id) == ("paid", None)
    return payout_id, attempt.provider_ref or ""


def rules(desk: Desk, payout_id: str) -> list[tuple[int, str]]:
    """Amount and rule of the matches of a payout's lines."""
    found = (
        select(StatementLine.amount, Match.rule)
        .join(Match, Match.line_id == StatementLine.id)
        .where(Match.state == "active", StatementLine.end_to_end_id == f"PO{payout_id[-16:]}")
        .order_by(StatementLine.amount)
    )
    with transaction(desk.engine) as session:
        return [(int(row.amount), row.rule) for row in session.execute(found)]


def test_its_line_matches_by_the_id_it_quotes(at_bank: Desk, bank: Bank, sellers: Sellers) -> None:
    payout_id, _ = paid_out(at_bank, bank, sellers)
    assert at_bank.balances()["clearing"] == PAID - SELLERS_PART
    import_all(at_bank, bank)
    at_bank.run()
    assert rules(at_bank, payout_id) == [(-SELLERS_PART, Rule.PROVIDER_ID)]
    assert at_bank.balances()["clearing"] == 0
    assert not [one for one in at_bank.findings().values() if one.subject_id == payout_id]


def test_a_payout_that_came_back_is_two_lines(at_bank: Desk, bank: Bank, sellers: Sellers) -> None:
    payout_id, payout_ref = paid_out(at_bank, bank, sellers)
    bank.knob(f"sellers-payouts/{payout_ref}", {"to": "failed"})
    sellers.look_again(payout_id)
    assert sellers.standing(payout_id) == ("failed", "returned")
    import_all(at_bank, bank)
    at_bank.run()
    assert rules(at_bank, payout_id) == [
        (-SELLERS_PART, Rule.PROVIDER_ID),
        (SELLERS_PART, Rule.PROVIDER_ID),
    ]
    assert at_bank.balances()["clearing"] == 0


def test_payments_and_payouts_that_are_on_no_statement_do_not_cancel_out(
    at_bank: Desk, bank: Bank, sellers: Sellers
) -> None:
    payout_id, _ = paid_out(at_bank, bank, sellers)
    at_bank.run()
    late = {one.subject_id: one.payment_id for one in at_bank.expectations()}
    assert late[payout_id] is None
    at_bank.now += dt.timedelta(days=9)
    at_bank.run()
    kinds = {one.kind for one in at_bank.findings().values() if one.expected == -SELLERS_PART}
    assert "missing_at_bank" in kinds


def test_what_did_not_move_at_the_provider_is_a_finding(
    at_bank: Desk, bank: Bank, sellers: Sellers
) -> None:
    real, _ = paid_out(at_bank, bank, sellers)
    forged, _ = paid_out(at_bank, bank, sellers)
    with transaction(at_bank.engine) as session:
        row = sellers.attempts(forged)[0]
        row.provider_ref = "never-heard-of"
        session.merge(row)
    at_bank.now += dt.timedelta(hours=2)
    at_bank.run()
    findings = at_bank.findings()
    assert f"truelayer:EUR:only-ours:{real}" not in findings
    found = findings[f"truelayer:EUR:only-ours:{forged}"]
    assert (found.kind, found.expected) == ("missing_at_provider", -SELLERS_PART)
