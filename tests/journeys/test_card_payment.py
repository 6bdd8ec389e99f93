"""A card payment, end to end: web, worker, relay and Stripe as processes, HTTP from outside."""

import json
import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import redis
import requests

from sandbox.calls import TIMEOUT_S, confirm_at_stripe, deliver, trial_balance
from sandbox.listener import LiveEvent
from sandbox.way_in import loopback_session
from tests.journeys.conftest import System

AMOUNT = 13500


def about(payment: dict[str, Any]) -> Callable[[LiveEvent], bool]:
    return lambda event: bool(event.data["id"] == payment["id"])


def stripe_events(system: System, payment: dict[str, Any]) -> list[dict[str, Any]]:
    """Everything Stripe has to say about a payment, oldest first."""
    intent_id = payment["client_secret"].partition("_secret_")[0]
    answer = loopback_session().get(
        f"{system.way_in.stripe_api_url}/v1/events",
        params={"limit": "100"},
        auth=(system.way_in.stripe_secret_key, ""),
        timeout=TIMEOUT_S,
    )
    answer.raise_for_status()
    newest_first: list[dict[str, Any]] = answer.json()["data"]
    return [event for event in newest_first[::-1] if intent_id in json.dumps(event)]


def send(system: System, event: dict[str, Any]) -> bool:
    """Deliver an event and return whether it was called a duplicate."""
    answer = deliver(system.way_in, event, secret=system.way_in.webhook_secrets["stripe"])
    assert answer.status_code == 200, answer.text
    duplicate: bool = answer.json()["duplicate"]
    return duplicate


@contextmanager
def no_webhooks(system: System) -> Iterator[None]:
    """Keep the simulated Stripe from delivering anything by itself."""
    turn_webhooks(system, paused=True)
    try:
        yield
    finally:
        turn_webhooks(system)


def turn_webhooks(system: System, **knobs: bool) -> None:
    url = f"{system.way_in.stripe_api_url}/_sandbox/webhooks"
    key = (system.way_in.stripe_secret_key, "")
    answer = loopback_session().put(url, json=knobs, auth=key, timeout=TIMEOUT_S)
    assert answer.status_code == 200, answer.text


def test_a_paid_card_reaches_the_ledger_and_the_page(system: System) -> None:
    with system.listening() as listener:
        payment = system.pay()
        heard = system.wait_until(listener, payment, "succeeded")

    assert payment["status"] == "created"
    assert (heard["amount"], heard["currency"]) == (str(AMOUNT), "USD")
    shown = system.payment_now(payment).json()
    assert (shown["status"], shown["failure"]) == ("succeeded", None)
    assert system.held_for(payment) == AMOUNT
    accounts = trial_balance(system.way_in, system.cast)
    assert sum(int(row["debit"]) - int(row["credit"]) for row in accounts) == 0


def test_a_declined_card_books_nothing_and_can_be_followed_by_a_good_one(system: System) -> None:
    with system.listening() as listener:
        payment = system.pay("pm_card_visa_chargeDeclined")
        failure = system.wait_until(listener, payment, "failed")["failure"]
        assert failure["stripe_code"] == "generic_decline"
        assert failure["message"]
        assert failure["next_step"]
        assert system.held_for(payment) == 0

        confirm_at_stripe(system.way_in, payment, "pm_card_visa")
        assert system.wait_until(listener, payment, "succeeded")["failure"] is None
    assert system.held_for(payment) == AMOUNT


def test_webhooks_many_times_and_at_once_have_one_effect(system: System) -> None:
    with system.listening() as listener:
        payment = system.pay()
        system.wait_until(listener, payment, "succeeded")
        before = trial_balance(system.way_in, system.cast)

        events = stripe_events(system, payment)
        assert len(events) >= 3
        with ThreadPoolExecutor(4) as senders:
            again = list(senders.map(lambda event: send(system, event), events[::-1] * 5))
        assert all(again)

        # Another payment's event comes after whatever the repetitions could have caused.
        following = system.pay()
        system.wait_until(listener, following, "succeeded")
    assert system.held_for(payment) == AMOUNT
    after = trial_balance(system.way_in, system.cast)
    # What Stripe keeps for us moves by itself when its fees become known.
    changed = {
        row["path"] for row in after if row not in before and row["path"].startswith("liabilities:")
    }
    assert changed == {f"liabilities:escrow:{following['order_id']}"}


