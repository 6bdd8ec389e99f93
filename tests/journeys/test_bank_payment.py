"""A payment by bank, end to end: the link, the hosted page, and whatever the bank makes of it."""

import datetime as dt
from functools import partial

from sandbox.calls import created, trial_balance
from tests.conditions import wait_until
from tests.journeys.bank import AMOUNT, PATIENCE_S, BankRail, told


def test_money_is_ours_when_it_is_settled_and_not_before(rail: BankRail) -> None:
    with rail.system.listening() as listener:
        payment = rail.link()
        assert (payment["status"], payment["rail"]) == ("created", "bank")
        clearing = rail.clearing()

        back = rail.answer(payment, "authorise")
        assert back.startswith(f"{rail.system.way_in.shop_url}/orders/{payment['order_id']}")
        rail.push(payment, "executed")
        heard = listener.wait_for(told(payment, "executed")).data
        assert heard["status"] == "processing"
        assert (rail.system.held_for(payment), rail.clearing()) == (0, clearing)

        rail.push(payment, "settled")
        heard = rail.system.wait_until(listener, payment, "succeeded")
    assert heard["bank"]["amount_received"] == heard["amount_captured"] == str(AMOUNT)
    assert rail.now(payment)["bank"]["provider_status"] == "settled"
    assert rail.order_of(payment)["status"] == "paid"
    assert (rail.system.held_for(payment), rail.clearing()) == (AMOUNT, clearing + AMOUNT)


def test_a_payer_who_refuses_may_try_again(rail: BankRail) -> None:
    clearing = rail.clearing()
    with rail.system.listening() as listener:
        payment = rail.link()
        assert "error=not_authorized" in rail.answer(payment, "not_authorized")
        heard = rail.system.wait_until(listener, payment, "failed")
    assert heard["failure"]["next_step"] == "try_again"
    assert rail.order_of(payment)["status"] == "open"
    assert (rail.system.held_for(payment), rail.clearing()) == (0, clearing)

    again = rail.link(order={"id": payment["order_id"]})
    assert again["bank_reference"] != payment["bank_reference"]
    rail.answer(again, "authorise")
    rail.push(again, "settled")
    rail.wait_for(again, "succeeded")
    assert rail.order_of(payment)["status"] == "paid"
    assert rail.system.held_for(payment) == AMOUNT
    assert rail.now(payment)["status"] in ("failed", "canceled")


def test_a_link_nobody_used_expires(rail: BankRail) -> None:
    with rail.system.listening() as listener:
        payment = rail.link()
        rail.answer(payment, "leave")
        rail.let_deadline_pass(payment)
        rail.system.wait_until(listener, payment, "expired")
    assert rail.order_of(payment)["status"] == "open"
    assert rail.system.held_for(payment) == 0
    # TrueLayer takes no money for it either.
    assert rail.events_of(payment)[-1]["failure_reason"] == "canceled"


def test_money_under_way_does_not_expire(rail: BankRail) -> None:
    with rail.system.listening() as listener:
        payment = rail.link()
        rail.answer(payment, "authorise")
        with rail.silent():  # nobody has told of it yet: who would expire it has to ask
            rail.push(payment, "executed")
            rail.let_deadline_pass(payment)
            listener.wait_for(told(payment, "executed"))
        rail.push(payment, "settled")
        rail.system.wait_until(listener, payment, "succeeded")
    assert rail.system.held_for(payment) == AMOUNT


def test_money_that_stalls_is_waited_for(rail: BankRail) -> None:
    with rail.system.listening() as listener:
        payment = rail.link()
        rail.answer(payment, "stall")
        rail.push(payment, "executed")
        rail.push(payment, "stalled")
        heard = listener.wait_for(told(payment, "stalled")).data
        assert heard["status"] == "processing"
        assert rail.system.held_for(payment) == 0

        rail.push(payment, "settled")
        rail.system.wait_until(listener, payment, "succeeded")
    assert rail.order_of(payment)["status"] == "paid"
    assert rail.system.held_for(payment) == AMOUNT


def test_a_deadline_put_off_holds_until_it_is_over(rail: BankRail) -> None:
    payment, other = rail.link(), rail.link()
    in_an_hour = dt.datetime.fromisoformat(payment["expires_at"]) + dt.timedelta(hours=1)
    asked = {
        "reference": f"outage-{payment['id']}",
        "payment_ids": [payment["id"]],
        "extend_until": in_an_hour.isoformat(),
        "reason": "The bank is down.",
    }
    told_so = created(rail.call(rail.operator, "POST", "ops/deadlines/extend", asked))
    assert told_so["extended"] == 1
    refused = rail.call(rail.system.cast.backend, "POST", "ops/deadlines/extend", asked)
    assert refused.status_code == 403

    rail.let_deadline_pass(payment)
    rail.let_deadline_pass(other)
    rail.wait_for(other, "expired")  # they are looked at in the order of their deadlines
    assert rail.now(payment)["status"] != "expired"
    rail.answer(payment, "authorise")
    rail.push(payment, "settled")
    rail.wait_for(payment, "succeeded")
    assert rail.system.held_for(payment) == AMOUNT


