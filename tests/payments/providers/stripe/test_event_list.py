"""Stripe's own list of events, walked from its oldest end, at the simulated Stripe."""

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from stripe import StripeClient

from payments.errors import UnavailableError
from payments.providers.stripe.event_list import (
    ListedEvent,
    failed_deliveries,
    next_page,
    retrieve_event,
)
from sandbox.stripe.account import Account
from sandbox.stripe.server import SimulatedStripe
from tests.conditions import wait_until
from tests.databases import free_port
from tests.payments.conftest import SECRET_KEY, stripe_at

START = dt.datetime(2026, 11, 20, tzinfo=dt.UTC)


class Clock:
    """Stripe's clock, which stands still unless it is moved."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now.timestamp()

    def move(self, **by: float) -> None:
        self.now += dt.timedelta(**by)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def stripe_url(clock: Clock, tmp_path: Path) -> Iterator[str]:
    account = Account(
        secret_key=SECRET_KEY,
        publishable_key="pk_test_sandbox_events",
        webhook_url="http://127.0.0.1:9/nobody-listens",
        webhook_secret="whsec_sandbox_events",
        now=clock,
    )
    with SimulatedStripe(account, data=tmp_path / "stripe.db", retry_first_s=60) as running:
        yield running.url


@pytest.fixture
def client(stripe_url: str) -> StripeClient:
    return stripe_at(stripe_url)


def make_events(client: StripeClient, count: int) -> list[str]:
    """Return the intents that as many new events are about, in their order."""
    return [
        client.v1.payment_intents.create({"amount": 1000, "currency": "eur"}).id
        for _ in range(count)
    ]


def about(event: ListedEvent) -> str:
    return str(json.loads(event.payload)["data"]["object"]["id"])


def walk(client: StripeClient, from_at: dt.datetime, to_at: dt.datetime) -> list[str]:
    """Return what all events of a range are about, page by page."""
    found: list[str] = []
    after = None
    while page := next_page(client, from_at=from_at, to_at=to_at, after=after):
        assert len(page) <= 100
        found += [about(event) for event in page]
        after = page[-1].event_id
    return found


def test_a_range_is_walked_from_its_oldest_event(client: StripeClient, clock: Clock) -> None:
    make_events(client, 2)
    clock.move(hours=1)
    wanted = make_events(client, 130)
    clock.move(minutes=30)
    wanted += make_events(client, 80)
    clock.move(minutes=30)
    make_events(client, 2)
    from_at = START + dt.timedelta(hours=1)
    assert walk(client, from_at, from_at + dt.timedelta(hours=1)) == wanted


def test_a_range_that_begins_before_the_first_event_too(client: StripeClient, clock: Clock) -> None:
    wanted = make_events(client, 130)
    clock.move(days=1)
    make_events(client, 1)
    day = dt.timedelta(days=1)
    assert walk(client, START - day, START + day) == wanted
    assert walk(client, START - day, START) == []


def test_an_event_reads_as_its_webhook_does(client: StripeClient) -> None:
    (intent_id,) = make_events(client, 1)
    (listed,) = next_page(client, from_at=START, to_at=START + dt.timedelta(days=1))
    assert (listed.type, listed.occurred_at) == ("payment_intent.created", START)
    payload = json.loads(listed.payload)
    assert (payload["id"], payload["object"]) == (listed.event_id, "event")
    assert payload["data"]["object"]["id"] == intent_id
    found = retrieve_event(client, listed.event_id)
    assert found is not None
    assert json.loads(found.payload) == payload
    assert intent_id not in repr(listed)


def test_an_event_stripe_does_not_know_is_none(client: StripeClient) -> None:
    assert retrieve_event(client, "evt_nobody_sent") is None


def test_events_that_no_webhook_brought_are_found(client: StripeClient, clock: Clock) -> None:
    made = set(make_events(client, 110))

    def undelivered() -> set[str]:
        pages = failed_deliveries(client, from_at=START)
        return {about(event) for page in pages for event in page}

    wait_until(lambda: undelivered() == made, timeout_s=30)
    clock.move(days=2)
    assert not list(failed_deliveries(client, from_at=clock.now))


def test_a_stripe_that_is_away_is_named() -> None:
    away = stripe_at(f"http://127.0.0.1:{free_port()}")
    for ask in (
        lambda: retrieve_event(away, "evt_1"),
        lambda: next_page(away, from_at=START, to_at=START + dt.timedelta(days=1)),
        lambda: list(failed_deliveries(away, from_at=START)),
    ):
        with pytest.raises(UnavailableError, match="no answer"):
            ask()


def test_a_key_that_is_wrong_is_named(stripe_url: str) -> None:
    with pytest.raises(UnavailableError, match="401"):
        retrieve_event(stripe_at(stripe_url, "sk_test_sandbox_wrong"), "evt_1")
