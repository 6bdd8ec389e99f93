"""3D Secure at the simulated Stripe: approve, refuse, walk away, try again, come back."""

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import stripe
from stripe import StripeClient

from sandbox.stripe.hosted_pages import BROWSER_FILES
from sandbox.stripe.server import SimulatedStripe
from tests.conditions import wait_until
from tests.sandbox.stripe.conftest import Endpoint

CARD = "pm_card_authenticationRequired"


def new_intent(client: StripeClient, **other: Any) -> stripe.PaymentIntent:
    return client.v1.payment_intents.create(
        {"amount": 4200, "currency": "usd", "allowed_payment_method_types": ["card"], **other}  # type: ignore[typeddict-item]  # tests choose what they send
    )


def confirm(simulated: SimulatedStripe, intent: stripe.PaymentIntent, card: str) -> dict[str, Any]:
    """What Stripe.js sends; the intent as the browser sees it."""
    form = {
        "key": simulated.account.publishable_key,
        "client_secret": str(intent.client_secret),
        "use_stripe_sdk": "true",
        "payment_method": card,
    }
    url = f"{simulated.url}/v1/payment_intents/{intent.id}/confirm"
    answer = requests.post(url, data=form, timeout=10)
    assert answer.status_code == 200, answer.text
    seen: dict[str, Any] = answer.json()
    return seen


def answer_bank(seen: dict[str, Any], answer: str) -> requests.Response:
    """What the payer does on the bank's page."""
    action = seen["next_action"]
    page = action[action["type"]].get("stripe_js") or action[action["type"]]["url"]
    assert "Is this payment yours?" in requests.get(page, timeout=10).text
    return requests.post(page, data={"answer": answer}, timeout=10, allow_redirects=False)


def told(endpoint: Endpoint, intent: stripe.PaymentIntent, kind: str) -> Any:
    """Wait for the webhook of a type about an intent; what it shows of the intent."""
    while True:
        event = endpoint.next_event()
        shown = event.to_dict()["data"]["object"]
        if event.type == kind and shown["id"] == intent.id:
            return shown


def test_an_approved_payment_succeeds(
    simulated: SimulatedStripe, client: StripeClient, endpoint: Endpoint
) -> None:
    intent = new_intent(client)
    seen = confirm(simulated, intent, CARD)
    assert (seen["status"], seen["next_action"]["type"]) == ("requires_action", "use_stripe_sdk")
    assert told(endpoint, intent, "payment_intent.requires_action")["next_action"]
    assert client.v1.payment_intents.retrieve(intent.id).latest_charge is None

    answer_bank(seen, "approve")

    assert told(endpoint, intent, "payment_intent.succeeded")["next_action"] is None
    paid = client.v1.payment_intents.retrieve(intent.id, {"expand": ["latest_charge"]}).to_dict()
    assert (paid["status"], paid["amount_received"]) == ("succeeded", 4200)
    card = paid["latest_charge"]["payment_method_details"]["card"]
    assert card["three_d_secure"]["result"] == "authenticated"


def test_a_refused_payment_can_be_tried_with_another_card(
    simulated: SimulatedStripe, client: StripeClient, endpoint: Endpoint
) -> None:
    intent = new_intent(client)
    answer_bank(confirm(simulated, intent, CARD), "refuse")

    shown = told(endpoint, intent, "payment_intent.payment_failed")
    assert shown["status"] == "requires_payment_method"
    assert shown["last_payment_error"]["code"] == "payment_intent_authentication_failure"
    assert confirm(simulated, intent, "pm_card_visa")["status"] == "succeeded"


def test_who_walked_away_can_go_on_or_take_another_card(
    simulated: SimulatedStripe, client: StripeClient
) -> None:
    gone_on, another = new_intent(client), new_intent(client)
    seen = confirm(simulated, gone_on, CARD)
    assert client.v1.payment_intents.retrieve(gone_on.id).status == "requires_action"
    answer_bank(seen, "approve")
    assert client.v1.payment_intents.retrieve(gone_on.id).status == "succeeded"

    confirm(simulated, another, CARD)
    assert confirm(simulated, another, "pm_card_visa")["status"] == "succeeded"


