"""Dead letters grow: listed, looked into masked, replayed when it is mended, or discarded."""

import secrets
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, text

from payments.variables import SettingsError
from sandbox import days_pass
from sandbox.calls import TIMEOUT_S
from tests.conditions import wait_until
from tests.incidents.conftest import Body, OnCall
from tests.incidents.stripe_side import no_webhooks_at_all, tell
from tests.journeys.bank import BankRail

PATIENCE_S = 40
REASON = "INC-9: the cause is mended"
OF_SOMEBODY_ELSE = {
    "id": "pi_other",
    "object": "payment_intent",
    "amount": 13_500,
    "amount_received": 13_500,
    "currency": "usd",
    "status": "succeeded",
    "metadata": {},
}

Query = Callable[..., Any]


@pytest.fixture
def query(books: Engine) -> Query:
    """Asks or changes the database, as no caller could."""

    def ask(statement: str, **values: object) -> Any:
        with books.begin() as connection:
            found = connection.execute(text(statement), values)
            return found.scalar_one() if found.returns_rows else None

    return ask


def test_events_jobs_and_notices_come_back_to_life(
    rail: BankRail, on_call: OnCall, query: Query
) -> None:
    system = on_call.system
    payment = system.pay()
    rail.wait_for(payment, "succeeded")
    event_id = query(
        "UPDATE strongroom.webhook_inbox SET state = 'dead', attempts = 79, finished_at = now(),"
        " error = 'unknown_payment: no payment has pi_1' WHERE event_id = (SELECT event_id"
        " FROM strongroom.webhook_inbox WHERE event_type = 'payment_intent.succeeded'"
        " AND state = 'done' ORDER BY id DESC LIMIT 1) RETURNING event_id"
    )
    job_id = query(
        "INSERT INTO strongroom.outbox (job, args, state, due_at, attempts, error, created_at,"
        " finished_at) VALUES ('issue_invoice', '{}', 'dead', now(), 8, 'TimeoutError: no answer',"
        " now(), now()) RETURNING id"
    )

    # 1. List: every kind alike, with the error and what it means.
    listed = {one["about"] or one["id"]: one for one in dead(on_call)}
    event, job = listed[event_id], listed[f"obx_{job_id}"]
    assert (event["kind"], event["what"]) == ("event", "payment_intent.succeeded")
    assert "another system on the same account" in event["hint"]
    assert (job["what"], job["error"]) == ("issue_invoice", "TimeoutError: no answer")
    assert event["id"] in on_call.command("dead-letters", "list")

    # 2. Look into it: masked, and only for a reason, which the audit log keeps.
    path = f"ops/dead-letters/{event['id']}"
    refused = on_call.get(on_call.support, path)
    assert (refused.status_code, refused.json()["code"]) == (400, "reason_required")
    inside = inspected(on_call, path)["content"]
    assert (inside["id"], inside["type"]) == (event_id, "payment_intent.succeeded")
    assert inside["data"]["object"]["metadata"]["payment_id"] == payment["id"]
    assert "_secret_" not in str(inside)
    trail = on_call.get(on_call.admin, "audit", action="dead_letters.inspect").json()["data"]
    assert trail[0]["outcome"] == "seen"

    # 3. One: looked at ahead first; it is applied once more, and the books do not move.
    words = ("dead-letters", "replay", event["id"], "--kind", "event", "--reason", REASON)
    assert on_call.command_json(*words, "--dry-run")["accepted"] == 1
    assert event["id"] in {one["id"] for one in dead(on_call)}
    assert on_call.command_json(*words)["accepted"] == 1
    wait_until(lambda: state_of(query, event_id) == "done", timeout_s=PATIENCE_S)
    assert system.held_for(payment) == int(payment["amount"])

    # Some, and all of a kind; what lives already is skipped, and a reference counts once.
    asked = {
        "kind": "job",
        "ids": [job["id"]],
        "reason": REASON,
        "reference": secrets.token_hex(16),
    }
    made = on_call.post(on_call.operator, "ops/dead-letters/replay", asked)
    again = on_call.post(on_call.operator, "ops/dead-letters/replay", asked)
    assert (made.status_code, made.json()["accepted"], made.json()["skipped"]) == (202, 1, 0)
    assert again.headers["Idempotent-Replayed"] == "true"
    wait_until(lambda: job_state(query, job_id) == "done", timeout_s=PATIENCE_S)
    asked |= {"reference": secrets.token_hex(16)}
    late = on_call.post(on_call.operator, "ops/dead-letters/replay", asked)
    assert (late.json()["accepted"], late.json()["skipped"]) == (0, 1)

    # 4. Prove: none of them is dead.
    gone = {event["id"], job["id"]}
    assert gone.isdisjoint({one["id"] for one in dead(on_call)})


