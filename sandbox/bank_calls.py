"""Calls around a payment by bank: the bank's page, transfers, and the bank's statements."""

import secrets
from typing import Any
from urllib.parse import parse_qs, urlsplit

from sandbox.calls import TIMEOUT_S, Cast, created
from sandbox.way_in import WayIn, loopback_session


def link(way_in: WayIn, cast: Cast, order: dict[str, Any]) -> dict[str, Any]:
    """Start paying an order by bank, as its buyer's browser does."""
    request = {
        "reference": f"demo-{secrets.token_hex(16)}",
        "order_id": order["id"],
        "return_url": f"{way_in.shop_url}/orders/{order['id']}",
    }
    url = f"{way_in.base_url}/api/payments/bank/link"
    return created(cast.buyer.post(url, json=request, timeout=TIMEOUT_S))


def say_yes(payment: dict[str, Any], *, bank: str) -> str:
    """Do what the payer does on the page behind the link; return where it leads them back to."""
    leads_to = urlsplit(payment["link_url"])
    handed = {name: values[0] for name, values in parse_qs(leads_to.fragment).items()}
    page = f"{leads_to.scheme}://{leads_to.netloc}/pay/{handed['payment_id']}"
    token = {"token": handed["resource_token"]}
    browser = loopback_session()
    seen = {**token, "return_uri": handed["return_uri"]}
    browser.get(page, params=seen, timeout=TIMEOUT_S).raise_for_status()
    browser.post(f"{page}/bank", data={**token, "bank": bank}, timeout=TIMEOUT_S).raise_for_status()
    left = browser.post(
        f"{page}/answer",
        data={**token, "answer": "authorise"},
        timeout=TIMEOUT_S,
        allow_redirects=False,
    )
    left.raise_for_status()
    return left.headers["Location"]


def at_bank(way_in: WayIn, path: str, body: dict[str, Any], *, method: str = "POST") -> Any:
    """Turn a knob of the simulated bank; sandbox/bank/knobs.py lists them."""
    with loopback_session(way_in.bank_client_secret) as session:
        url = f"{way_in.bank_api_url}/_sandbox/{path}"
        return created(session.request(method, url, json=body, timeout=TIMEOUT_S))


def push(way_in: WayIn, payment: dict[str, Any], to: str) -> None:
    """Let a payment go on at the simulated bank: `executed`, then `settled`."""
    [payment_id] = parse_qs(urlsplit(payment["link_url"]).fragment)["payment_id"]
    at_bank(way_in, f"payments/{payment_id}", {"to": to})


def transfer(way_in: WayIn, currency: str, amount: int, text: str) -> None:
    """Let somebody send us money by a transfer of their own, or (negative) send some ourselves."""
    at_bank(way_in, "transfers", {"account": currency, "amount": amount, "text": text})


def statement(way_in: WayIn, account: str) -> bytes:
    """Download the bank's statement of an account, camt.053, of everything that ever moved."""
    with loopback_session(way_in.bank_client_secret) as session:
        url = f"{way_in.bank_api_url}/_sandbox/statements/camt053"
        answer = session.get(url, params={"account": account}, timeout=TIMEOUT_S)
    answer.raise_for_status()
    return answer.content
