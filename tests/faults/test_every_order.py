"""Stripe's own events of one payment, in every order they can come in: one and the same end."""

import datetime as dt
import io
import itertools
import json
import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import Engine, text

import ledger
from payments import invariants as payment_invariants
from payments.database import transaction
from payments.lifecycle.tables import Payment
from payments.log_lines import configure_log_lines
from payments.providers.stripe.events import translate
from payments.webhooks.drain_inbox import drain_inbox
from payments.webhooks.inbox_writer import InboxWriter, SealedEvent
from payments.webhooks.sealed_payload import seal
from sandbox.stripe.account import Account
from sandbox.stripe.server import SimulatedStripe
from tests.depth import part_of
from tests.payments.conftest import SECRET_KEY, stripe_at
from tests.payments.shop import CIPHER, NOW, Shop, open_shop

MOST = 6
Event = dict[str, Any]
LATER = NOW + dt.timedelta(days=2)

_STANDING = text("""
    SELECT p.id, p.status, p.amount_captured, p.amount_refunded, o.status AS order_status,
           ARRAY(SELECT (r.amount, r.status, r.booked)::text FROM strongroom.refunds r
                  WHERE r.payment_id = p.id ORDER BY 1) AS refunds,
           ARRAY(SELECT (d.amount, d.status, d.booked)::text FROM strongroom.disputes d
                  WHERE d.payment_id = p.id ORDER BY 1) AS disputes,
           ARRAY(SELECT (e.kind, split_part(e.effect_key, ':', 2), sum(greatest(l.amount, 0)))::text
                   FROM ledger.entries e JOIN ledger.postings l ON l.entry_id = e.id
                  WHERE e.metadata ->> 'payment_id' = p.id
                     OR split_part(e.effect_key, ':', 1) IN (
                          SELECT id FROM strongroom.refunds WHERE payment_id = p.id UNION
                          SELECT id FROM strongroom.disputes WHERE payment_id = p.id)
                  GROUP BY e.id, e.kind, e.effect_key ORDER BY 1) AS entries,
           (SELECT (b.side * b.posted, b.held)::text FROM ledger.balances b
              JOIN ledger.accounts a ON a.id = b.account_id
             WHERE a.path = 'liabilities:escrow:' || p.order_id) AS escrow
      FROM strongroom.payments p JOIN strongroom.orders o ON o.id = p.order_id
     WHERE p.id = ANY(:ids)
""")


@dataclass
class Stripe:
    """The simulated Stripe, with a clock that a story moves on."""

    simulated: SimulatedStripe
    clock: list[float]

    def act(self, path: str, **body: Any) -> Any:
        """Do something at Stripe, a minute after what was done before."""
        self.clock[0] += 60
        is_knob = path.startswith("_sandbox")
        answer = requests.post(
            f"{self.simulated.url}/{path}",
            json=body if is_knob else None,
            data=None if is_knob else body,
            headers={"Authorization": f"Bearer {SECRET_KEY}"},
            timeout=10,
        )
        assert answer.status_code in (200, 402), answer.text
        return answer.json()

    def confirm(self, payment: Payment, card: str) -> Any:
        path = f"v1/payment_intents/{payment.provider_ref}/confirm"
        return self.act(path, payment_method=card, return_url="http://127.0.0.1:9/back")

    def events(self, payment: Payment) -> list[Event]:
        """Return what Stripe told of a payment and what means something here, oldest first."""
        found = stripe_at(self.simulated.url).v1.events.list({"limit": 100})
        told = [event.to_dict() for event in reversed(found.data)]
        return [
            event
            for event in told
            if str(payment.provider_ref) in json.dumps(event)
            and translate(json.dumps(event).encode()) is not None
        ]


def refunded_and_disputed(stripe: Stripe, payment: Payment) -> None:
    stripe.confirm(payment, "pm_card_visa_chargeDeclined")
    charge = stripe.confirm(payment, "pm_card_visa")["latest_charge"]
    stripe.act("v1/refunds", payment_intent=payment.provider_ref, amount=1_000)
    dispute = stripe.act("_sandbox/disputes", charge=charge)
    stripe.act(f"_sandbox/disputes/{dispute['id']}", status="won")


def refunded_whole(stripe: Stripe, payment: Payment) -> None:
    stripe.confirm(payment, "pm_card_visa_chargeDeclinedInsufficientFunds")
    stripe.confirm(payment, "pm_card_visa")
    for amount in (1_900, 10_000):
        stripe.act("v1/refunds", payment_intent=payment.provider_ref, amount=amount)


