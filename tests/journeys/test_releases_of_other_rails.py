"""Money that came by card or bank is released, and its seller paid by Stripe or the bank."""

from sandbox.calls import confirm_at_stripe, created
from sandbox.escrow_calls import release
from tests.conditions import wait_until
from tests.journeys.bank import AMOUNT, BankRail, Body
from tests.journeys.bank_desk import Desk
from tests.journeys.conftest import System

FEE, TAX = 625, 1000
REST = AMOUNT - FEE - TAX
PATIENCE_S = 40
LEFT = ("liabilities:tax", "income:platform-fees")


def test_card_money_is_released_and_the_seller_paid_by_transfer(rail: BankRail) -> None:
    system = rail.system
    payment = system.payment()
    early = release(system.way_in, system.cast.backend, order_id=payment["order_id"])
    assert (early.status_code, early.json()["code"]) == (409, "order_not_paid")
    confirm_at_stripe(system.way_in, payment, "pm_card_bypassPending")
    rail.wait_for(payment, "succeeded")
    ours = [system.balance(path) for path in LEFT]

    part = created(
        release(system.way_in, system.cast.backend, order_id=payment["order_id"], amount="3500")
    )
    whole = created(release(system.way_in, system.cast.backend, order_id=payment["order_id"]))
    assert (part["amount"], whole["amount"]) == ("3500", str(AMOUNT - 3500))
    assert sum(int(one["platform_fee"]) for one in (part, whole)) == FEE
    assert sum(int(one["tax"]) for one in (part, whole)) == TAX
    assert system.held_for(payment) == 0
    assert [system.balance(path) for path in LEFT] == [ours[0] + TAX, ours[1] + FEE]
    again = release(system.way_in, system.cast.backend, order_id=payment["order_id"], amount="1")
    assert (again.status_code, again.json()["code"]) == (409, "release_exceeds_held")

    paid = [payout_becomes(rail, one, "paid") for one in (part, whole)]
    assert sum(int(payout["amount_paid"]) for payout in paid) == REST
    assert {payout["provider"] for payout in paid} == {"stripe"}
    assert owed_to_seller(system, "USD") == 0


def test_bank_money_is_released_paid_out_and_explained(rail: BankRail, desk: Desk) -> None:
    system = rail.system
    rail.paid("EUR")  # our account has more in it than is paid out
    desk.reconcile("main")
    suspense, findings = rail.suspense("EUR"), desk.findings("EUR")
    clearing, queue = rail.clearing("EUR"), desk.unmatched("EUR")
    payment = rail.paid("EUR")
    made = created(release(system.way_in, system.cast.backend, order_id=payment["order_id"]))
    assert (made["status"], made["seller_amount"]) == ("posted", str(REST))
    pending = payout_becomes(rail, made, "pending")
    assert pending["provider"] == "truelayer"
    [at_bank] = [
        one
        for one in rail.knob("sellers-payouts", method="GET")["items"]
        if one["metadata"].get("payout_id") == pending["id"]
    ]
    assert at_bank["amount_in_minor"] == REST
    rail.knob(f"sellers-payouts/{at_bank['id']}", {"to": "executed"})
    payout = payout_becomes(rail, made, "paid")
    assert payout["amount_paid"] == str(REST)
    assert owed_to_seller(system, "EUR") == 0

    statement = created(desk.take_in("main", desk.statement("main")))
    desk.run()
    [of_main] = statement["statements"]
    assert system.balance("assets:bank:main", "EUR") == int(of_main["closing_balance"])
    assert (rail.clearing("EUR"), rail.suspense("EUR")) == (clearing, suspense)
    assert (desk.findings("EUR"), desk.unmatched("EUR")) == (findings, queue)


def payout_becomes(rail: BankRail, made: Body, status: str) -> Body:
    """Wait until the payout of a release has a status."""
    found: Body = {}

    def is_so() -> bool:
        nonlocal found
        path = f"payouts/{made['payout']['id']}"
        found = created(rail.call(rail.system.cast.finance, "GET", path))
        return bool(found["status"] == status)

    wait_until(is_so, timeout_s=PATIENCE_S)
    return found


def owed_to_seller(system: System, currency: str) -> int:
    """Return what the seller is still owed."""
    return system.balance(f"liabilities:seller:{system.cast.seller_id}", currency)