def test_all_events_that_died_of_one_cause_are_replayed_at_once(
    rail: BankRail, on_call: OnCall, query: Query
) -> None:
    system = on_call.system
    with no_webhooks_at_all(system):
        payments = [system.pay() for _ in range(2)]
    # They came, and died of something that is mended by now.
    made = on_call.post(
        on_call.operator,
        "ops/webhooks/replay",
        {"source": "stripe", "from": payments[0]["created_at"]},
    )
    assert made.status_code == 202
    for payment in payments:
        rail.wait_for(payment, "succeeded")
    killed = query(
        "WITH killed AS (UPDATE strongroom.webhook_inbox SET state = 'dead', finished_at = now(),"
        " error = 'DecryptionError: no key' WHERE state = 'done' AND id IN (SELECT id FROM"
        " strongroom.webhook_inbox WHERE state = 'done' ORDER BY id DESC LIMIT 4) RETURNING 1)"
        " SELECT count(*) FROM killed"
    )
    counts = on_call.get(on_call.support, "ops/dead-letters").json()["counts"]
    assert counts["event"] >= killed > 0

    asked = {"kind": "event", "all": True, "reason": REASON}
    no = on_call.post(on_call.support, "ops/dead-letters/replay", asked)
    assert no.status_code == 403
    replayed = on_call.post(on_call.operator, "ops/dead-letters/replay", asked).json()
    assert replayed["accepted"] >= killed
    wait_until(
        lambda: (
            query(
                "SELECT count(*) FROM strongroom.webhook_inbox"
                " WHERE state = 'dead' AND discard_id IS NULL"
            )
            == 0
        ),
        timeout_s=PATIENCE_S,
    )
    assert {system.held_for(payment) for payment in payments} == {int(payments[0]["amount"])}


