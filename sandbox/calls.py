"""What the platform's backend, the buyer's browser and Stripe call, one function for each."""

import json
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import requests

from sandbox.listener import LiveEvent, SilenceError
from sandbox.stripe.webhooks import signature
from sandbox.way_in import WayIn, loopback_session

TIMEOUT_S = 30

Found = TypeVar("Found")

_WAIT_S = 90
_LOOK_EVERY_S = 0.2


@dataclass(frozen=True)
class Cast:
    """Everybody who calls: each an HTTP session with its own credentials."""

    backend: requests.Session
    buyer: requests.Session
    other_buyer: requests.Session
    finance: requests.Session
    seller_id: str
    buyer_id: str


def gather(way_in: WayIn) -> Cast:
    """Give everybody an HTTP session with their own key or token."""
    buyer = loopback_session(way_in.tokens["buyer"])
    seller = loopback_session(way_in.tokens["seller"])
    return Cast(
        backend=loopback_session(way_in.api_keys["service"]),
        buyer=buyer,
        other_buyer=loopback_session(way_in.tokens["other_buyer"]),
        finance=loopback_session(way_in.api_keys["finance"]),
        buyer_id=_party_of(way_in, buyer),
        seller_id=_party_of(way_in, seller),
    )


def new_order(cast: Cast, currency: str = "USD") -> dict[str, Any]:
    """Return an order of one thing: 125.00 without tax, 8 % tax."""
    return {
        "reference": f"demo-{secrets.token_hex(16)}",
        "buyer_id": cast.buyer_id,
        "seller_id": cast.seller_id,
        "currency": currency,
        "lines": [
            {"description": "Walnut stool", "quantity": 1, "unit_amount": "12500", "tax_rate": "8"}
        ],
        "platform_fee": "625",
    }


def confirm_at_stripe(way_in: WayIn, payment: dict[str, Any], card: str) -> requests.Response:
    """Do what Stripe.js does in the browser: confirm with the client secret and a test card."""
    form = {
        "key": payment["publishable_key"],
        "client_secret": payment["client_secret"],
        "payment_method": card,
        "use_stripe_sdk": "true",
    }
    url = f"{way_in.stripe_api_url}/v1/payment_intents/{intent_of(payment)}/confirm"
    return at_stripe(way_in).post(url, data=form, timeout=TIMEOUT_S)


def intent_of(payment: dict[str, Any]) -> str:
    """Return the id that a payment has at Stripe."""
    client_secret: str = payment["client_secret"]
    return client_secret.partition("_secret_")[0]


def succeeded_event(way_in: WayIn, payment: dict[str, Any]) -> dict[str, Any] | None:
    """Find the event that told of the success, in Stripe's own list."""
    answer = at_stripe(way_in).get(
        f"{way_in.stripe_api_url}/v1/events",
        params={"type": "payment_intent.succeeded", "limit": "20"},
        auth=(way_in.stripe_secret_key, ""),
        timeout=TIMEOUT_S,
    )
    events: list[dict[str, Any]] = answer.json()["data"]
    wanted = payment["id"]
    of_payment = (
        event for event in events if event["data"]["object"]["metadata"]["payment_id"] == wanted
    )
    return next(of_payment, None)


def deliver(way_in: WayIn, event: dict[str, Any], *, secret: str) -> requests.Response:
    """Deliver an event as Stripe does: raw bytes, with a signature over them."""
    payload = json.dumps(event).encode()
    headers = {
        "Content-Type": "application/json",
        "Stripe-Signature": signature(payload, secret, timestamp=int(time.time())),
    }
    url = f"{way_in.base_url}/api/webhooks/stripe"
    return loopback_session().post(url, data=payload, headers=headers, timeout=TIMEOUT_S)


def trial_balance(way_in: WayIn, cast: Cast) -> list[dict[str, Any]]:
    """Read every account with its balance, page by page."""
    accounts: list[dict[str, Any]] = []
    query = {"limit": "100"}
    while True:
        url = f"{way_in.base_url}/api/ledger/accounts"
        answer = cast.finance.get(url, params=query, timeout=TIMEOUT_S)
        answer.raise_for_status()
        page = answer.json()
        accounts += page["data"]
        if not page["next"]:
            return accounts
        query["after"] = page["next"]


def balance_of(accounts: list[dict[str, Any]], path: str, asset: str) -> int:
    """Return the balance on the account's own side; 0 for one that was never posted to."""
    own = (a for a in accounts if (a["path"], a["asset"]) == (path, asset))
    return next((int(account["balance"]) for account in own), 0)


def at_stripe(way_in: WayIn) -> requests.Session:
    """Return an HTTP session for calls to Stripe; to the real one there may be a proxy between."""
    simulated = way_in.stripe_api_url.startswith("http://127.0.0.1")
    return loopback_session() if simulated else requests.Session()


def says(payment: Mapping[str, Any], status: str) -> Callable[[LiveEvent], bool]:
    """Return a question: does a live event say that this payment has this status?"""

    def wanted(event: LiveEvent) -> bool:
        return (event.topic, event.data.get("id"), event.data.get("status")) == (
            "payment.updated",
            payment["id"],
            status,
        )

    return wanted


def created(answer: requests.Response) -> dict[str, Any]:
    """Return the body of an answer.

    Raises:
        requests.HTTPError: the answer is a refusal; its text says which.
    """
    if not answer.ok:
        raise requests.HTTPError(f"{answer.status_code} {answer.text}", response=answer)
    body: dict[str, Any] = answer.json()
    return body


def until(look: Callable[[], Found | None]) -> Found:
    """Look again and again until something is found.

    Raises:
        SilenceError: nothing was found in time.
    """
    deadline = time.monotonic() + _WAIT_S
    while (found := look()) is None:
        if time.monotonic() > deadline:
            raise SilenceError(f"Nothing came of it within {_WAIT_S} s")
        time.sleep(_LOOK_EVERY_S)
    return found


def _party_of(way_in: WayIn, person: requests.Session) -> str:
    answer = person.post(f"{way_in.base_url}/api/session", timeout=TIMEOUT_S)
    party_id: str = created(answer)["party_id"]
    return party_id
