"""Calls around a card payment: bank pages, hosted pages, captures, refunds, disputes, payouts."""

import secrets
from typing import Any

import requests

from sandbox.calls import TIMEOUT_S, Cast, at_stripe, created, intent_of
from sandbox.way_in import WayIn, loopback_session

DISPUTED = "pm_card_createDispute"
ASKS_BANK = "pm_card_authenticationRequired"


def bank_page(seen: dict[str, Any]) -> str:
    """Return the page that Stripe.js shows for an intent whose payer's bank wants to ask."""
    page: str = seen["next_action"]["use_stripe_sdk"]["stripe_js"]
    return page


def answer_bank(page: str, answer: str) -> requests.Response:
    """Do what the payer does on the page of their bank: `approve` or `refuse`."""
    return loopback_session().post(
        page, data={"answer": answer}, timeout=TIMEOUT_S, allow_redirects=False
    )


def pay_on_page(way_in: WayIn, page_url: str, card: str) -> requests.Response:
    """Do what Stripe's hosted page does when its button is pressed."""
    session_id = page_url.rpartition("/")[2]
    form = {"key": way_in.stripe_publishable_key, "payment_method": card, "use_stripe_sdk": "true"}
    url = f"{way_in.stripe_api_url}/v1/payment_pages/{session_id}/confirm"
    return at_stripe(way_in).post(url, data=form, timeout=TIMEOUT_S)


def act(
    way_in: WayIn,
    cast: Cast,
    payment: dict[str, Any],
    action: str,
    *,
    reference: str | None = None,
    **body: str,
) -> requests.Response:
    """Have the platform's backend `confirm`, `capture` or `cancel` a payment, or make `refunds`."""
    url = f"{way_in.base_url}/api/payments/{payment['id']}/{action}"
    request = {"reference": reference or f"{action}-{secrets.token_hex(16)}", **body}
    return cast.backend.post(url, json=request, timeout=TIMEOUT_S)


def timeline(way_in: WayIn, cast: Cast, payment: dict[str, Any]) -> dict[str, Any]:
    """Read everything that happened to a payment, as the platform's backend sees it."""
    url = f"{way_in.base_url}/api/payments/{payment['id']}/timeline"
    return created(cast.backend.get(url, timeout=TIMEOUT_S))


def dispute_of(way_in: WayIn, payment: dict[str, Any]) -> str | None:
    """Find the dispute of a payment at Stripe, if its payer's bank has opened one."""
    answer = at_stripe(way_in).get(
        f"{way_in.stripe_api_url}/v1/disputes",
        params={"payment_intent": intent_of(payment)},
        auth=(way_in.stripe_secret_key, ""),
        timeout=TIMEOUT_S,
    )
    found: list[dict[str, Any]] = created(answer)["data"]
    return found[0]["id"] if found else None


def end_dispute(way_in: WayIn, dispute_id: str, *, won: bool) -> dict[str, Any]:
    """Answer a dispute with the evidence that decides it in Stripe's test mode."""
    evidence = "winning_evidence" if won else "losing_evidence"
    answer = at_stripe(way_in).post(
        f"{way_in.stripe_api_url}/v1/disputes/{dispute_id}",
        data={"evidence[uncategorized_text]": evidence, "submit": "true"},
        auth=(way_in.stripe_secret_key, ""),
        timeout=TIMEOUT_S,
    )
    return created(answer)


def pay_out(way_in: WayIn, currency: str) -> dict[str, Any]:
    """Have the simulated Stripe send all that is available in a currency to our bank."""
    answer = at_stripe(way_in).post(
        f"{way_in.stripe_api_url}/_sandbox/payouts",
        json={"currency": currency.lower()},
        auth=(way_in.stripe_secret_key, ""),
        timeout=TIMEOUT_S,
    )
    return created(answer)


def stripe_balance(way_in: WayIn, asset: str) -> int:
    """Return what Stripe says it holds for the platform in a currency, pending and available."""
    answer = at_stripe(way_in).get(
        f"{way_in.stripe_api_url}/v1/balance",
        auth=(way_in.stripe_secret_key, ""),
        timeout=TIMEOUT_S,
    )
    balance = created(answer)
    parts = [*balance["pending"], *balance["available"]]
    return sum(part["amount"] for part in parts if part["currency"] == asset.lower())
