"""The payer's bank asks them to confirm: approved, refused, walked away, taken up again."""

from sandbox.calls import confirm_at_stripe
from sandbox.card_calls import ASKS_BANK, act, answer_bank, bank_page
from tests.journeys.conftest import System

AMOUNT = 13500


def test_the_payer_approves_and_the_page_hears_each_step(system: System) -> None:
    with system.listening() as listener:
        payment = system.payment()
        seen = confirm_at_stripe(system.way_in, payment, ASKS_BANK).json()
        waiting = system.wait_until(listener, payment, "requires_action")
        assert (seen["status"], waiting["failure"]) == ("requires_action", None)
        assert system.held_for(payment) == 0

        answer_bank(bank_page(seen), "approve")
        system.wait_until(listener, payment, "succeeded")
    assert system.held_for(payment) == AMOUNT


def test_the_payer_refuses_is_told_what_to_do_and_pays_with_another_card(system: System) -> None:
    with system.listening() as listener:
        payment = system.payment()
        seen = confirm_at_stripe(system.way_in, payment, ASKS_BANK).json()
        answer_bank(bank_page(seen), "refuse")
        failure = system.wait_until(listener, payment, "failed")["failure"]
        assert failure["stripe_code"] == "payment_intent_authentication_failure"
        assert failure["next_step"] == "authenticate"

        confirm_at_stripe(system.way_in, payment, "pm_card_visa")
        system.wait_until(listener, payment, "succeeded")
    assert system.held_for(payment) == AMOUNT


def test_who_closed_the_banks_page_can_open_it_again_or_take_another_card(system: System) -> None:
    with system.listening() as listener:
        resumed, replaced = system.payment(), system.payment()
        asked = {}
        for payment in (resumed, replaced):
            asked[payment["id"]] = confirm_at_stripe(system.way_in, payment, ASKS_BANK).json()
            system.wait_until(listener, payment, "requires_action")
        assert system.payment_now(resumed).json()["status"] == "requires_action"

        answer_bank(bank_page(asked[resumed["id"]]), "approve")
        system.wait_until(listener, resumed, "succeeded")
        confirm_at_stripe(system.way_in, replaced, "pm_card_visa")
        system.wait_until(listener, replaced, "succeeded")
    assert (system.held_for(resumed), system.held_for(replaced)) == (AMOUNT, AMOUNT)


def test_a_card_may_be_declined_after_its_bank_agreed(system: System) -> None:
    with system.listening() as listener:
        payment = system.payment()
        card = "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds"
        seen = confirm_at_stripe(system.way_in, payment, card).json()
        answer_bank(bank_page(seen), "approve")
        failure = system.wait_until(listener, payment, "failed")["failure"]
    assert failure["stripe_code"] == "insufficient_funds"
    assert system.held_for(payment) == 0


def test_a_backend_confirms_and_sends_the_payer_to_the_bank(system: System) -> None:
    with system.listening() as listener:
        payment = system.payment()
        back = f"{system.way_in.shop_url}/orders/{payment['order_id']}"
        answer = act(
            system.way_in,
            system.cast,
            payment,
            "confirm",
            payment_method=ASKS_BANK,
            return_url=back,
        )
        assert answer.status_code == 200, answer.text
        action = answer.json()["next_action"]
        assert (answer.json()["status"], action["type"]) == ("requires_action", "redirect_to_url")

        assert answer_bank(action["url"], "approve").headers["Location"].startswith(back)
        system.wait_until(listener, payment, "succeeded")
    assert system.payment_now(payment).json()["next_action"] is None
    assert system.held_for(payment) == AMOUNT


def test_a_delayed_payment_arrives_a_moment_later(system: System) -> None:
    with system.listening() as listener:
        payment = system.payment()
        seen = confirm_at_stripe(system.way_in, payment, "pm_card_sandboxDelayed").json()
        assert seen["status"] == "processing"
        system.wait_until(listener, payment, "processing")
        assert system.held_for(payment) == 0
        system.wait_until(listener, payment, "succeeded")
    assert system.held_for(payment) == AMOUNT
