"""Stripe's webhooks do not come: everybody is told, Stripe is asked, and then all is proven."""

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Engine, text

from sandbox.calls import created
from sandbox.listener import LiveEvent
from tests.conditions import wait_until
from tests.incidents.conftest import Body, OnCall
from tests.incidents.stripe_side import no_webhooks_at_all, redeliver_all, refund_in_dashboard
from tests.journeys.bank import BankRail

BANNER = "Card payments show late. What you paid is safe; please do not pay twice."
PATIENCE_S = 40


def test_what_was_missed_is_found_and_nothing_is_applied_twice(
    rail: BankRail, on_call: OnCall, books: Engine
) -> None:
    system = on_call.system
    leave_it_to_people(books)
    before = system.pay()
    rail.wait_for(before, "succeeded")
    began = next_second()

    with system.listening() as page, no_webhooks_at_all(system):
        # 1. Nothing comes, while buyers pay, a bank says no, and a refund is made at Stripe.
        paid = [system.pay() for _ in range(3)]
        declined = system.pay("pm_card_chargeDeclinedInsufficientFunds")
        refund_in_dashboard(system, before)
        assert [status_of(on_call, one) for one in [*paid, declined]] == ["created"] * 4

        # 2. Everybody is told, on the public status and on every page that is open.
        incident = open_incident(on_call)
        heard = page.wait_for(lambda event: banner_of(event) == BANNER)
        assert heard.topic == "status.updated"

        # 3. Stripe is asked by hand: what was paid is known, and its pages say so.
        tried = on_call.command_json("stripe", "poll", "--dry-run")
        assert tried["accepted"] >= len(paid) + 1
        asked = on_call.command_json("stripe", "poll", "--wait")
        assert (asked["status"], asked["error"]) == ("done", None)
        for one in paid:
            system.wait_until(page, one, "succeeded")
        assert status_of(on_call, declined) == "failed"
        assert status_of(on_call, before) == "succeeded"  # a poll finds no refund made at Stripe
        broken = not_proven_yet(on_call, began)

    # 4. They come again: first those of new payments, then what was missed, and late ones too.
    after = system.pay()
    rail.wait_for(after, "succeeded")
    replayed = replay(on_call, began)
    assert (replayed["missing"], replayed["error"]) == (0, None)
    assert replayed["replayed"] >= broken["listed"]
    redeliver_all(system)
    rail.wait_for(before, "refunded")
    assert replay(on_call, began)["replayed"] == 0

    # 5. The proof: nothing is missing, nothing was applied twice.
    amount = int(before["amount"])
    wait_until(lambda: is_proven(on_call, began, charged=4 * amount), timeout_s=PATIENCE_S)
    proven = on_call.command_json("webhooks", "proof", "--from", began.isoformat())
    assert (proven["missing"], proven["applied_twice"], proven["not_applied"]) == (0, 0, 0)
    assert proven["listed"] == proven["in_inbox"]
    assert proven["effects"] == proven["applied_once"] == len(paid) + 2
    money = {one["what"]: (int(one["told"]), int(one["booked"])) for one in proven["money"]}
    assert money == {"charge": (4 * amount, 4 * amount), "refund": (-amount, -amount)}
    check_books(on_call, held=[*paid, after], given_back=before, never_paid=declined)

    # 6. Over: the banner goes.
    path = f"{system.way_in.base_url}/api/ops/incidents/{incident['id']}"
    over = {"reference": f"over-{incident['id']}", "status": "resolved", "note": "All is proven."}
    assert on_call.operator.patch(path, json=over, timeout=PATIENCE_S).status_code == 200
    assert on_call.get(on_call.support, "status").json()["banner"] is None


def next_second() -> dt.datetime:
    """The moment at which a new second has begun: Stripe dates its events by the second."""
    began = clock() + dt.timedelta(seconds=1)
    wait_until(lambda: clock() > began.replace(microsecond=0))
    return began.replace(microsecond=0)


def clock() -> dt.datetime:
    return dt.datetime.now(dt.UTC)  # noqa: TID251 - Stripe's clock is real here


