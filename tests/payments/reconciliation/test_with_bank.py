"""The simulated bank in a run: its own statements, its transactions, and what it is asked."""

import datetime as dt

import pytest
import requests

from payments.database import transaction
from payments.lifecycle.tables import Payment
from payments.providers.ports import LinkRequest
from payments.reconciliation.import_statement import import_statement
from tests.payments.bank_shop import ToldByBank
from tests.payments.reconciliation.desk import FINANCE, Desk
from tests.payments.shop import CIPHER
from tests.payments.simulated_bank import CLIENT_SECRET, Bank, bank, letterbox, running_bank

__all__ = ["bank", "letterbox", "running_bank"]  # fixtures


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)  # noqa: TID251 - the simulated bank has the real time


@pytest.fixture
def at_bank(desk: Desk, bank: Bank) -> Desk:
    """A desk whose payments are made at the simulated bank."""
    desk.banks = {"truelayer": bank.provider}
    desk.now = now()
    return desk


def linked(desk: Desk, bank: Bank, amount: int = 10_000) -> Payment:
    """Return a payment whose link was made at the bank."""
    payment = desk.payment(amount)
    link = bank.provider.create_link(
        LinkRequest(
            payment_id=payment.id,
            order_id=payment.order_id,
            amount=payment.amount,
            currency=payment.currency,
            bank_reference=payment.bank_reference or "",
            payer_id=desk.shop.buyer_id,
            payer_name="Ada Buyer",
            payer_email="ada@example.test",
            return_url="https://shop.test/back",
            expires_at=desk.now + dt.timedelta(hours=72),
            idempotency_key=payment.id,
        )
    )
    with transaction(desk.engine) as session:
        row = session.get_one(Payment, payment.id)
        row.provider_ref = link.provider_ref
    return row


def pay(bank: Bank, payment: Payment) -> None:
    for step in ("authorized", "executed", "settled"):
        bank.push(payment.provider_ref, step)


def hear(desk: Desk, bank: Bank, payment: Payment) -> None:
    desk.tell(*bank.provider.get_status(payment.provider_ref or "", seen_at=now()))


def import_all(desk: Desk, bank: Bank) -> None:
    """Import the bank's own statement."""
    desk.now = now()
    answer = requests.get(
        f"{bank.url}/_sandbox/statements/camt053?account=main",
        headers={"Authorization": f"Bearer {CLIENT_SECRET}"},
        timeout=5,
    )
    assert answer.ok, answer.text
    import_statement(
        desk.engine,
        caller=FINANCE,
        content=answer.content,
        filename="statement.xml",
        account="main",
        accounts=bank.bank_accounts,
        cipher=CIPHER,
        now=desk.now,
    )


def test_what_was_paid_at_the_bank_is_on_its_statement_and_in_our_books(
    at_bank: Desk, bank: Bank
) -> None:
    payment = linked(at_bank, bank)
    pay(bank, payment)
    hear(at_bank, bank, payment)
    assert at_bank.balances()["clearing"] == 10_000
    import_all(at_bank, bank)
    at_bank.run()
    assert at_bank.status(payment) == "succeeded"
    assert at_bank.balances()["clearing"] == 0
    assert len(at_bank.receipts(payment)) == 1
    assert not [one for one in at_bank.findings().values() if one.kind == "balance_drift"]
    before = at_bank.balances()
    import_all(at_bank, bank)
    assert at_bank.run().get("lines_matched", 0) == 0
    assert at_bank.balances() == before


def test_the_provider_is_asked_before_its_money_is_taken_for_a_transfer(
    at_bank: Desk, bank: Bank
) -> None:
    payment = linked(at_bank, bank)
    pay(bank, payment)  # no webhook of it has reached us
    import_all(at_bank, bank)
    figures = at_bank.run()
    assert figures["payments_looked_up"] >= 1
    [receipt] = at_bank.receipts(payment)
    assert (receipt.source, receipt.receipt_ref) == ("truelayer", payment.provider_ref)
    assert at_bank.status(payment) == "succeeded"


def test_lines_wait_for_a_provider_that_does_not_answer(at_bank: Desk, bank: Bank) -> None:
    payment = linked(at_bank, bank)
    pay(bank, payment)
    import_all(at_bank, bank)
    bank.break_calls({"path": "/v3/*", "fault": "answer", "method": "GET", "status": 503})
    at_bank.run()
    assert at_bank.receipts(payment) == []
    bank.break_calls()
    at_bank.run()
    assert [row.source for row in at_bank.receipts(payment)] == ["truelayer"]
    assert at_bank.balances()["clearing"] == 0


def test_what_moved_at_the_provider_and_was_not_told_is_found_until_it_is(
    at_bank: Desk, bank: Bank
) -> None:
    payment = linked(at_bank, bank)
    pay(bank, payment)
    at_bank.now = now() + dt.timedelta(hours=2)
    at_bank.run()
    mine = [one for one in at_bank.findings().values() if one.subject_id == payment.provider_ref]
    assert [(one.kind, one.amount) for one in mine] == [("missing_in_ledger", 10_000)]
    hear(at_bank, bank, payment)
    at_bank.run()
    assert payment.provider_ref not in {one.subject_id for one in at_bank.findings().values()}


def test_what_only_we_know_of_is_missing_at_the_provider(at_bank: Desk, bank: Bank) -> None:
    payment = linked(at_bank, bank)
    at_bank.now = now()
    fact = ToldByBank(payment).settled(amount=10_000)
    at_bank.tell(fact)
    at_bank.now = fact.occurred_at + dt.timedelta(hours=2)
    at_bank.run()
    [receipt] = at_bank.receipts(payment)
    found = {one.subject_id: one.kind for one in at_bank.findings().values()}
    assert found[receipt.id] == "missing_at_provider"


def test_another_amount_at_the_provider_is_found(at_bank: Desk, bank: Bank) -> None:
    payment = linked(at_bank, bank)
    pay(bank, payment)
    at_bank.tell(ToldByBank(payment).settled(amount=9_000))
    at_bank.now = now() + dt.timedelta(hours=2)
    at_bank.run()
    [receipt] = at_bank.receipts(payment)
    [found] = [one for one in at_bank.findings().values() if one.subject_id == receipt.id]
    assert (found.kind, found.amount, found.expected) == ("amount_differs", 10_000, 9_000)


def test_money_that_leaves_the_provider_unlisted_is_drift(at_bank: Desk, bank: Bank) -> None:
    payment = linked(at_bank, bank)
    pay(bank, payment)
    hear(at_bank, bank, payment)
    import_all(at_bank, bank)
    at_bank.run()
    bank.knob("clock", {"advance_s": 2 * 24 * 3600})  # the last test: this bank lives on then
    at_bank.now = now() + dt.timedelta(days=2)
    at_bank.run()
    assert "balance:truelayer:EUR" not in at_bank.findings()
    bank.knob("fees", {"account": "main", "amount": 490, "text": "Account fee"})
    at_bank.run()
    found = at_bank.findings()["balance:truelayer:EUR"]
    assert (found.amount or 0) - (found.expected or 0) == -490
