"""Lines that quote a payment nobody expects money for: short, over, late, twice, or on its way."""

import datetime as dt

from payments.database import transaction
from payments.reconciliation.receive_lines import receive
from tests.payments.bank_shop import ToldByBank
from tests.payments.reconciliation.desk import TODAY, Desk, money_in

TOMORROW = TODAY + dt.timedelta(days=1)


def test_a_payers_own_transfer_pays_the_order(desk: Desk) -> None:
    payment = desk.payment(10_000)
    [line_id] = desk.statement(money_in(10_000, f"{payment.bank_reference}"))
    figures = desk.run()
    assert (figures["lines_received"], desk.status(payment)) == (1, "succeeded")
    assert desk.balances() == {"main": 10_000, "clearing": 0, "suspense": 0}
    [receipt] = desk.receipts(payment)
    assert (receipt.source, receipt.receipt_ref) == ("statement", line_id)
    [match] = desk.matches(line_id)
    assert "a transfer that the payer made" in match.reason


def test_money_that_the_provider_has_under_way_is_the_providers(desk: Desk) -> None:
    payment = desk.payment(10_000)
    told = ToldByBank(payment)
    desk.tell(told.executed())
    desk.statement(money_in(10_000, f"{payment.bank_reference}"))
    desk.run()
    [receipt] = desk.receipts(payment)
    assert (receipt.source, receipt.receipt_ref) == ("truelayer", payment.provider_ref)
    desk.tell(told.settled(amount=10_000))  # the provider says so itself later
    desk.run()
    assert len(desk.receipts(payment)) == 1
    assert desk.balances() == {"main": 10_000, "clearing": 0, "suspense": 0}


def test_another_amount_than_the_provider_has_under_way_waits(desk: Desk) -> None:
    payment = desk.payment(10_000)
    desk.tell(ToldByBank(payment).executed())
    [line_id] = desk.statement(money_in(9_999, f"{payment.bank_reference}"))
    desk.run()
    assert desk.receipts(payment) == []
    line = desk.line(line_id)
    assert (line.booked, line.reason) == ("suspense", "amount_differs")


def test_what_is_short_is_topped_up_by_the_next_line(desk: Desk) -> None:
    payment = desk.payment(10_000)
    desk.statement(money_in(6_000, f"{payment.bank_reference}"))
    desk.run()
    assert desk.status(payment) != "succeeded"
    assert desk.balances() == {"main": 6_000, "clearing": 0, "suspense": -6_000}
    desk.statement(money_in(4_000, f"rest of {payment.bank_reference}"), from_date=TOMORROW)
    desk.run()
    assert desk.status(payment) == "succeeded"
    assert desk.balances() == {"main": 10_000, "clearing": 0, "suspense": 0}


def test_what_is_over_waits_for_a_person(desk: Desk) -> None:
    payment = desk.payment(10_000)
    desk.statement(money_in(10_500, f"{payment.bank_reference}"))
    desk.run()
    assert desk.status(payment) == "succeeded"
    assert desk.balances() == {"main": 10_500, "clearing": 0, "suspense": -500}
    assert [row.reason for row in desk.receipts(payment)] == ["over"]


def test_paid_twice_on_one_statement_is_one_match_and_one_receipt_more(desk: Desk) -> None:
    payment = desk.payment(10_000)
    desk.tell(ToldByBank(payment).settled(amount=10_000))
    first, second = desk.statement(
        money_in(10_000, f"{payment.bank_reference}"),
        money_in(10_000, f"{payment.bank_reference}"),
    )
    desk.run()
    assert {desk.line(first).state, desk.line(second).state} == {"matched"}
    assert {row.reason for row in desk.receipts(payment)} == {None, "twice"}
    assert desk.balances() == {"main": 20_000, "clearing": 0, "suspense": -10_000}
    assert all(row.matched_amount == row.amount for row in desk.expectations())


def test_what_comes_after_the_end_is_late(desk: Desk) -> None:
    payment = desk.payment(10_000)
    desk.tell(ToldByBank(payment).expired())
    desk.statement(money_in(10_000, f"{payment.bank_reference}"), from_date=TOMORROW)
    desk.run()
    assert desk.status(payment) == "expired"
    assert [row.reason for row in desk.receipts(payment)] == ["late"]
    assert desk.balances() == {"main": 10_000, "clearing": 0, "suspense": -10_000}


def test_what_was_booked_after_the_run_had_read_is_not_received_twice(desk: Desk) -> None:
    payment = desk.payment(10_000)
    desk.run()
    desk.tell(ToldByBank(payment).settled(amount=10_000))
    [line_id] = desk.statement(money_in(10_000, f"{payment.bank_reference}"))
    with transaction(desk.engine) as session:
        received = receive(session, [line_id], silent=(), run_id=None, made_by="test", now=desk.now)
    assert (received.matched, received.reasons) == ([], {})
    assert len(desk.receipts(payment)) == 1


def test_a_line_that_quotes_two_payments_is_nobodys_transfer(desk: Desk) -> None:
    one, other = desk.payment(10_000), desk.payment(10_000)
    [line_id] = desk.statement(money_in(15_000, f"{one.bank_reference} and {other.bank_reference}"))
    desk.run()
    assert desk.receipts(one) == desk.receipts(other) == []
    assert desk.line(line_id).booked == "suspense"


def test_lost_zeros_and_spaces_still_name_the_payment(desk: Desk) -> None:
    payment = desk.payment(10_000)
    told = payment.bank_reference or ""
    [line_id] = desk.statement(money_in(10_000, f"{told[:5]} {told[5:9]}-{told[9:]}".lower()))
    desk.run()
    assert desk.status(payment) == "succeeded"
    assert desk.line(line_id).state == "matched"
