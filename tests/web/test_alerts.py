"""Alerts over HTTP: listed, looked at, taken on; a test to a target."""

import dataclasses
import datetime as dt

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine

from payments.access.caller import Role
from payments.alerts.condition import Condition, Measured
from payments.alerts.follow import follow
from payments.database import transaction
from payments.settings import Settings
from tests.web.conftest import KeyOf, MakeApp

NOW = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)
TARGETS = {"sre": ("json://127.0.0.1:9/sre", "json://127.0.0.1:9/other")}


@pytest.fixture
def told(settings: Settings) -> Settings:
    return dataclasses.replace(settings, alert_targets=TARGETS)


@pytest.fixture
def alert_id(engine: Engine, told: Settings, client: FlaskClient, key_of: KeyOf) -> str:
    condition = Condition(
        name="dead_letters",
        priority="P2",
        title="There are dead letters",
        measured="Things",
        runbook="dead-letters",
        measure=lambda *_: Measured(3),
    )
    with transaction(engine) as session:
        follow(session, condition, Measured(3), settings=told, now=NOW)
    answer = client.get("/api/ops/alerts?status=unresolved", headers=key_of(Role.SUPPORT))
    [alert] = answer.get_json()["data"]
    return str(alert["id"])


def test_an_alert_is_shown_and_taken_on(client: FlaskClient, key_of: KeyOf, alert_id: str) -> None:
    support = key_of(Role.SUPPORT)
    path = f"/api/ops/alerts/{alert_id}"
    alert = client.get(path, headers=support).get_json()
    assert alert["condition"] == "dead_letters"
    assert (alert["status"], alert["figures"]["count"], alert["runbook"]) == (
        "open",
        3,
        "dead-letters",
    )
    assert [(d["target"], d["address"], d["state"]) for d in alert["deliveries"]] == [
        ("sre", 1, "waiting"),
        ("sre", 2, "waiting"),
        ("support", None, "no_address"),
    ]
    body = {"reference": "taken-1", "note": "Mine."}
    dry = client.post(f"{path}/acknowledge?dry_run=true", json=body, headers=support)
    assert (dry.get_json()["status"], dry.headers["Dry-Run"]) == ("acknowledged", "true")
    assert client.get(path, headers=support).get_json()["status"] == "open"
    taken = client.post(f"{path}/acknowledge", json=body, headers=support)
    assert (taken.status_code, taken.get_json()["note"]) == (200, "Mine.")
    again = client.post(f"{path}/acknowledge", json=body, headers=support)
    assert again.headers["Idempotent-Replayed"] == "true"


def test_a_test_goes_to_each_address_of_a_target_once(
    make_app: MakeApp, told: Settings, key_of: KeyOf
) -> None:
    client, operator = make_app(told).test_client(), key_of(Role.OPERATOR)
    body = {"reference": "try-1", "target": "sre"}
    first = client.post("/api/ops/alerts/test", json=body, headers=operator)
    assert first.status_code == 202
    assert [row["address"] for row in first.get_json()["deliveries"]] == [1, 2]
    again = client.post("/api/ops/alerts/test", json=body, headers=operator)
    assert again.get_json() == first.get_json()
    nobody = {"reference": "try-2", "target": "executive"}
    refused = client.post("/api/ops/alerts/test", json=nobody, headers=operator)
    assert (refused.status_code, set(refused.get_json()["errors"])) == (400, {"target"})


def test_the_conditions_are_listed(client: FlaskClient, key_of: KeyOf) -> None:
    listed = client.get("/api/ops/alerts/conditions", headers=key_of(Role.FINANCE)).get_json()
    names = [condition["name"] for condition in listed["data"]]
    assert {"books_do_not_agree", "dead_letters", "conditions_unreadable"} <= set(names)
    assert len(set(names)) == len(names)