def test_only_the_newest_question_counts_and_only_once(
    simulated: SimulatedStripe, client: StripeClient
) -> None:
    intent = new_intent(client)
    first = confirm(simulated, intent, CARD)
    second = confirm(simulated, intent, CARD)
    old_page = first["next_action"]["use_stripe_sdk"]["stripe_js"]
    requests.post(old_page, data={"answer": "refuse"}, timeout=10)
    assert client.v1.payment_intents.retrieve(intent.id).status == "requires_action"

    answer_bank(second, "approve")
    page = second["next_action"]["use_stripe_sdk"]["stripe_js"]
    requests.post(page, data={"answer": "refuse"}, timeout=10)
    assert client.v1.payment_intents.retrieve(intent.id).status == "succeeded"


@pytest.mark.parametrize(
    ("card", "code", "decline_code"),
    [
        ("pm_card_threeDSecureRequiredChargeDeclined", "card_declined", "generic_decline"),
        (
            "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds",
            "card_declined",
            "insufficient_funds",
        ),
        ("pm_card_threeDSecureRequiredProcessingError", "processing_error", None),
    ],
)
def test_cards_that_are_declined_after_the_bank_agreed(
    simulated: SimulatedStripe, client: StripeClient, card: str, code: str, decline_code: str | None
) -> None:
    intent = new_intent(client)
    answer_bank(confirm(simulated, intent, card), "approve")

    after = client.v1.payment_intents.retrieve(intent.id).to_dict()
    assert after["status"] == "requires_payment_method"
    assert after["last_payment_error"]["code"] == code
    assert after["last_payment_error"].get("decline_code") == decline_code


def test_a_backend_sends_the_payer_to_the_bank_and_back(
    client: StripeClient,
) -> None:
    intent = new_intent(client, capture_method="manual")
    seen = client.v1.payment_intents.confirm(
        intent.id, {"payment_method": CARD, "return_url": "https://shop.example/back?order=7"}
    ).to_dict()
    assert (seen["status"], seen["next_action"]["type"]) == ("requires_action", "redirect_to_url")

    back = urlsplit(answer_bank(seen, "approve").headers["Location"])
    assert (back.netloc, back.path) == ("shop.example", "/back")
    query = {name: value for name, [value] in parse_qs(back.query).items()}
    assert query["order"] == "7"
    assert query["payment_intent"] == intent.id
    assert client.v1.payment_intents.retrieve(intent.id).status == "requires_capture"


def test_a_backend_without_return_url_is_told_to_use_stripe_js(client: StripeClient) -> None:
    seen = client.v1.payment_intents.confirm(
        new_intent(client).id, {"payment_method": CARD}
    ).to_dict()
    assert seen["next_action"]["type"] == "use_stripe_sdk"


def test_created_and_confirmed_in_one_call(client: StripeClient) -> None:
    paid = new_intent(client, confirm=True, payment_method="pm_card_visa")
    assert paid.status == "succeeded"
    waiting = new_intent(client, confirm=True, payment_method=CARD)
    assert waiting.status == "requires_action"
    with pytest.raises(stripe.CardError) as declined:
        new_intent(client, confirm=True, payment_method="pm_card_chargeDeclined")
    assert '"status":"requires_payment_method"' in str(declined.value.http_body)


def test_a_canceled_payment_cannot_be_approved_any_more(
    simulated: SimulatedStripe, client: StripeClient
) -> None:
    intent = new_intent(client)
    page = confirm(simulated, intent, CARD)["next_action"]["use_stripe_sdk"]["stripe_js"]
    assert client.v1.payment_intents.cancel(intent.id).next_action is None
    requests.post(page, data={"answer": "approve"}, timeout=10)
    assert client.v1.payment_intents.retrieve(intent.id).status == "canceled"


def test_a_delayed_payment_succeeds_by_itself(
    simulated: SimulatedStripe, client: StripeClient, endpoint: Endpoint
) -> None:
    intent = new_intent(client)
    assert confirm(simulated, intent, "pm_card_sandboxDelayed")["status"] == "processing"
    assert told(endpoint, intent, "payment_intent.processing")["status"] == "processing"
    wait_until(lambda: client.v1.payment_intents.retrieve(intent.id).status == "succeeded")


def test_the_banks_page_runs_nothing_of_anybody_else(
    simulated: SimulatedStripe, client: StripeClient
) -> None:
    seen = confirm(simulated, new_intent(client), CARD)
    page = requests.get(seen["next_action"]["use_stripe_sdk"]["stripe_js"], timeout=10)
    policy = page.headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert seen["client_secret"] not in page.text


def test_nothing_inline_is_in_the_hosted_pages() -> None:
    pages = list(BROWSER_FILES.glob("*.html"))
    assert len(pages) == 3
    for page in pages:
        inline = r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)"
        assert not re.search(inline, page.read_text()), page.name
