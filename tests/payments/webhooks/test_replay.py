"""Events applied again from the inbox, or fetched from Stripe's list, by the door of all others."""

import datetime as dt
import secrets
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Engine, func, select, text, update
from stripe import StripeClient

from payments.access.caller import Caller, Role
from payments.database import transaction
from payments.delivery.tables import OutboxRow
from payments.errors import InvalidRequestError, ReferenceReusedError, UnavailableError
from payments.lifecycle.tables import Payment
from payments.webhooks.drain_inbox import Drained, drain_inbox
from payments.webhooks.request_replay import WantedEvents, read_replay, request_replay
from payments.webhooks.run_replay import postpone, take_step
from payments.webhooks.tables import InboxEvent, WebhookReplay
from sandbox.stripe.server import SimulatedStripe
from tests.databases import free_port
from tests.payments.conftest import stripe_at
from tests.payments.shop import NOW, Shop, open_shop
from tests.payments.webhooks.stripe_events import (
    CIPHER,
    event,
    inbox,
    new_payment,
    receive,
    states,
    succeeded,
)

OPERATOR = Caller(principal="key:ops", role=Role.OPERATOR)
HOUR = dt.timedelta(hours=1)
NOBODY = stripe_at("http://127.0.0.1:9")


@pytest.fixture
def engine(fresh_engine: Engine) -> Engine:
    return fresh_engine


@pytest.fixture
def shop(engine: Engine) -> Shop:
    return open_shop(engine)


def ask(
    engine: Engine, wanted: WantedEvents, *, reference: str = "", now: dt.datetime = NOW
) -> WebhookReplay:
    with transaction(engine) as session:
        return request_replay(
            session,
            caller=OPERATOR,
            reference=reference or secrets.token_hex(16),
            wanted=wanted,
            now=now,
            request_id="req_replay",
        ).resource


def run(
    engine: Engine, replay: WebhookReplay, *, stripe: StripeClient = NOBODY, now: dt.datetime = NOW
) -> WebhookReplay:
    while take_step(engine, replay.id, cipher=CIPHER, stripe=stripe, now=now):
        pass
    with transaction(engine) as session:
        return read_replay(session, replay.id)


def replay_ids(engine: Engine, *ids: str, now: dt.datetime = NOW) -> WebhookReplay:
    return run(engine, ask(engine, WantedEvents("inbox", ids), now=now), now=now)


def drain(engine: Engine, *, now: dt.datetime = NOW) -> Drained:
    return drain_inbox(engine, cipher=CIPHER, limit=1000, now=now)


def charges(engine: Engine, payment: Payment) -> int:
    with engine.connect() as connection:
        return int(
            connection.execute(
                text("SELECT count(*) FROM ledger.entries WHERE effect_key = :key"),
                {"key": f"{payment.id}:charged"},
            ).scalar_one()
        )


# ---- from the inbox ------------------------------------------------------------------------------


def test_a_dead_event_is_applied_once_what_was_wrong_is_mended(shop: Shop) -> None:
    payment = new_payment(shop)
    early = succeeded(payment, id="pi_not_known_yet", metadata={})
    receive(shop.engine, early)
    later = NOW + 100 * HOUR
    drain(shop.engine, now=later)
    assert states(shop.engine, [early]) == ["dead"]
    with transaction(shop.engine) as session:
        session.get_one(Payment, payment.id).provider_ref = "pi_not_known_yet"
    replay = replay_ids(shop.engine, early["id"], now=later)
    assert (replay.status, replay.accepted, replay.replayed) == ("done", 1, 1)
    assert drain(shop.engine, now=later) == Drained(done=1)
    assert charges(shop.engine, payment) == 1


def test_what_is_replayed_and_still_wrong_has_its_whole_window_again(shop: Shop) -> None:
    stripe_event = succeeded(new_payment(shop), amount_received=1)
    receive(shop.engine, stripe_event)
    later = NOW + 100 * HOUR
    drain(shop.engine, now=later)
    replay_ids(shop.engine, stripe_event["id"], now=later)
    drain(shop.engine, now=later)
    (row,) = inbox(shop.engine, [stripe_event])
    assert (row.state, row.attempts, row.due_at) == ("new", 1, later + dt.timedelta(seconds=1))
    drain(shop.engine, now=later + 73 * HOUR)
    assert states(shop.engine, [stripe_event]) == ["dead"]