def leave_it_to_people(books: Engine) -> None:
    """Keep the job that fetches missed events by itself from being quicker than who is on call."""
    with books.begin() as connection:
        connection.execute(
            text(
                "UPDATE strongroom.periodic_jobs SET next_at = now() + interval '10 minutes'"
                " WHERE job = 'fetch_missed_events'"
            )
        )
    is_open = text(
        "SELECT count(*) FROM strongroom.outbox WHERE job = 'fetch_missed_events'"
        " AND state IN ('waiting', 'leased')"
    )

    def is_idle() -> bool:
        with books.connect() as connection:
            return bool(connection.execute(is_open).scalar_one() == 0)

    wait_until(is_idle, timeout_s=PATIENCE_S)


def not_proven_yet(on_call: OnCall, began: dt.datetime) -> Any:
    """Nothing came, so nothing is proven: all events are missing, and the refund is not booked."""
    broken = on_call.command_json("webhooks", "proof", "--from", began.isoformat(), status=1)
    assert (broken["proven"], broken["in_inbox"]) == (False, 0)
    assert broken["missing"] == broken["listed"] > 0
    faults = Counter(fault["problem"] for fault in broken["faults"])
    assert faults == {"missing": broken["missing"], "not_applied": 1}
    return broken


def check_books(
    on_call: OnCall, *, held: Sequence[Body], given_back: Body, never_paid: Body
) -> None:
    """The books agree: balances of each order, and each effect key once."""
    system = on_call.system
    assert {system.held_for(one) for one in held} == {int(given_back["amount"])}
    assert (system.held_for(given_back), system.held_for(never_paid)) == (0, 0)
    for one in held:
        assert effects_of(on_call, one) == {f"{one['id']}:charged": 1}
    effects = effects_of(on_call, given_back)
    assert sorted(key.rpartition(":")[2] for key in effects.elements()) == ["charged", "refunded"]
    assert effects_of(on_call, never_paid) == {}


def open_incident(on_call: OnCall) -> Any:
    asked = {
        "title": "Stripe sends no webhooks",
        "severity": "P2",
        "components": ["card"],
        "banner": BANNER,
    }
    made = created(on_call.post(on_call.operator, "ops/incidents", asked))
    status = on_call.get(on_call.support, "status").json()
    assert (status["banner"], status["components"]["card"]) == (BANNER, "degraded")
    return made


def banner_of(event: LiveEvent) -> object:
    return event.data.get("banner") if event.topic == "status.updated" else None


def status_of(on_call: OnCall, payment: Body) -> str:
    status: str = on_call.system.payment_now(payment).json()["status"]
    return status


def is_proven(on_call: OnCall, began: dt.datetime, *, charged: int) -> bool:
    """Whether all is applied, up to the newest payment: the second it is of must be over."""
    answer = on_call.get(on_call.support, "ops/webhooks/proof", **{"from": began.isoformat()})
    found = answer.json()
    told = sum(int(one["told"]) for one in found["money"] if one["what"] == "charge")
    return bool(found["proven"]) and told == charged


def replay(on_call: OnCall, began: dt.datetime) -> Any:
    """Have what Stripe lists taken in, and wait until that is done."""
    since = ("--from", began.isoformat())
    made = on_call.command_json("webhooks", "replay", "--source", "stripe", *since)
    path = f"ops/webhooks/replay/{made['id']}"

    def seen() -> Any:
        return on_call.get(on_call.operator, path).json()

    wait_until(lambda: bool(seen()["status"] != "running"), timeout_s=PATIENCE_S)
    return seen()


def effects_of(on_call: OnCall, payment: Body) -> Counter[str]:
    """The effect keys of a payment's entries, with how often there are entries of them.

    Stripe's fees follow by themselves, when its balance is read.
    """
    timeline = on_call.get(on_call.finance, f"payments/{payment['id']}/timeline").json()
    keys = Counter(entry["effect_key"] for entry in timeline["ledger_entries"])
    assert set(keys.values()) <= {1}, keys
    return Counter({key: count for key, count in keys.items() if not key.startswith("txn_")})
