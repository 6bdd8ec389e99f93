"""A run brings statements together with what the books expect, and leaves nothing in between."""

import datetime as dt

from tests.payments.bank_shop import ToldByBank
from tests.payments.reconciliation.desk import TODAY, Desk, money_in


def test_a_line_that_quotes_a_payment_is_matched_and_booked(desk: Desk) -> None:
    payment = desk.payment(10_000)
    desk.tell(ToldByBank(payment).settled(amount=10_000))
    assert desk.balances() == {"main": 0, "clearing": 10_000, "suspense": 0}
    [line_id] = desk.statement(money_in(10_000, f"thanks {payment.bank_reference}"))
    figures = desk.run()
    assert figures["lines_matched"] == 1
    assert desk.balances() == {"main": 10_000, "clearing": 0, "suspense": 0}
    line = desk.line(line_id)
    assert (line.state, line.booked, line.reason) == ("matched", "matched", None)
    [match] = desk.matches(line_id)
    assert (match.state, match.rule, match.certainty) == ("active", "reference", 100)
    [expectation] = desk.expectations()
    assert expectation.matched_amount == expectation.amount == 10_000
    assert expectation.payment_id == payment.id
    assert [part.expectation_id for part in desk.parts(match.id)] == [expectation.id]


def test_what_nothing_explains_is_in_suspense(desk: Desk) -> None:
    [line_id] = desk.statement(money_in(-2_300, "office rent"))
    figures = desk.run()
    assert figures["lines_suspended"] == 1
    line = desk.line(line_id)
    assert (line.state, line.booked, line.reason) == ("unmatched", "suspense", "no_reference")
    assert desk.balances() == {"main": -2_300, "clearing": 0, "suspense": 2_300}


def test_a_second_run_changes_nothing(desk: Desk) -> None:
    payment = desk.payment(10_000)
    desk.tell(ToldByBank(payment).settled(amount=10_000))
    desk.statement(
        money_in(10_000, f"{payment.bank_reference}"), money_in(777, "who?"), opening=5_000
    )
    desk.run()
    before = desk.balances()
    assert before == {"main": 15_777, "clearing": 0, "suspense": -777}
    again = desk.run()
    assert desk.balances() == before
    assert not any(again.get(name) for name in ("lines_matched", "lines_suspended"))


def test_a_line_in_suspense_is_matched_when_its_payment_is_told_of(desk: Desk) -> None:
    payment = desk.payment(10_000)
    [line_id] = desk.statement(money_in(10_000, "no reference", end_to_end_id=payment.provider_ref))
    desk.run()
    assert desk.balances() == {"main": 10_000, "clearing": 0, "suspense": -10_000}
    desk.tell(ToldByBank(payment).settled(amount=10_000))
    desk.run()
    assert desk.balances() == {"main": 10_000, "clearing": 0, "suspense": 0}
    assert desk.line(line_id).state == "matched"
    [match] = desk.matches(line_id)
    assert match.rule == "provider_id"


def test_the_opening_balance_is_booked_once_and_moves_to_an_older_statement(desk: Desk) -> None:
    january, february = dt.date(2026, 10, 1), dt.date(2026, 11, 1)
    desk.statement(money_in(500), opening=2_000, from_date=february)
    desk.run()
    desk.run()
    assert desk.balance("equity:opening-balances") == -2_000
    desk.statement(money_in(1_500), opening=500, from_date=january)
    desk.run()
    assert desk.balance("equity:opening-balances") == -500
    assert desk.balances()["main"] == 2_500
    desk.statement(money_in(200), from_date=dt.date(2026, 9, 1))  # without balances, older still
    desk.run()
    assert desk.balance("equity:opening-balances") == -300
    assert desk.balances()["main"] == 2_500


def test_bank_charges_go_to_their_account(desk: Desk) -> None:
    [line_id] = desk.statement(money_in(-150, "account keeping", is_bank_charge=True))
    desk.run()
    assert desk.balance("expenses:bank:fees") == 150
    assert desk.line(line_id).state == "matched"
    assert desk.line(line_id).booked_on == TODAY