def test_effects_that_happened_do_not_happen_again(shop: Shop) -> None:
    payments = [new_payment(shop) for _ in range(3)]
    events = [succeeded(payment) for payment in payments]
    events.append(event("customer.created", {"id": "cus_1"}))
    for stripe_event in events:
        receive(shop.engine, stripe_event)
    drain(shop.engine)
    replay_ids(shop.engine, *(stripe_event["id"] for stripe_event in events))
    assert set(states(shop.engine, events)) == {"new"}
    assert drain(shop.engine) == Drained(done=3, ignored=1)
    assert [charges(shop.engine, payment) for payment in payments] == [1, 1, 1]


def test_a_range_of_receipt_is_replayed_in_steps_and_no_further(shop: Shop) -> None:
    events = [event("customer.created", {"id": f"cus_{n}"}) for n in range(5)]
    for hours, stripe_event in enumerate(events):
        receive(shop.engine, stripe_event, now=NOW + hours * HOUR)
    later = NOW + 10 * HOUR
    drain(shop.engine, now=later)
    wanted = WantedEvents("inbox", from_at=NOW + HOUR, to_at=NOW + 3 * HOUR)
    replay = run(shop.engine, ask(shop.engine, wanted, now=later), now=later)
    assert (replay.status, replay.accepted, replay.replayed) == ("done", 2, 2)
    assert states(shop.engine, events) == ["ignored", "new", "new", "ignored", "ignored"]


def test_a_long_range_takes_several_steps_of_a_thousand(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO strongroom.webhook_inbox (provider, event_id, event_type, occurred_at,"
                " payload_encrypted, received_at, due_at, state, finished_at)"
                " SELECT 'stripe', 'evt_' || n, 'x.y', :now, '', :now, :now, 'ignored', :now"
                " FROM generate_series(1, 2500) n"
            ),
            {"now": NOW},
        )
    replay = ask(engine, WantedEvents("inbox", from_at=NOW, to_at=NOW + HOUR), now=NOW + HOUR)
    steps = [
        take_step(engine, replay.id, cipher=CIPHER, stripe=NOBODY, now=NOW + HOUR) for _ in range(4)
    ]
    assert steps == [True, True, False, False]
    with transaction(engine) as session:
        assert read_replay(session, replay.id).replayed == 2500
        new = select(func.count()).select_from(InboxEvent).where(InboxEvent.state == "new")
        assert session.scalar(new) == 2500


def test_two_jobs_of_one_replay_count_nothing_twice(engine: Engine) -> None:
    events = [event("customer.created", {"id": f"cus_{n}"}) for n in range(20)]
    for stripe_event in events:
        receive(engine, stripe_event)
    replay = ask(engine, WantedEvents("inbox", tuple(e["id"] for e in events)))
    with ThreadPoolExecutor(4) as pool:
        ended = list(pool.map(lambda _: run(engine, replay), range(4)))
    assert {(row.status, row.replayed) for row in ended} == {("done", 20)}


# ---- asking --------------------------------------------------------------------------------------


def test_a_reference_stands_for_one_replay(engine: Engine) -> None:
    stripe_event = event("customer.created", {"id": "cus_1"})
    receive(engine, stripe_event)
    wanted = WantedEvents("inbox", (stripe_event["id"],))
    first = ask(engine, wanted, reference="again")
    assert ask(engine, wanted, reference="again", now=NOW + HOUR).id == first.id
    with pytest.raises(ReferenceReusedError):
        ask(engine, WantedEvents("stripe", (stripe_event["id"],)), reference="again")
    with transaction(engine) as session:
        jobs = session.scalars(select(OutboxRow).where(OutboxRow.job == "replay_webhooks")).all()
    assert [(job.args, job.request_id) for job in jobs] == [({"replay_id": first.id}, "req_replay")]


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        (WantedEvents("mail", ("evt_1",)), "source"),
        (WantedEvents("inbox"), "ids"),
        (WantedEvents("inbox", ("evt_1",), from_at=NOW - HOUR), "ids"),
        (WantedEvents("inbox", ()), "ids"),
        (WantedEvents("inbox", ("evt_not_there",)), "ids"),
        (WantedEvents("stripe", ("no id",)), "ids"),
        (WantedEvents("stripe", tuple(f"evt_{n}" for n in range(1001))), "ids"),
        (WantedEvents("inbox", ("evt_1",), to_at=NOW), "from"),
        (WantedEvents("inbox", from_at=NOW, to_at=NOW - HOUR), "from"),
        (WantedEvents("inbox", from_at=NOW + HOUR), "from"),
        (WantedEvents("stripe", from_at=NOW - 31 * 24 * HOUR), "from"),
    ],
)
def test_a_replay_of_nothing_is_refused_by_name(
    engine: Engine, wanted: WantedEvents, field: str
) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        ask(engine, wanted)
    assert set(caught.value.errors) == {field}


