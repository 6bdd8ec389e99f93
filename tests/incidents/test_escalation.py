"""Escalation: a signer freezes, people are paged, one takes it on, every page shows a banner."""

import json

import requests
from sqlalchemy import create_engine, text

from sandbox.calls import TIMEOUT_S
from tests.conditions import wait_until
from tests.incidents.conftest import Body, OnCall

ADDRESS = "0x" + "e5" * 20
TITLE = "[P1] A signer is frozen: somebody else may use its key"
PATIENCE_S = 40
BANNER = "Payments by crypto are paused; what was paid is safe."


def test_whether_a_target_hears_is_found_out_before_it_matters(on_call: OnCall) -> None:
    on_call.command("alerts", "test", "executive", "--dry-run")
    on_call.command("alerts", "test", "executive")
    wait_until(
        lambda: "[test] Strongroom reaches executive" in titles(on_call, "executive"),
        timeout_s=PATIENCE_S,
    )


def test_somebody_is_woken_takes_it_on_and_it_ends_by_itself(on_call: OnCall) -> None:
    # Somebody else used a signer's key: the sender freezes it. A worker finds it; people hear.
    change(on_call, FROZEN, LOOK_NOW)
    try:
        wait_until(lambda: TITLE in titles(on_call, "on_call"), timeout_s=PATIENCE_S)
        wait_until(
            lambda: (
                TITLE in titles(on_call, "finance_lead") and TITLE in titles(on_call, "executive")
            ),
            timeout_s=PATIENCE_S,
        )
        assert TITLE not in titles(on_call, "support")
        [message] = [m["message"] for m in paged(on_call, "on_call") if m["title"] == TITLE]
        assert f"{on_call.system.way_in.base_url}/console/runbooks/key-leaked" in message
        assert ADDRESS in message

        # Look: the alert says the same by command and over HTTP. It is found again and again, and
        # is one alert, told once.
        [alert] = open_alerts(on_call)
        on_call.command("alerts", "evaluate")
        on_call.command("alerts", "evaluate")
        [same] = open_alerts(on_call)
        assert (same["id"], same["tellings"]) == (alert["id"], 1)
        assert same["figures"]["keys"] == [f"nowhere:{ADDRESS}"]
        assert titles(on_call, "on_call").count(TITLE) == 1

        # Nobody takes it on for a quarter of an hour: again, and more widely.
        change(on_call, "UPDATE strongroom.alerts SET told_at = told_at - interval '15 minutes'")
        on_call.command("alerts", "evaluate")
        again = f"{TITLE} (still so, and nobody has acknowledged it)"
        assert again in titles(on_call, "on_call")
        assert again in titles(on_call, "support")

        # Do: take it on, and tell everybody by a banner; buyers' open pages hear of it.
        taken = on_call.post(on_call.operator, f"ops/alerts/{alert['id']}/acknowledge", {})
        assert taken.json()["status"] == "acknowledged"
        with on_call.system.listening(person="buyer") as page:
            opened = on_call.command(
                *("incidents", "open", "A signer is frozen", "--severity", "P1"),
                *("--component", "crypto", "--banner", BANNER, "--json"),
            )
            incident = json.loads(opened)["id"]
            heard = page.wait_for(lambda event: event.topic == "status.updated")
            assert (heard.data["banner"], heard.data["components"]["crypto"]) == (BANNER, "outage")
            assert heard.data == status(on_call)
            change(on_call, "UPDATE strongroom.alerts SET told_at = told_at - interval '1 day'")
            on_call.command("alerts", "evaluate")
            assert titles(on_call, "on_call").count(again) == 1  # it is taken on

            # Mend: a person looked and thawed it. It is over by itself, and who was told hears it.
            change(on_call, THAWED)
            on_call.command("alerts", "evaluate")
            over = f"{TITLE}: over"
            assert over in titles(on_call, "on_call")
            assert over in titles(on_call, "support")
            on_call.command("incidents", "resolve", incident, "--note", "The key was rotated.")
            heard = page.wait_for(lambda event: event.topic == "status.updated")
            assert (heard.data["banner"], heard.data["incidents"]) == (None, [])
    finally:
        change(on_call, THAWED)

    # Prove: what was told to whom when, who took it on, and what everybody read, stays written.
    told = on_call.get(on_call.support, f"ops/alerts/{alert['id']}").json()
    assert told["status"] == "resolved"
    assert {one["state"] for one in told["deliveries"]} == {"delivered"}
    kinds = [one["kind"] for one in told["deliveries"] if one["target"] == "on_call"]
    assert kinds == ["opened", "again", "resolved"]
    history = on_call.get(on_call.support, f"ops/incidents/{incident}").json()["updates"]
    assert [one["status"] for one in history] == ["open", "resolved"]
    assert history[0]["banner"] == BANNER


FROZEN = f"""
    INSERT INTO strongroom.chain_signers
           (chain, address, next_nonce, frozen_at, frozen_reason, created_at)
    VALUES ('nowhere', '{ADDRESS}', 3, now(), '4 nonces are used on chain, and we took 3', now())
"""
THAWED = f"""
    UPDATE strongroom.chain_signers SET frozen_at = NULL, frozen_reason = NULL
     WHERE address = '{ADDRESS}'
"""
LOOK_NOW = "UPDATE strongroom.periodic_jobs SET next_at = now() WHERE job = 'evaluate_alerts'"


def change(on_call: OnCall, *statements: str) -> None:
    """Do what time or the sender would have done."""
    engine = create_engine(on_call.system.database_url)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def paged(on_call: OnCall, target: str) -> list[Body]:
    """What a target was told, newest first."""
    url = f"{on_call.system.way_in.pager_url}/messages"
    with requests.Session() as session:
        session.trust_env = False
        messages: list[Body] = session.get(url, timeout=TIMEOUT_S).json()["data"]
    return [message for message in messages if message["target"] == target]


def titles(on_call: OnCall, target: str) -> list[str]:
    """The titles of what a target was told, newest first."""
    return [message["title"] for message in paged(on_call, target)]


def open_alerts(on_call: OnCall) -> list[Body]:
    """Alerts of frozen signers that nobody has taken on."""
    answer = on_call.get(on_call.support, "ops/alerts", status="open")
    return [one for one in answer.json()["data"] if one["condition"] == "signer_frozen"]


def status(on_call: OnCall) -> Body:
    """What anybody may read."""
    found: Body = on_call.get(on_call.support, "status").json()
    return found
