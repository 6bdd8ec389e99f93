"""A key has leaked: who used it since when, a new one at once, and who still tries the old one."""

import datetime as dt

import requests

from sandbox.calls import TIMEOUT_S, created
from sandbox.way_in import loopback_session
from tests.conditions import wait_until
from tests.incidents.conftest import Body, OnCall


def test_a_stranger_with_a_key_is_seen_shut_out_and_seen_again(on_call: OnCall) -> None:
    base_url = on_call.system.way_in.base_url
    made = created(on_call.post(on_call.admin, "keys", {"name": "Shop", "role": "service"}))
    shop = loopback_session(made["key"])
    stranger = loopback_session(made["key"])
    asked = {"name": "Ada", "email": "ada@example.test", "reference": f"leak-{made['id']}"}
    party = created(shop.post(f"{base_url}/api/parties", json=asked, timeout=TIMEOUT_S))
    # The stranger is elsewhere, and looks a person up.
    stranger.headers["X-Forwarded-For"] = "203.0.113.9"
    found = stranger.get(f"{base_url}/api/parties/{party['id']}", timeout=TIMEOUT_S)
    assert found.status_code == 200

    # Look: from where, since when, and what was done with it.
    uses = used(on_call, made["id"])
    deeds = {(one["action"], one["outcome"]) for one in uses["deeds"]}
    assert {("parties.create", "done"), ("parties.read", "seen")} <= deeds
    assert all(use["is_new"] for use in uses["uses"])
    total = sum(use["uses"] for use in uses["uses"])
    assert total >= 1
    printed = on_call.command("keys", "uses", made["id"])
    assert uses["uses"][0]["network"] in printed
    assert "parties.read" in printed
    trail = on_call.command_json("audit", "list", "--actor", made["id"])
    assert {one["action"] for one in trail} == {"parties.create", "parties.read"}

    # Do: a new one, and the old one ends now. Tried first, it changes nothing.
    on_call.command("keys", "rotate", made["id"], "--now", "--dry-run")
    assert is_let_in(shop, base_url)
    fresh = on_call.command_json("keys", "rotate", made["id"], "--now")
    assert is_let_in(loopback_session(fresh["key"]), base_url)

    # Prove: the old one opens nothing, and that somebody still tries it is seen.
    assert not is_let_in(stranger, base_url)

    def is_refused() -> bool:
        assert not is_let_in(stranger, base_url)
        return any(use["refused"] for use in used(on_call, made["id"])["uses"])

    wait_until(is_refused)
    action = "command:keys rotate"
    [kept] = on_call.get(on_call.admin, "audit", subject=made["id"], action=action).json()["data"]
    assert kept["outcome"] == "done"


def used(on_call: OnCall, key_id: str) -> Body:
    """Who used the key in the last hour."""
    since = (dt.datetime.now(dt.UTC) - dt.timedelta(hours=1)).isoformat()  # noqa: TID251 - real
    answer = on_call.get(on_call.admin, f"keys/{key_id}/uses", since=since)
    assert answer.status_code == 200, answer.text
    found: Body = answer.json()
    return found


def is_let_in(session: requests.Session, base_url: str) -> bool:
    """Whether the API still opens for it."""
    return session.get(f"{base_url}/api/payments", timeout=TIMEOUT_S).status_code == 200