# ---- from Stripe ---------------------------------------------------------------------------------


@pytest.fixture
def stripe(simulated: SimulatedStripe) -> StripeClient:
    """Stripe has a clock of its own, which is the real one: so have the tests that ask it."""
    return stripe_at(simulated.url)


@pytest.fixture
def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)  # noqa: TID251 - as above


@pytest.fixture
def lost(stripe: StripeClient) -> list[str]:
    """Return the ids of events whose webhooks never came, oldest first."""
    intents = [
        stripe.v1.payment_intents.create({"amount": 500, "currency": "eur"}).id for _ in range(25)
    ]
    events = stripe.v1.events.list({"limit": 100}).data
    by_intent: dict[str, Any] = {found.data.object["id"]: found.id for found in events}
    return [by_intent[intent] for intent in intents]


def test_events_are_fetched_by_id_and_unknown_ones_counted(
    engine: Engine, stripe: StripeClient, lost: list[str], now: dt.datetime
) -> None:
    wanted = WantedEvents("stripe", (*lost, "evt_nobody_sent"))
    replay = run(engine, ask(engine, wanted, now=now), stripe=stripe, now=now)
    counts = (replay.accepted, replay.replayed, replay.duplicates, replay.missing)
    assert (replay.status, *counts) == ("done", 26, 25, 0, 1)
    again = run(engine, ask(engine, wanted, now=now), stripe=stripe, now=now)
    assert (again.replayed, again.duplicates, again.missing) == (0, 25, 1)
    assert drain(engine, now=now).total == 25


def test_a_range_is_fetched_oldest_first_and_once(
    engine: Engine, stripe: StripeClient, lost: list[str], now: dt.datetime
) -> None:
    wanted = WantedEvents("stripe", from_at=now - HOUR, to_at=now + HOUR)
    later = now + HOUR
    replay = run(engine, ask(engine, wanted, now=later), stripe=stripe, now=later)
    assert (replay.status, replay.accepted) == ("done", None)
    with transaction(engine) as session:
        kept = session.scalars(select(InboxEvent.event_id).order_by(InboxEvent.id)).all()
    assert [event_id for event_id in kept if event_id in lost] == lost
    assert replay.replayed == len(kept)
    again = run(engine, ask(engine, wanted, now=later), stripe=stripe, now=later)
    assert (again.replayed, again.duplicates) == (0, len(kept))


def test_a_replay_outlasts_a_stripe_that_is_away_for_less_than_a_day(
    engine: Engine, stripe: StripeClient, lost: list[str], now: dt.datetime
) -> None:
    replay = ask(engine, WantedEvents("stripe", (lost[0],)), now=now)
    with pytest.raises(UnavailableError):
        run(engine, replay, stripe=stripe_at(f"http://127.0.0.1:{free_port()}"), now=now)
    assert postpone(engine, replay.id, "no answer", now=now + 23 * HOUR)
    assert run(engine, replay, stripe=stripe, now=now).status == "done"
    assert not postpone(engine, replay.id, "no answer", now=now + 25 * HOUR)


def test_after_a_day_it_fails_and_says_why(engine: Engine, now: dt.datetime) -> None:
    replay = ask(engine, WantedEvents("stripe", ("evt_1",)), now=now)
    assert not postpone(engine, replay.id, "no answer", now=now + 25 * HOUR)
    failed = run(engine, replay, now=now)
    assert (failed.status, failed.error) == ("failed", "no answer")


def test_stripe_has_the_word_once_for_ever(
    engine: Engine, stripe: StripeClient, lost: list[str], now: dt.datetime
) -> None:
    ids = WantedEvents("stripe", (lost[0],))
    run(engine, ask(engine, ids, now=now), stripe=stripe, now=now)
    drain(engine, now=now)
    with transaction(engine) as session:
        session.execute(update(InboxEvent).values(error="kept"))
    run(engine, ask(engine, ids, now=now), stripe=stripe, now=now)
    with transaction(engine) as session:
        (row,) = session.scalars(select(InboxEvent)).all()
    assert (row.error, row.replayed_at) == ("kept", None)
