"""An outage of ours heals by itself, and a replay runs as a job: asked of the simulated Stripe."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select
from stripe import StripeClient

from jobs.context import JobContext, connect_context
from jobs.execution import run_leased
from jobs.queues import PICK_UP_S
from payments.access.caller import Caller, Role
from payments.database import transaction
from payments.delivery import outbox
from payments.delivery.tables import OutboxRow
from payments.settings import read_settings
from payments.webhooks.request_replay import WantedEvents, request_replay
from payments.webhooks.tables import InboxEvent, WebhookReplay
from sandbox.stripe.account import Account
from sandbox.stripe.server import SimulatedStripe
from tests.conditions import wait_until
from tests.databases import free_port
from tests.jobs.environment import make_environment
from tests.payments.conftest import stripe_at

SECRET_KEY = "sk_test_sandbox_for_tests"


@pytest.fixture
def simulated(tmp_path: Path) -> Iterator[SimulatedStripe]:
    account = Account(
        secret_key=SECRET_KEY,
        publishable_key="pk_test_sandbox_for_tests",
        webhook_url="http://127.0.0.1:9/we-are-down",
        webhook_secret="whsec_sandbox_for_tests",
        now=time.time,  # noqa: TID251 - the simulated Stripe has a clock of its own
    )
    with SimulatedStripe(account, data=tmp_path / "stripe.db", retry_first_s=60) as running:
        yield running


@pytest.fixture
def stripe(simulated: SimulatedStripe) -> StripeClient:
    return stripe_at(simulated.url, SECRET_KEY)


def connect(database_url: str, redis_url: str, stripe_url: str) -> JobContext:
    environ = make_environment(database_url=database_url, redis_url=redis_url)
    return connect_context(read_settings(environ | {"STRIPE_API_URL": stripe_url}))


@pytest.fixture
def context(
    fresh_database_url: str, redis_url: str, simulated: SimulatedStripe
) -> Iterator[JobContext]:
    made = connect(fresh_database_url, redis_url, simulated.url)
    yield made
    made.engine.dispose()
    made.bell.close()


def run(context: JobContext, job: str) -> OutboxRow:
    """Run what is due of a job, staged here when it is not yet."""
    now = context.clock()
    with transaction(context.engine) as session:
        if session.scalar(select(OutboxRow.id).where(OutboxRow.job == job)) is None:
            outbox.stage(session, job=job, now=now)
        (leased,) = outbox.lease_due(session, limit=1, lease_s=PICK_UP_S, now=now, jobs=[job])
    run_leased(context, row_id=leased.id, lease_token=leased.lease_token)
    with transaction(context.engine) as session:
        return session.get_one(OutboxRow, leased.id)


def inbox(context: JobContext) -> list[InboxEvent]:
    with transaction(context.engine) as session:
        return list(session.scalars(select(InboxEvent).order_by(InboxEvent.id)))


def make_events(stripe: StripeClient, count: int) -> None:
    for _ in range(count):
        stripe.v1.payment_intents.create({"amount": 500, "currency": "eur"})


def failing(stripe: StripeClient) -> int:
    return len(stripe.v1.events.list({"delivery_success": False, "limit": 100}).data)


def test_events_missed_while_we_were_down_are_fetched_once(
    context: JobContext, stripe: StripeClient
) -> None:
    make_events(stripe, 5)
    wait_until(lambda: failing(stripe) == 5, timeout_s=20)
    assert run(context, "fetch_missed_events").state == "done"
    assert {event.event_type for event in inbox(context)} == {"payment_intent.created"}
    assert len(inbox(context)) == 5
    assert run(context, "drain_webhooks").state == "done"
    assert {event.state for event in inbox(context)} == {"ignored"}
    with transaction(context.engine) as session:
        outbox.stage(session, job="fetch_missed_events", now=context.clock())
    assert run(context, "fetch_missed_events").state == "done"
    assert len(inbox(context)) == 5


def test_a_stripe_that_is_away_is_asked_again_later(
    fresh_database_url: str, redis_url: str
) -> None:
    context = connect(fresh_database_url, redis_url, f"http://127.0.0.1:{free_port()}")
    assert run(context, "fetch_missed_events").state == "done"
    replay = ask(context, WantedEvents("stripe", ("evt_1",)))
    assert run(context, "replay_webhooks").state == "done"
    with transaction(context.engine) as session:
        waiting = session.scalars(
            select(OutboxRow).where(
                OutboxRow.job == "replay_webhooks", OutboxRow.state == "waiting"
            )
        ).one()
        row = session.get_one(WebhookReplay, replay.id)
    assert waiting.due_at > context.clock()
    assert (row.status, "no answer" in (row.error or "")) == ("running", True)
    context.engine.dispose()
    context.bell.close()


def ask(context: JobContext, wanted: WantedEvents) -> WebhookReplay:
    with transaction(context.engine) as session:
        return request_replay(
            session,
            caller=Caller(principal="key:ops", role=Role.OPERATOR),
            reference="outage",
            wanted=wanted,
            now=context.clock(),
            request_id=None,
        ).resource


def test_a_replay_of_an_outage_is_one_job_to_its_end(
    context: JobContext, stripe: StripeClient
) -> None:
    began = context.clock()
    make_events(stripe, 120)
    replay = ask(context, WantedEvents("stripe", from_at=began))
    assert run(context, "replay_webhooks").state == "done"
    with transaction(context.engine) as session:
        row = session.get_one(WebhookReplay, replay.id)
    assert (row.status, row.duplicates, row.error) == ("done", 0, None)
    assert row.replayed == len(inbox(context)) == 120
