"""What the payer, their bank and finance do around a payment by bank, for journeys over HTTP."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import requests
from sqlalchemy import Engine, text

import ledger
from payments import invariants
from payments.database import in_transaction
from sandbox.calls import TIMEOUT_S, created, new_order
from sandbox.card_calls import act
from sandbox.listener import LiveEvent
from sandbox.way_in import loopback_session
from tests.conditions import wait_until

if TYPE_CHECKING:
    from tests.journeys.conftest import System

AMOUNT = 13500
PATIENCE_S = 30

Body = dict[str, Any]


@dataclass(frozen=True)
class BankRail:
    """The running system seen from the bank rail. The bank does nothing until it is told to."""

    system: "System"
    engine: Engine

    # ---- callers -------------------------------------------------------------------------------

    @cached_property
    def operator(self) -> requests.Session:
        """Who puts deadlines off."""
        return loopback_session(self.system.way_in.api_keys["operator"])

    def call(
        self, who: requests.Session, method: str, path: str, body: Body | None = None
    ) -> requests.Response:
        """Call our API."""
        url = f"{self.system.way_in.base_url}/api/{path}"
        return who.request(method, url, json=body, timeout=TIMEOUT_S)

    def link(self, currency: str = "USD", order: Body | None = None) -> Body:
        """Place an order of 135.00 as its buyer would, and start paying it by bank."""
        system = self.system
        if order is None:
            asked = new_order(system.cast) | {"currency": currency}
            order = created(self.call(system.cast.backend, "POST", "orders", asked))
        return created(
            self.call(
                system.cast.buyer,
                "POST",
                "payments/bank/link",
                {
                    "reference": f"link-{secrets.token_hex(16)}",
                    "order_id": order["id"],
                    "return_url": f"{system.way_in.shop_url}/orders/{order['id']}",
                },
            )
        )

    def paid(self, currency: str = "USD") -> Body:
        """Return a payment that was paid by bank and has succeeded."""
        payment = self.link(currency)
        self.answer(payment, "authorise")
        self.push(payment, "settled")
        self.wait_for(payment, "succeeded")
        return payment

    def now(self, payment: Body) -> Body:
        """Return the payment as its buyer sees it now."""
        return created(self.system.payment_now(payment))

    def refund(self, payment: Body, amount: str | None = None) -> requests.Response:
        """Have the platform's backend give an amount back, or all that is left."""
        asked = {} if amount is None else {"amount": amount}
        return act(self.system.way_in, self.system.cast, payment, "refunds", **asked)

    def refund_now(self, refund: Body) -> Body:
        """Return the refund as the platform's backend sees it now."""
        return created(self.call(self.system.cast.backend, "GET", f"refunds/{refund['id']}"))

    def wait_for_refund(self, refund: Body, status: str) -> None:
        """Wait until a refund has a status."""
        wait_until(lambda: bool(self.refund_now(refund)["status"] == status), timeout_s=PATIENCE_S)

    def order_of(self, payment: Body) -> Body:
        """Return the payment's order."""
        return created(self.call(self.system.cast.buyer, "GET", f"orders/{payment['order_id']}"))

    def wait_for(self, payment: Body, status: str) -> None:
        """Wait until a payment has a status."""
        wait_until(lambda: bool(self.now(payment)["status"] == status), timeout_s=PATIENCE_S)

    # ---- the payer and the bank ----------------------------------------------------------------

    def answer(self, payment: Body, answer: str) -> str:
        """Do what the payer does on the hosted page; the address it leads back to."""
        leads_to = urlsplit(payment["link_url"])
        handed = {name: values[0] for name, values in parse_qs(leads_to.fragment).items()}
        page = f"{leads_to.scheme}://{leads_to.netloc}/pay/{handed['payment_id']}"
        token = {"token": handed["resource_token"]}
        browser = loopback_session()
        browser.get(page, params={**token, "return_uri": handed["return_uri"]}, timeout=TIMEOUT_S)
        asked = browser.post(f"{page}/bank", data={**token, "bank": "harbour"}, timeout=TIMEOUT_S)
        assert payment["bank_reference"] in asked.text
        left = browser.post(
            f"{page}/answer",
            data={**token, "answer": answer},
            timeout=TIMEOUT_S,
            allow_redirects=False,
        )
        return left.headers["Location"]

    def knob(self, path: str, body: Body | None = None, *, method: str = "POST") -> Any:
        """Turn a knob of sandbox/bank/knobs.py."""
        way_in = self.system.way_in
        with loopback_session(way_in.bank_client_secret) as session:
            url = f"{way_in.bank_api_url}/_sandbox/{path}"
            answer = session.request(method, url, json=body or {}, timeout=TIMEOUT_S)
        return created(answer)

    def push(self, payment: Body, to: str) -> None:
        """Push a payment on at the bank: authorized, executed, stalled, settled or failed."""
        self.knob(f"payments/{provider_id(payment)}", {"to": to})

    def transfer(self, payment: Body, amount: int, **other: Any) -> None:
        """Let the payer make a transfer of their own that quotes the payment's reference."""
        transfer = {"account": payment["currency"], "text": payment["bank_reference"]}
        self.knob("transfers", {**transfer, "amount": amount, **other})

    @contextmanager
    def silent(self) -> Iterator[None]:
        """Keep the bank from delivering webhooks."""
        self.knob("webhooks", {"paused": True}, method="PUT")
        try:
            yield
        finally:
            self.knob("webhooks", {}, method="PUT")

    def events_of(self, payment: Body) -> list[Body]:
        """Return what the bank has told about a payment so far."""
        told: list[Body] = self.knob("events", method="GET")["items"]
        return [event for event in told if event.get("payment_id") == provider_id(payment)]

    def has_told_everything(self) -> bool:
        """Tell whether all webhooks have arrived."""
        return all(event["is_delivered"] for event in self.knob("events", method="GET")["items"])

    def were_refused(self, payment: Body, count: int) -> bool:
        """Tell whether so many webhooks about a payment were refused and wait to be sent again."""
        refused = [int(event["refused"]) for event in self.events_of(payment)]
        return sum(refused) == count

    def execute_refund(self, refund: Body, *, to: str = "executed") -> None:
        """Let TrueLayer send a refund's money, or say that it failed."""
        found = self.knob("refunds", method="GET")["items"]
        [at_bank] = [one for one in found if one["metadata"]["refund_id"] == refund["id"]]
        self.knob(f"refunds/{at_bank['id']}", {"to": to})

    # ---- the books -----------------------------------------------------------------------------

    def suspense(self, currency: str = "USD") -> int:
        """Return what waits in suspense: money that came and belongs to nobody yet."""
        return -self.system.balance("assets:suspense:unmatched", currency)

    def clearing(self, currency: str = "USD") -> int:
        """Return what is on its way to or from our accounts."""
        return self.system.balance("assets:bank:clearing", currency)

    def broken_invariants(self) -> list[str]:
        """Return what `strongroom ledger invariants` would name."""
        with self.engine.connect() as connection:
            found = [
                *ledger.broken_invariants(connection),
                *invariants.broken_invariants(connection),
            ]
        return [f"{each.name}: {each.rows}" for each in found]

    def let_deadline_pass(self, payment: Body) -> None:
        """Put a payment's deadline into the past, and look for such payments now.

        Links are open for an hour at least, so this is the one thing journeys do behind the API.
        """
        self._write(
            "UPDATE strongroom.payments SET expires_at = now(), poll_at = now() WHERE id = :id",
            id=payment["id"],
        )
        self.poll_now()

    def poll_now(self) -> None:
        """Have payments that are due looked at now, not within 15 s."""
        self._write(
            "UPDATE strongroom.periodic_jobs SET next_at = now() WHERE job ~ '^(poll|res|s)'"
        )

    def _write(self, statement: str, **values: str) -> None:
        in_transaction(self.engine, lambda session: session.execute(text(statement), values))


def provider_id(payment: Body) -> str:
    """Return the id that a payment has at TrueLayer."""
    handed = parse_qs(urlsplit(payment["link_url"]).fragment)
    return handed["payment_id"][0]


def told(payment: Body, provider_status: str) -> Callable[[LiveEvent], bool]:
    """Return a question: does a live event show this word of the provider's for a payment?"""
    return lambda event: (
        event.data.get("id") == payment["id"]
        and event.data["bank"]["provider_status"] == provider_status
    )
