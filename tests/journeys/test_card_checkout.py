"""Paying on Stripe's hosted page: made once, declined and paid there, left and come back from."""

from typing import Any

import requests

from sandbox.calls import TIMEOUT_S, created
from sandbox.card_calls import ASKS_BANK, act, answer_bank, bank_page, pay_on_page
from sandbox.way_in import loopback_session
from tests.journeys.conftest import System

AMOUNT = 13500


def start(system: System, order: dict[str, Any], **other: str) -> requests.Response:
    shop = system.way_in.shop_url
    body = {
        "reference": f"page-{order['id']}",
        "order_id": order["id"],
        "success_url": f"{shop}/orders/{order['id']}",
        "cancel_url": f"{shop}/checkout/{order['id']}",
        **other,
    }
    url = f"{system.way_in.base_url}/api/payments/stripe/checkout-session"
    return system.cast.buyer.post(url, json=body, timeout=TIMEOUT_S)


def test_an_order_is_paid_on_stripes_page(system: System) -> None:
    order = system.order()
    with system.listening() as listener:
        payment = created(start(system, order))
        assert payment["checkout_session_id"].startswith("cs_")
        page = loopback_session().get(payment["url"], timeout=TIMEOUT_S)
        assert "$135.00" in page.text

        declined = pay_on_page(system.way_in, payment["url"], "pm_card_chargeDeclined")
        assert declined.status_code == 402
        assert system.wait_until(listener, payment, "failed")["failure"]["message"]

        asked = pay_on_page(system.way_in, payment["url"], ASKS_BANK).json()
        answer_bank(bank_page(asked), "approve")
        system.wait_until(listener, payment, "succeeded")
    assert system.held_for(payment) == AMOUNT


def test_the_same_reference_gives_the_same_page(system: System) -> None:
    order = system.order()
    first, again = start(system, order), start(system, order)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert first.json()["url"] == again.json()["url"]


def test_a_page_leads_back_to_trusted_origins_only(system: System) -> None:
    order = system.order()
    for name in ("success_url", "cancel_url"):
        answer = start(system, order, **{name: "https://elsewhere.example/"})
        assert answer.status_code == 400
        assert list(answer.json()["errors"]) == [name]


def test_a_canceled_page_takes_no_money(system: System) -> None:
    with system.listening() as listener:
        payment = created(start(system, system.order()))
        assert act(system.way_in, system.cast, payment, "cancel").status_code == 200
        system.wait_until(listener, payment, "canceled")
    assert pay_on_page(system.way_in, payment["url"], "pm_card_visa").status_code == 400
    assert system.held_for(payment) == 0
