"""Checkout Sessions at the simulated Stripe: made, paid on their page, expired."""

from typing import Any

import pytest
import requests
import stripe
from stripe import StripeClient
from stripe.checkout import Session

from sandbox.stripe.server import SimulatedStripe
from tests.conditions import wait_until
from tests.sandbox.stripe.conftest import Endpoint
from tests.sandbox.stripe.test_shapes import FIXTURES, differences


def new_session(client: StripeClient, key: str | None = None, **other: Any) -> Session:
    line = {"currency": "usd", "product_data": {"name": "Walnut stool"}, "unit_amount": 5000}
    asked = {
        "mode": "payment",
        "line_items": [{"price_data": line, "quantity": 2}],
        "metadata": {"payment_id": "pay_1"},
        "payment_intent_data": {"metadata": {"payment_id": "pay_1"}},
        "client_reference_id": "ord_1",
        "success_url": "https://shop.example/done?session={CHECKOUT_SESSION_ID}",
        "cancel_url": "https://shop.example/checkout",
        **other,
    }
    options: Any = {"idempotency_key": key} if key else None
    return client.v1.checkout.sessions.create(asked, options)  # type: ignore[arg-type]  # tests choose what they send


def pay(
    simulated: SimulatedStripe, session: Session, card: str = "pm_card_visa"
) -> requests.Response:
    """What the hosted page does when its button is pressed."""
    form = {
        "key": simulated.account.publishable_key,
        "payment_method": card,
        "use_stripe_sdk": "true",
    }
    url = f"{simulated.url}/v1/payment_pages/{session.id}/confirm"
    return requests.post(url, data=form, timeout=10)


def told(endpoint: Endpoint, kind: str) -> Any:
    """Wait for the webhook of a type; its object."""
    return told_all(endpoint, kind)[kind]


def told_all(endpoint: Endpoint, *kinds: str) -> dict[str, Any]:
    """Wait for a webhook of each type, in any order; their objects by type."""
    heard: dict[str, Any] = {}
    while not heard.keys() >= set(kinds):
        event = endpoint.next_event()
        heard[event.type] = event.to_dict()["data"]["object"]
    return heard


def test_a_new_session_has_stripes_shape_and_no_intent(client: StripeClient) -> None:
    session = new_session(client)
    seen = session.to_dict()
    assert (
        differences({**seen, "payment_intent": "id"}, FIXTURES["checkout.session"], Session, "")
        == []
    )
    assert (session.status, session.payment_status) == ("open", "unpaid")
    assert (session.amount_total, session.payment_intent) == (10000, None)
    assert session.url is not None
    assert "Walnut stool" in requests.get(session.url, timeout=10).text


def test_a_paid_session_is_complete_and_its_intent_carries_the_metadata(
    simulated: SimulatedStripe, client: StripeClient, endpoint: Endpoint
) -> None:
    session = new_session(client)
    paid = pay(simulated, session)
    assert (paid.status_code, paid.json()["status"]) == (200, "succeeded")

    completed = told(endpoint, "checkout.session.completed")
    assert (completed["id"], completed["payment_status"]) == (session.id, "paid")
    after = client.v1.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent"]})
    intent = after.payment_intent
    assert isinstance(intent, stripe.PaymentIntent)
    assert (intent.amount_received, intent.metadata.to_dict()) == (10000, {"payment_id": "pay_1"})
    assert (after.status, after.url) == ("complete", None)
    assert pay(simulated, session).status_code == 400


def test_a_declined_card_leaves_the_session_open_for_another(
    simulated: SimulatedStripe, client: StripeClient
) -> None:
    session = new_session(client)
    declined = pay(simulated, session, "pm_card_chargeDeclined")
    assert (declined.status_code, declined.json()["error"]["code"]) == (402, "card_declined")
    first = client.v1.checkout.sessions.retrieve(session.id)
    assert first.status == "open"

    waiting = pay(simulated, session, "pm_card_authenticationRequired").json()
    assert waiting["status"] == "requires_action"
    bank = waiting["next_action"]["use_stripe_sdk"]["stripe_js"]
    requests.post(bank, data={"answer": "approve"}, timeout=10)
    last = client.v1.checkout.sessions.retrieve(session.id)
    assert (last.status, last.payment_intent) == ("complete", first.payment_intent)


def test_money_to_be_captured_or_on_its_way_is_not_paid_yet(
    simulated: SimulatedStripe, client: StripeClient, endpoint: Endpoint
) -> None:
    reserved = new_session(client, payment_intent_data={"capture_method": "manual"})
    assert pay(simulated, reserved).json()["status"] == "requires_capture"
    assert told(endpoint, "checkout.session.completed")["payment_status"] == "unpaid"

    delayed = new_session(client)
    assert pay(simulated, delayed, "pm_card_sandboxDelayed").json()["status"] == "processing"
    assert told(endpoint, "checkout.session.completed")["payment_status"] == "unpaid"
    assert told(endpoint, "checkout.session.async_payment_succeeded")["id"] == delayed.id


def test_an_expired_session_cannot_be_paid(
    simulated: SimulatedStripe, client: StripeClient, endpoint: Endpoint
) -> None:
    session = new_session(client)
    pay(simulated, session, "pm_card_chargeDeclined")
    assert client.v1.checkout.sessions.expire(session.id).status == "expired"

    heard = told_all(endpoint, "payment_intent.canceled", "checkout.session.expired")
    assert heard["payment_intent.canceled"]["metadata"] == {"payment_id": "pay_1"}
    assert heard["checkout.session.expired"]["id"] == session.id
    assert pay(simulated, session).status_code == 400
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.checkout.sessions.expire(session.id)
    page = requests.get(f"{simulated.url}/c/pay/{session.id}", timeout=10)
    assert "This page has expired" in page.text


def test_a_session_expires_by_itself(simulated: SimulatedStripe, client: StripeClient) -> None:
    session = new_session(client)
    with simulated.store.transaction() as transaction:
        transaction.put_off(session.id, due_at=0)
    wait_until(lambda: client.v1.checkout.sessions.retrieve(session.id).status == "expired")


def test_the_same_key_gives_the_same_session(client: StripeClient) -> None:
    first, again = (new_session(client, key="checkout-1") for _ in range(2))
    assert (first.id, first.url) == (again.id, again.url)


@pytest.mark.parametrize(
    "wrong",
    [
        {"mode": "subscription"},
        {"success_url": ""},
        {"line_items": []},
        {"expires_at": 1},
        {"allowed_payment_method_types": ["sepa_debit"]},
        {"nonsense": "1"},
    ],
)
def test_what_stripe_would_refuse_is_refused(client: StripeClient, wrong: dict[str, Any]) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        new_session(client, **wrong)


def test_the_hosted_page_runs_nothing_of_anybody_else(
    simulated: SimulatedStripe, client: StripeClient
) -> None:
    page = requests.get(str(new_session(client).url), timeout=10)
    policy = page.headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert requests.get(f"{simulated.url}/hosted/checkout.js", timeout=10).ok