def canceled(stripe: Stripe, payment: Payment) -> None:
    stripe.confirm(payment, "pm_card_visa_chargeDeclined")
    stripe.confirm(payment, "pm_card_authenticationRequired")
    stripe.act(f"v1/payment_intents/{payment.provider_ref}/cancel")


STORIES: dict[Callable[[Stripe, Payment], None], str] = {
    refunded_and_disputed: "partially_refunded",
    refunded_whole: "refunded",
    canceled: "canceled",
}


@pytest.fixture
def stripe(tmp_path: Path) -> Iterator[Stripe]:
    clock = [NOW.timestamp()]
    account = Account(
        secret_key=SECRET_KEY,
        publishable_key="pk_test_sandbox_orders",
        webhook_url="http://127.0.0.1:9/nobody-listens",
        webhook_secret="whsec_sandbox_orders",
        now=lambda: clock[0],
    )
    with SimulatedStripe(account, data=tmp_path / "stripe.db", retry_first_s=600) as simulated:
        yield Stripe(simulated, clock)


@pytest.fixture(autouse=True)
def _quiet() -> None:
    configure_log_lines("ERROR", stream=io.StringIO())


@pytest.fixture
def shop(fresh_engine: Engine) -> Shop:
    return open_shop(fresh_engine)


def payment_at(stripe: Stripe, shop: Shop) -> Payment:
    """Return a payment whose intent Stripe has, and whose id both sides know."""
    order = shop.order()
    payment = shop.payment(order)
    intent = stripe.act(
        "v1/payment_intents",
        **{
            "amount": payment.amount,
            "currency": payment.currency.lower(),
            "metadata[payment_id]": payment.id,
            "metadata[order_id]": payment.order_id,
        },
    )
    with transaction(shop.engine) as session:
        payment = session.get_one(Payment, payment.id)
        payment.provider_ref = intent["id"]
    return payment


def retell(events: list[Event], *, of: Payment, about: Payment) -> list[Event]:
    """Return the same story about another payment: every id in it is another one."""
    told = json.dumps(events)
    for old, new in ((of.id, about.id), (of.order_id, about.order_id)):
        told = told.replace(old, new)
    told = told.replace(str(of.provider_ref), str(about.provider_ref))
    things = {event["id"] for event in events}
    for event in events:
        thing = event["data"]["object"]
        things |= {value for value in (thing["id"], thing.get("charge")) if value}
        things |= {thing["latest_charge"]} if thing.get("latest_charge") else set()
    for old in sorted(things - {str(of.provider_ref)}):
        prefix = old.partition("_")[0]
        told = told.replace(old, f"{prefix}_{secrets.token_hex(12)}")
    story: list[Event] = json.loads(told)
    return story


def receive(inbox: InboxWriter, event: Event) -> None:
    """Store an event as `receive_event` does once its signature is verified."""
    payload = json.dumps(event).encode()
    sealed = seal(CIPHER, payload, provider="stripe", event_id=event["id"])
    inbox.store(
        SealedEvent(
            provider="stripe",
            event_id=event["id"],
            event_type=event["type"],
            occurred_at=NOW,
            payload_encrypted=sealed,
            request_id=None,
            received_at=NOW,
        )
    )


@pytest.mark.parametrize("story", STORIES, ids=lambda story: str(story.__name__))
def test_every_order_of_stripes_events_ends_in_the_same_place(
    story: Callable[[Stripe, Payment], None], stripe: Stripe, shop: Shop
) -> None:
    model = payment_at(stripe, shop)
    story(stripe, model)
    events = stripe.events(model)[:MOST]
    orders = part_of(itertools.permutations(range(len(events))))
    payments = [shop.payment(shop.order()) for _ in orders]
    retold = [retell(events, of=model, about=payment) for payment in payments]
    inbox = InboxWriter(shop.engine)
    with ThreadPoolExecutor(4) as pool:
        for step in range(len(events)):
            now = [told[order[step]] for told, order in zip(retold, orders, strict=True)]
            list(pool.map(lambda event: receive(inbox, event), now))
            while drain_inbox(shop.engine, cipher=CIPHER, limit=300, now=LATER).total:
                pass

    with transaction(shop.engine) as session:
        rows = session.execute(_STANDING, {"ids": [payment.id for payment in payments]}).all()
        connection = session.connection()
        assert ledger.broken_invariants(connection) == []
        assert payment_invariants.broken_invariants(connection) == []
        told = session.execute(text("SELECT DISTINCT state FROM strongroom.webhook_inbox"))
        assert told.scalars().all() == ["done"]
    assert len(rows) == len(orders)
    endings = {str(row[1:]) for row in rows}
    assert len(endings) == 1, endings
    assert rows[0].status == STORIES[story]
