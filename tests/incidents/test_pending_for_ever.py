"""A buyer has paid and the order waits: why, since when, what Stripe says, what our books say."""

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import Engine, text

from sandbox.calls import succeeded_event
from tests.conditions import wait_until
from tests.incidents.conftest import Body, OnCall
from tests.incidents.stripe_side import no_webhooks_at_all, tell
from tests.journeys.bank import BankRail

PATIENCE_S = 40
LATE = dt.timedelta(hours=2)


@pytest.fixture
def late(books: Engine) -> Any:
    """Makes a payment wait for two hours already."""

    def make(payment: Body) -> None:
        with books.begin() as connection:
            connection.execute(
                text(
                    "UPDATE strongroom.payments SET updated_at = updated_at - :late,"
                    " poll_at = now() + interval '1 hour' WHERE id = :id"
                ),
                {"late": LATE, "id": payment["id"]},
            )

    return make


def test_what_waits_is_listed_asked_about_and_moves(
    rail: BankRail, on_call: OnCall, late: Any
) -> None:
    system = on_call.system
    with no_webhooks_at_all(system):
        payment = system.pay()
    late(payment)

    # 1. The list says what waits, why, since when, and what would move it.
    [waiting] = pending(on_call, payment)
    assert (waiting["kind"], waiting["reason"], waiting["state"]) == (
        "payment",
        "payer_left",
        "created",
    )
    assert waiting["age_s"] >= LATE.total_seconds()
    assert "Ask the provider" in waiting["moves"]
    counts = on_call.get(on_call.support, "ops/pending").json()["counts"]
    assert counts["payment"] >= 1
    assert payment["id"] in on_call.command("pending", "list", "--payment", payment["id"])

    # 2. Ask the provider. A look ahead asks nobody; the real one moves it, once for its reference.
    path = f"ops/payments/{payment['id']}/ask-provider"
    tried = on_call.post(on_call.support, f"{path}?dry_run=true")
    assert (tried.status_code, tried.headers["Dry-Run"]) == (202, "true")
    assert system.payment_now(payment).json()["status"] == "created"
    asked = on_call.post(on_call.support, path, {"reference": f"ticket-{payment['id']}"})
    again = on_call.post(on_call.support, path, {"reference": f"ticket-{payment['id']}"})
    assert (asked.status_code, again.headers["Idempotent-Replayed"]) == (202, "true")
    assert again.json()["id"] == asked.json()["id"]
    rail.wait_for(payment, "succeeded")

    # 3. Prove: the ask says what it moved, the timeline who told it, and nothing waits any more.
    wait_until(lambda: ask(on_call, asked.json())["status"] == "done", timeout_s=PATIENCE_S)
    done = ask(on_call, asked.json())
    assert (done["accepted"], done["asked"], done["changed"]) == (1, 1, 1)
    timeline = on_call.get(on_call.support, f"payments/{payment['id']}/timeline").json()
    assert timeline["events"][-1]["cause"] == "poll"
    assert pending(on_call, payment) == []
    assert system.held_for(payment) == int(payment["amount"])


def test_an_event_that_is_refused_shows_its_error_and_is_replayed(
    rail: BankRail, on_call: OnCall, books: Engine
) -> None:
    system = on_call.system
    payment = system.pay()
    rail.wait_for(payment, "succeeded")
    event = succeeded_event(system.way_in, payment)
    assert event is not None

    # Stripe tells of a payment that we do not know: the handler refuses it, and says why.
    stranger = event["data"]["object"] | {"id": "pi_of_somebody_else", "metadata": {}}
    told = tell(system, "payment_intent.succeeded", stranger)
    wait_until(lambda: refused(on_call, told["id"]) is not None, timeout_s=PATIENCE_S)
    waiting = refused(on_call, told["id"])
    assert waiting is not None
    assert (waiting["reason"], waiting["state"]) == ("event_refused", "payment_intent.succeeded")
    assert waiting["error"] == "unknown_payment: no payment has pi_of_somebody_else"
    assert waiting["due_at"] is not None

    # Nothing mends that; what is mended is tried again at once.
    attempts = attempts_of(books, told["id"])
    made = on_call.post(on_call.operator, "ops/webhooks/replay", {"ids": [told["id"]]})
    assert made.status_code == 202, made.text
    wait_until(lambda: 0 < attempts_of(books, told["id"]) <= attempts, timeout_s=PATIENCE_S)
    assert system.held_for(payment) == int(payment["amount"])
    put_away(books, told["id"])


def pending(on_call: OnCall, payment: Body) -> Any:
    return on_call.get(on_call.support, "ops/pending", payment_id=payment["id"]).json()["data"]


def ask(on_call: OnCall, made: Body) -> Any:
    return on_call.get(on_call.support, f"ops/asks/{made['id']}").json()


def refused(on_call: OnCall, event_id: str) -> Body | None:
    """An event among what waits."""
    found = on_call.get(on_call.support, "ops/pending", kind="event", limit="100").json()
    return next((one for one in found["data"] if one["id"] == event_id), None)


def attempts_of(books: Engine, event_id: str) -> int:
    with books.connect() as connection:
        found = connection.execute(
            text("SELECT attempts FROM strongroom.webhook_inbox WHERE event_id = :id"),
            {"id": event_id},
        )
        return int(found.scalar_one())


def put_away(books: Engine, event_id: str) -> None:
    """Leave nothing that waits to the tests that follow."""
    with books.begin() as connection:
        connection.execute(
            text(
                "UPDATE strongroom.webhook_inbox SET state = 'ignored', finished_at = now()"
                " WHERE event_id = :id"
            ),
            {"id": event_id},
        )
