"""Webhooks are refused: counted by reason, the secret that matched last is seen, and it rotates."""

import datetime as dt
import secrets
from typing import Any

from sandbox.calls import TIMEOUT_S, confirm_at_stripe, deliver
from sandbox.stripe.webhooks import signature
from sandbox.way_in import loopback_session
from tests.conditions import wait_until
from tests.incidents.conftest import Body, OnCall
from tests.incidents.stripe_side import tell, turn_webhooks
from tests.journeys.bank import BankRail

HOUR_S = 3600
PATIENCE_S = 40


def test_a_secret_that_was_rotated_at_stripe_alone_is_found_and_rotated_here(
    rail: BankRail, on_call: OnCall
) -> None:
    system = on_call.system
    hour = dt.datetime.now(dt.UTC).isoformat()  # noqa: TID251 - of the counters
    before = totals(on_call, hour)

    # Somebody rotates the secret in Stripe's dashboard, and tells nobody.
    rotated = f"whsec_{secrets.token_hex(16)}"
    turn_webhooks(system, old_secret=1.0, old_secret_value=rotated)
    try:
        payment = system.payment()
        confirm_at_stripe(system.way_in, payment, "pm_card_visa")

        # 1. Look: which reason grows, and which version matched last?
        wait_until(
            lambda: grown(on_call, hour, before).get("wrong_secret", 0) > 0, timeout_s=PATIENCE_S
        )
        seen = on_call.get(on_call.support, "ops/webhooks/refusals").json()
        [total] = [one for one in seen["totals"] if one["reason"] == "wrong_secret"]
        assert "rotated there and not here" in total["advice"]
        live = [one for one in seen["secrets"] if one["state"] == "live"]
        assert [one["kind"] for one in live] == ["stripe_webhook"] * len(live)
        assert system.payment_now(payment).json()["status"] == "created"

        # 2. Rotate it here, to the value of the dashboard; the old one lives on for a day.
        asked = {"value": rotated}
        tried = on_call.post(on_call.admin, "secrets/stripe_webhook/rotate?dry_run=true", asked)
        assert (tried.status_code, tried.headers["Dry-Run"]) == (201, "true")
        made = on_call.post(on_call.admin, "secrets/stripe_webhook/rotate", asked)
        assert made.status_code == 201, made.text

        # 3. Prove: what Stripe sends again matches the new version, and the payment goes on.
        rail.wait_for(payment, "succeeded")
        wait_until(lambda: has_matched(on_call, made.json()["id"]), timeout_s=PATIENCE_S)
        told = on_call.command("webhooks", "refusals")
        assert made.json()["id"] in told
        assert "wrong_secret" in told
    finally:
        turn_webhooks(system)
        version = made.json()["id"]
        on_call.admin.delete(f"{system.way_in.base_url}/api/secrets/{version}", timeout=TIMEOUT_S)


def test_each_reason_is_counted_apart(on_call: OnCall) -> None:
    system = on_call.system
    hour = dt.datetime.now(dt.UTC).isoformat()  # noqa: TID251 - of the counters
    before = totals(on_call, hour)
    right = system.way_in.webhook_secrets["stripe"].partition(",")[0]
    event = tell(system, "customer.created", {"id": "cus_1", "object": "customer"})
    now = int(dt.datetime.now(dt.UTC).timestamp())  # noqa: TID251 - what Stripe signs

    assert deliver(system.way_in, event, secret="whsec_of_a_forger").status_code == 400
    payload = b'{"id": "evt_1", "type": "x", "created": 1, "livemode": false}'
    for header in (
        signature(payload, right, timestamp=now - HOUR_S),
        signature(payload, right, timestamp=now + HOUR_S),
        "no signature at all",
    ):
        assert sent(on_call, payload, header) == 400
    live = payload.replace(b"false", b"true")
    assert sent(on_call, live, signature(live, right, timestamp=now)) == 400
    of_other = payload.replace(b"}", b', "account": "acct_2"}')
    assert sent(on_call, of_other, signature(of_other, right, timestamp=now)) == 400

    each_once = {
        "wrong_secret": 1,
        "too_old": 1,
        "in_future": 1,
        "malformed": 1,
        "other_mode": 1,
        "other_account": 1,
    }
    wait_until(lambda: grown(on_call, hour, before) == each_once, timeout_s=PATIENCE_S)
    advice = on_call.command_json("webhooks", "refusals", "--from", hour)["totals"]
    assert {one["reason"] for one in advice} >= set(each_once)
    assert all(one["advice"] for one in advice)


def sent(on_call: OnCall, payload: bytes, header: str) -> int:
    answer = loopback_session().post(
        f"{on_call.system.way_in.base_url}/api/webhooks/stripe",
        data=payload,
        headers={"Stripe-Signature": header, "Content-Type": "application/json"},
        timeout=TIMEOUT_S,
    )
    return answer.status_code


def totals(on_call: OnCall, hour: str) -> dict[str, int]:
    """How often Stripe's webhooks were refused, by reason, from this hour on."""
    path = "ops/webhooks/refusals"
    answer: Body = on_call.get(on_call.support, path, **{"from": hour}).json()
    return {one["reason"]: one["count"] for one in answer["totals"] if one["provider"] == "stripe"}


def grown(on_call: OnCall, hour: str, before: dict[str, int]) -> dict[str, int]:
    """What was refused since, as far as web's processes have written it down by now."""
    now = totals(on_call, hour)
    since = {reason: count - before.get(reason, 0) for reason, count in now.items()}
    return {reason: count for reason, count in since.items() if count}


def has_matched(on_call: OnCall, version: str) -> bool:
    secrets_known: Any = on_call.command_json("webhooks", "refusals")["secrets"]
    return any(one["id"] == version and one["last_matched_at"] for one in secrets_known)
