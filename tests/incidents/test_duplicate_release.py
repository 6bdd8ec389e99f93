"""A seller may have been paid twice: frozen, looked at, reconciled, corrected, lifted by two."""

import datetime as dt
import secrets

from sqlalchemy import Engine, text

from sandbox.calls import confirm_at_stripe, created, deliver, succeeded_event
from tests.conditions import wait_until
from tests.incidents.conftest import Body, OnCall
from tests.journeys.bank import BankRail

PATIENCE_S = 40


def test_what_was_done_twice_is_told_from_what_was_only_said_twice(
    rail: BankRail, on_call: OnCall, books: Engine
) -> None:
    system = on_call.system
    payment = system.payment()
    order_id: str = payment["order_id"]
    confirm_at_stripe(system.way_in, payment, "pm_card_bypassPending")
    rail.wait_for(payment, "succeeded")

    # What happens every day: a caller sends its request again, Stripe sends its event again.
    asked = {"order_id": order_id, "amount": "3500", "reference": secrets.token_hex(16)}
    first, again = (on_call.post(system.cast.backend, "escrow/release", asked) for _ in "12")
    assert (first.status_code, again.headers["Idempotent-Replayed"]) == (202, "true")
    event = succeeded_event(system.way_in, payment)
    assert event is not None
    for _ in range(2):
        told = deliver(system.way_in, event, secret=system.way_in.webhook_secrets["stripe"])
        assert told.status_code == 200
    # And what should not: somebody asks for the same part under another reference.
    other = created(
        on_call.post(
            system.cast.backend, "escrow/release", asked | {"reference": secrets.token_hex(16)}
        )
    )
    assert other["id"] != first.json()["id"]

    # 1. Stop.
    frozen = on_call.command_json("freeze", "--order", order_id, "--reason", "Twice? INC-8")
    refused = on_call.post(system.cast.backend, "escrow/release", {"order_id": order_id})
    assert refused.status_code in (409, 423), refused.text
    before = on_call.get(on_call.support, f"ops/orders/{order_id}/balances").json()

    # 2. Look.
    look(on_call, order_id, releases={first.json()["id"], other["id"]}, event_id=event["id"])

    # 3. Reconcile.
    assert before["agrees"] is True, before["checks"]
    figures = before["figures"]
    assert (figures["paid_in"], figures["released"]) == (payment["amount"], "7000")
    assert figures["held"] == str(int(payment["amount"]) - 7000)
    assert "DIFFERS" not in on_call.command("duplicates", "balances", order_id)

    # 4. Correct: the money is the seller's, so finance books what the platform bears, by two.
    correct(on_call, "Released twice by mistake, INC-8")

    # 5. Lift, by two.
    lift(on_call, frozen["id"])

    # Proof: what waited goes on, nothing is doubled, and everybody still says the same.
    rest = created(on_call.post(system.cast.backend, "escrow/release", {"order_id": order_id}))
    assert rest["status"] == "posted"

    pay_now(books, order_id)

    def has_been_paid() -> bool:
        now = on_call.get(on_call.support, f"ops/orders/{order_id}/balances").json()["figures"]
        return int(now["paid_out"]) == int(now["owed_to_seller"]) > 0

    wait_until(has_been_paid, timeout_s=PATIENCE_S)
    after = on_call.get(on_call.support, f"ops/orders/{order_id}/balances").json()
    assert after["agrees"] is True, after["checks"]
    assert (after["figures"]["held"], after["figures"]["released"]) == ("0", payment["amount"])


def look(on_call: OnCall, order_id: str, *, releases: set[str], event_id: str) -> None:
    """Read what came twice: releases to look at, and what is harmless."""
    report = on_call.get(on_call.support, "ops/duplicates", order_id=order_id).json()
    seen = {one["kind"]: one for one in report["items"]}
    assert seen["order_released_twice"]["verdict"] == "look"
    assert set(seen["order_released_twice"]["subjects"]) == releases
    assert seen["reference_replayed"]["verdict"] == "harmless"
    assert report["counts"]["wrong"] == 0
    everything = on_call.command_json("duplicates", "report")["items"]
    [redelivered] = [one for one in everything if one["key"] == event_id]
    assert (redelivered["kind"], redelivered["count"]) == ("event_redelivered", 3)


def correct(on_call: OnCall, reason: str) -> None:
    """Book the loss: finance asks, and somebody else approves."""
    asked_for = post_entry(on_call, reason)
    own = on_call.post(on_call.finance, f"ledger/entries/{asked_for['id']}/approve")
    assert own.status_code in (403, 409), "who asked cannot approve"
    approved = on_call.post(on_call.admin, f"ledger/entries/{asked_for['id']}/approve")
    assert (approved.status_code, approved.json()["status"]) == (200, "posted"), approved.text


def lift(on_call: OnCall, freeze_id: str) -> None:
    """Lift the freeze, which takes two."""
    asked = {"freeze_id": freeze_id, "reason": "One of them was meant, INC-8"}
    assert on_call.post(on_call.operator, "ops/unfreeze", asked).status_code == 202
    alone = on_call.post(on_call.operator, "ops/unfreeze", asked)
    assert alone.json()["code"] == "second_person_needed"
    assert on_call.post(on_call.admin, "ops/unfreeze", asked).status_code == 200


def pay_now(books: Engine, order_id: str) -> None:
    """Look now, not within a minute, at the payouts that the freeze kept waiting."""
    with books.begin() as connection:
        connection.execute(
            text(
                "UPDATE strongroom.seller_payouts SET due_at = now()"
                " WHERE order_id = :order_id AND due_at > now()"
            ),
            {"order_id": order_id},
        )
        connection.execute(
            text("UPDATE strongroom.periodic_jobs SET next_at = now() WHERE job = 'pay_sellers'")
        )


def post_entry(on_call: OnCall, reason: str) -> Body:
    """Ask for an entry by hand."""
    lines = [
        {"account": "expenses:losses", "asset": "USD", "debit": "3500"},
        {"account": "equity:adjustments", "asset": "USD", "credit": "3500"},
    ]
    today = dt.datetime.now(dt.UTC).date().isoformat()  # noqa: TID251 - the application's clock
    asked = {"reason": reason, "effective_on": today, "lines": lines}
    return created(on_call.post(on_call.finance, "ledger/entries", asked))