def test_refunds_go_back_through_truelayer_in_part_then_whole(rail: BankRail) -> None:
    with rail.system.listening() as listener:
        payment = rail.paid()
        rail.system.wait_until(listener, payment, "succeeded")
        clearing = rail.clearing()

        first = created(rail.refund(payment, "3500"))
        assert first["status"] == "pending"
        assert rail.now(payment)["amount_refunded"] == "0"
        assert rail.clearing() == clearing
        rail.execute_refund(first)
        rail.system.wait_until(listener, payment, "partially_refunded")
        assert (rail.system.held_for(payment), rail.clearing()) == (10000, clearing - 3500)

        too_much = rail.refund(payment, "10001")
        assert (too_much.status_code, too_much.json()["code"]) == (409, "refund_exceeds_payment")
        rest = created(rail.refund(payment))
        rail.execute_refund(rest)
        rail.system.wait_until(listener, payment, "refunded")
    assert (rail.system.held_for(payment), rail.clearing()) == (0, clearing - AMOUNT)


def test_a_refund_that_comes_back_is_held_for_the_order_again(rail: BankRail) -> None:
    payment = rail.paid()
    clearing = rail.clearing()
    refund = created(rail.refund(payment, "3500"))
    rail.execute_refund(refund)
    rail.wait_for(payment, "partially_refunded")
    assert rail.clearing() == clearing - 3500

    rail.execute_refund(refund, to="failed")
    rail.wait_for(payment, "succeeded")
    assert rail.refund_now(refund)["status"] == "failed"
    assert (rail.system.held_for(payment), rail.clearing()) == (AMOUNT, clearing)


def test_webhooks_many_times_and_in_any_order_have_one_effect(rail: BankRail) -> None:
    rail.knob("webhooks", {"duplicate": 0.8, "reorder_window": 6, "seed": 7}, method="PUT")
    payments = [rail.link() for _ in range(2)]
    for payment in payments:
        rail.answer(payment, "authorise")
        rail.push(payment, "executed")
        rail.push(payment, "settled")
    rail.knob("webhooks", {}, method="PUT")
    for payment in payments:
        rail.wait_for(payment, "succeeded")
    before = trial_balance(rail.system.way_in, rail.system.cast)
    events = [event["event_id"] for payment in payments for event in rail.events_of(payment)]
    assert len(events) == 4
    rail.knob("redeliver", {"events": events, "copies": [3, 5], "seed": 7})
    wait_until(rail.has_told_everything, timeout_s=PATIENCE_S)

    following = rail.paid()
    after = trial_balance(rail.system.way_in, rail.system.cast)
    # What Stripe keeps for us moves by itself when its fees become known.
    changed = {
        row["path"]
        for row in after
        if row not in before and not row["path"].startswith(("assets:stripe:", "expenses:"))
    }
    assert changed == {f"liabilities:escrow:{following['order_id']}", "assets:bank:clearing"}
    assert {rail.now(payment)["status"] for payment in payments} == {"succeeded"}


def test_forged_webhooks_change_nothing(rail: BankRail) -> None:
    payment = rail.link()
    rail.answer(payment, "authorise")
    rail.knob("webhooks", {"wrong_key": 1.0}, method="PUT")
    rail.push(payment, "settled")
    events = [event["event_id"] for event in rail.events_of(payment)]
    assert len(events) == 2
    wait_until(partial(rail.were_refused, payment, 2), timeout_s=PATIENCE_S)
    for n, fault in enumerate(("foreign_jku", "tampered", "old_timestamp"), start=2):
        rail.knob("webhooks", {fault: 1.0}, method="PUT")
        rail.knob("redeliver", {"events": events})
        wait_until(partial(rail.were_refused, payment, n * len(events)), timeout_s=PATIENCE_S)
    assert rail.now(payment)["status"] == "created"
    assert rail.system.held_for(payment) == 0

    rail.knob("webhooks", {}, method="PUT")  # the bank tries again, rightly
    rail.wait_for(payment, "succeeded")
    assert rail.system.held_for(payment) == AMOUNT
