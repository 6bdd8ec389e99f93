"""Money that comes otherwise than expected: late, short, over, twice. None of it is lost."""

from typing import Any

import pytest

from sandbox.calls import created
from tests.journeys.bank import AMOUNT, BankRail
from tests.journeys.bank_desk import Desk, tomorrow


def reconcile(desk: Desk) -> None:
    """Take in what the bank has booked, up to what it will date tomorrow."""
    desk.reconcile("usd", to=tomorrow())


@pytest.fixture
def expired(rail: BankRail) -> dict[str, Any]:
    """A payment whose deadline passed before its money came, a day later."""
    payment = rail.link()
    rail.let_deadline_pass(payment)
    rail.wait_for(payment, "expired")
    rail.transfer(payment, AMOUNT, booked_on=tomorrow())
    return payment


def send_back(desk: Desk, payment: dict[str, Any], receipt: dict[str, Any]) -> None:
    """Pay suspended money back by a transfer of our own, and say of the line that it is that."""
    amount = int(receipt["amount"])
    text = f"Return of your transfer {payment['id']}"
    desk.rail.transfer(payment, -amount, text=text, booked_on=tomorrow())
    reconcile(desk)
    [line] = [item for item in desk.unmatched("USD", kind="line") if item["amount"] == f"-{amount}"]
    assert text in line["details"]["text"]
    made = desk.match(line, {"receipt_id": receipt["id"]})["match"]
    assert made["state"] == "active"


def test_money_after_the_deadline_is_taken_by_hand(
    rail: BankRail, desk: Desk, expired: dict[str, Any]
) -> None:
    suspense = rail.suspense()
    reconcile(desk)
    receipt = desk.receipt_of(expired)
    assert (receipt["reason"], receipt["amount"]) == ("late", str(AMOUNT))
    assert rail.now(expired)["status"] == "expired"
    assert rail.now(expired)["bank"]["amount_received"] == str(AMOUNT)
    assert (rail.suspense(), rail.system.held_for(expired)) == (suspense + AMOUNT, 0)

    taken = desk.match(receipt)["payment"]
    assert (taken["id"], taken["status"]) == (expired["id"], "succeeded")
    assert rail.order_of(expired)["status"] == "paid"
    assert (rail.suspense(), rail.system.held_for(expired)) == (suspense, AMOUNT)


def test_money_after_the_deadline_is_given_back(
    rail: BankRail, desk: Desk, expired: dict[str, Any]
) -> None:
    suspense = rail.suspense()
    reconcile(desk)
    receipt = desk.receipt_of(expired)
    # TrueLayer did not bring this money, so it cannot take it back: we send it ourselves.
    refused = desk.ask_to_give_back(receipt)
    assert (refused.status_code, refused.json()["code"]) == (409, "provider_refused")
    assert rail.suspense() == suspense + AMOUNT

    send_back(desk, expired, receipt)
    assert (rail.suspense(), rail.clearing()) == (suspense, 0)
    assert rail.now(expired)["status"] == "expired"
    assert rail.order_of(expired)["status"] == "open"
    assert desk.receipts_of(expired) == []


def test_money_that_is_short_waits_for_the_rest(rail: BankRail, desk: Desk) -> None:
    suspense = rail.suspense()
    with rail.system.listening() as listener:
        payment = rail.link()
        rail.transfer(payment, 10000)
        reconcile(desk)
        assert desk.receipt_of(payment)["reason"] == "short"
        assert rail.now(payment)["bank"]["amount_received"] == "10000"
        assert (rail.suspense(), rail.system.held_for(payment)) == (suspense + 10000, 0)

        spaced = " ".join(payment["bank_reference"][at : at + 4] for at in range(0, 14, 4))
        rail.transfer(payment, 3500, text=f"the rest of {spaced.lower()}")
        reconcile(desk)
        rail.system.wait_until(listener, payment, "succeeded")
    assert rail.order_of(payment)["status"] == "paid"
    assert (rail.suspense(), rail.system.held_for(payment)) == (suspense, AMOUNT)
    assert desk.receipts_of(payment) == []


def test_money_that_is_too_much_goes_back(rail: BankRail, desk: Desk) -> None:
    suspense = rail.suspense()
    payment = rail.link()
    rail.transfer(payment, 15000)
    reconcile(desk)
    assert rail.now(payment)["status"] == "succeeded"
    receipt = desk.receipt_of(payment)
    assert (receipt["reason"], receipt["amount"]) == ("over", "1500")
    assert (rail.suspense(), rail.system.held_for(payment)) == (suspense + 1500, AMOUNT)

    send_back(desk, payment, receipt)
    assert (rail.suspense(), rail.system.held_for(payment)) == (suspense, AMOUNT)
    assert desk.receipts_of(payment) == []


def test_money_that_comes_twice_goes_back_once(rail: BankRail, desk: Desk) -> None:
    suspense = rail.suspense()
    payment = rail.paid()
    rail.transfer(payment, AMOUNT)
    reconcile(desk)
    assert rail.now(payment)["status"] == "succeeded"
    receipt = desk.receipt_of(payment)
    assert (receipt["reason"], receipt["amount"]) == ("twice", str(AMOUNT))
    assert (rail.suspense(), rail.system.held_for(payment)) == (suspense + AMOUNT, AMOUNT)

    refund = created(desk.ask_to_give_back(receipt))
    assert refund["status"] == "pending"
    assert desk.ask_to_give_back(receipt).json()["code"] == "receipt_not_suspended"
    rail.execute_refund(refund)
    rail.wait_for_refund(refund, "succeeded")
    assert (rail.suspense(), rail.system.held_for(payment)) == (suspense, AMOUNT)
    assert rail.now(payment)["status"] == "succeeded"
    reconcile(desk)
    assert rail.clearing() == 0