def test_one_dies_within_a_minute_as_the_handbook_plays_it(
    on_call: OnCall, query: Query, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the worker's own last attempt, of an event that comes as Stripe sends it."""
    told = tell(on_call.system, "payment_intent.succeeded", OF_SOMEBODY_ELSE)["id"]
    attempts = "SELECT attempts FROM strongroom.webhook_inbox WHERE event_id = :id"

    def tried() -> bool:
        return bool(query(f"SELECT coalesce(({attempts}), 0)", id=told))

    wait_until(tried, timeout_s=PATIENCE_S)
    for name, value in on_call.system.environment.items():
        monkeypatch.setenv(name, value)
    assert days_pass.main([]) == 0
    wait_until(lambda: state_of(query, told) == "dead", timeout_s=PATIENCE_S)
    [letter] = [one for one in dead(on_call, kind="event") if one["about"] == told]
    assert letter["error"].startswith("unknown_payment")
    assert letter["attempts"] > 1
    discarded = ("dead-letters", "discard", letter["id"], "--kind", "event", "--reason", REASON)
    assert on_call.command_json(*discarded)["accepted"] == 1

    monkeypatch.setenv("STRONGROOM_ENV", "production")
    with pytest.raises(SettingsError):
        days_pass.main([])


def test_an_event_of_another_system_is_discarded_and_kept(on_call: OnCall, query: Query) -> None:
    event_id = f"evt_{secrets.token_hex(16)}"
    letter = query(
        "INSERT INTO strongroom.webhook_inbox (provider, event_id, event_type, occurred_at,"
        " received_at, due_at, state, attempts, error, finished_at) VALUES ('stripe', :id,"
        " 'charge.refunded', now(), now(), now(), 'dead', 79, 'unknown_payment: no payment has"
        " pi_1', now()) RETURNING 'inb_' || id",
        id=event_id,
    )
    before = counted(on_call)
    asked = {"kind": "event", "ids": [letter], "reason": "INC-9: the old shop's"}
    path = "ops/dead-letters/discard"
    assert on_call.post(on_call.support, path, asked).status_code == 403
    nothing = on_call.post(on_call.operator, path, asked | {"reason": ""})
    assert (nothing.status_code, nothing.json()["errors"].keys()) == (400, {"reason"})
    tried = on_call.post(on_call.operator, f"{path}?dry_run=true", asked)
    assert (tried.json()["accepted"], tried.headers["Dry-Run"]) == (1, "true")
    assert counted(on_call) == before

    made = on_call.post(on_call.operator, path, asked)
    assert (made.status_code, made.json()["accepted"], made.json()["skipped"]) == (201, 1, 0)
    assert counted(on_call) == before - 1
    assert letter not in {one["id"] for one in dead(on_call)}
    [kept] = [one for one in dead(on_call, discarded="true") if one["id"] == letter]
    assert (kept["about"], kept["attempts"]) == (event_id, 79)
    assert kept["discarded"]["id"] == made.json()["id"]
    assert kept["discarded"]["reason"] == "INC-9: the old shop's"
    assert letter in on_call.command("dead-letters", "list", "--discarded")
    trail = on_call.get(on_call.admin, "audit", action="dead_letters.discard", outcome="done")
    assert trail.json()["data"][0]["outcome"] == "done"

    # What a wide replay of the inbox finds is tried; what was given up for good is not.
    words = ("dead-letters", "replay", "--kind", "event", "--reason", REASON)
    on_call.command_json(*words, "--all")
    assert state_of(query, event_id) == "dead"


def test_notices_of_an_endpoint_that_is_disabled_are_skipped(on_call: OnCall, query: Query) -> None:
    endpoint = f"nep_{secrets.token_hex(16)}"
    query(
        "INSERT INTO strongroom.notice_endpoints (id, url, description, topics, status,"
        " disabled_reason, disabled_at, created_by, created_at, updated_at) VALUES (:id,"
        " 'https://hooks.shop.test/in', '', '{}', 'disabled', 'failing', now(), 'test', now(),"
        " now())",
        id=endpoint,
    )
    notice = f"evt_{secrets.token_hex(16)}"
    query(
        "INSERT INTO strongroom.notices (id, type, body, created_at) VALUES (:id,"
        ' \'payment.updated\', \'{"data": {"name": "Ada"}}\', now())',
        id=notice,
    )
    number = query(
        "INSERT INTO strongroom.notice_deliveries (notice_id, endpoint_id, state, attempts, due_at,"
        " last_status, last_error, last_attempt_at, created_at) VALUES (:notice, :endpoint,"
        " 'failed', 20, now(), 500, 'HTTP 500', now(), now()) RETURNING number",
        notice=notice,
        endpoint=endpoint,
    )
    letter = f"ntd_{number}"
    [found] = [one for one in dead(on_call, kind="notice") if one["id"] == letter]
    assert (found["can_replay"], found["source"]) == (False, endpoint)
    assert "enable it first" in found["hint"]
    inside = inspected(on_call, f"ops/dead-letters/{letter}")
    assert inside["content"] == {"data": {"name": "•••"}}

    asked = {"kind": "notice", "ids": [letter], "reason": REASON}
    skipped = on_call.post(on_call.operator, "ops/dead-letters/replay", asked).json()
    assert (skipped["accepted"], skipped["skipped"]) == (0, 1)
    query(
        "UPDATE strongroom.notice_endpoints SET status = 'deleted', disabled_reason = NULL,"
        " disabled_at = NULL WHERE id = :id",
        id=endpoint,
    )
    assert letter not in {one["id"] for one in dead(on_call, kind="notice")}


def dead(on_call: OnCall, **wanted: str) -> list[Body]:
    """All dead letters, page by page."""
    found: list[Body] = []
    after: dict[str, str] = {}
    while True:
        page = on_call.get(on_call.support, "ops/dead-letters", limit="2", **wanted, **after).json()
        found += page["data"]
        if page["next"] is None:
            return found
        after = {"after": page["next"]}


def counted(on_call: OnCall) -> int:
    """How many events are dead."""
    answer = on_call.get(on_call.support, "ops/dead-letters", limit="1")
    count: int = answer.json()["counts"]["event"]
    return count


def inspected(on_call: OnCall, path: str) -> Any:
    answer = on_call.support.get(
        f"{on_call.system.way_in.base_url}/api/{path}",
        headers={"X-Access-Reason": "INC-9"},
        timeout=TIMEOUT_S,
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


def state_of(query: Query, event_id: str) -> Any:
    return query("SELECT state FROM strongroom.webhook_inbox WHERE event_id = :id", id=event_id)


def job_state(query: Query, job_id: int) -> Any:
    return query("SELECT state FROM strongroom.outbox WHERE id = :id", id=job_id)