def test_webhooks_in_the_wrong_order_end_in_the_same_state(system: System) -> None:
    with system.listening() as listener:
        with no_webhooks(system):
            payment = system.pay("pm_card_visa_chargeDeclined")
            confirm_at_stripe(system.way_in, payment, "pm_card_visa")
            story = stripe_events(system, payment)
            assert [event["type"] for event in story][-1] == "payment_intent.succeeded"
            for event in story[::-1]:
                assert send(system, event) is False
            system.wait_until(listener, payment, "succeeded")

        following = system.pay()
        system.wait_until(listener, following, "succeeded")
    shown = system.payment_now(payment).json()
    assert (shown["status"], shown["failure"]) == ("succeeded", None)
    assert system.held_for(payment) == AMOUNT


def test_a_forged_webhook_is_refused(system: System) -> None:
    payment = system.payment()
    event = {"id": "evt_forged", "object": "event", "type": "payment_intent.succeeded"}

    answer = deliver(system.way_in, event, secret="whsec_sandbox_of_somebody_else")

    assert answer.status_code == 400
    assert system.payment_now(payment).json()["status"] == "created"


def test_nothing_is_lost_with_redis(system: System) -> None:
    with system.listening() as listener, redis.Redis.from_url(system.redis_url) as doorbell:
        for _ in range(3):
            payment = system.pay()
            doorbell.flushdb()
            system.wait_until(listener, payment, "succeeded", timeout_s=60)
            doorbell.flushdb()
            assert system.held_for(payment) == AMOUNT


def test_a_page_that_reconnects_misses_nothing_and_hears_nothing_twice(system: System) -> None:
    with system.listening() as steady:
        with system.listening() as first_connection:
            seen = system.pay()
            system.wait_until(first_connection, seen, "succeeded")
            last = steady.wait_for(about(seen))
            while last.data.get("status") != "succeeded":
                last = steady.wait_for(about(seen))
        missed = system.pay()
        expected = [steady.wait_for(about(missed))]
        while expected[-1].data["status"] != "succeeded":
            expected.append(steady.wait_for(about(missed)))

        with system.listening(last_event_id=last.id) as second_connection:
            caught_up = [second_connection.wait_for(lambda _: True)]
            while caught_up[-1].id < expected[-1].id:
                caught_up.append(second_connection.wait_for(lambda _: True))
            live = system.pay()
            system.wait_until(second_connection, live, "succeeded")

    ids = [event.id for event in caught_up]
    assert ids == sorted(set(ids))
    assert ids[0] > last.id
    assert [event for event in caught_up if about(missed)(event)] == expected


def test_another_buyer_neither_sees_nor_hears_the_payment(system: System) -> None:
    with system.listening(person="other_buyer") as stranger, system.listening() as listener:
        payment = system.pay()
        system.wait_until(listener, payment, "succeeded")

        assert system.payment_now(payment, system.cast.other_buyer).status_code == 404
        answer = system.cast.other_buyer.post(
            f"{system.way_in.base_url}/api/payments/intents",
            json={"reference": "not-mine", "order_id": payment["order_id"]},
            timeout=TIMEOUT_S,
        )
        assert answer.status_code == 404
        assert stranger.heard_so_far() == []


def test_the_shop_sells_at_the_price_it_shows(system: System) -> None:
    shop = system.way_in.shop_url
    form = {"product": "lamp", "reference": secrets.token_hex(16)}
    browser = loopback_session()
    bought = [
        browser.post(f"{shop}/buy", data=form, headers={"Origin": shop}, timeout=TIMEOUT_S)
        for _ in range(2)
    ]
    assert {page.status_code for page in bought} == {200}
    assert bought[0].url == bought[1].url
    assert "€119.00" in bought[0].text

    token = browser.post(f"{shop}/token", headers={"Origin": shop}, timeout=TIMEOUT_S).json()
    signed_in = requests.post(
        f"{system.way_in.base_url}/api/session",
        headers={"Authorization": f"Bearer {token['token']}"},
        timeout=TIMEOUT_S,
    )
    assert signed_in.status_code == 201
