"""The problem codes of incidents and alerts, provoked over HTTP."""

import datetime as dt
import secrets

from werkzeug.test import TestResponse

from payments.access.caller import Role
from payments.alerts.condition import Condition, Measured
from payments.alerts.follow import follow
from payments.database import transaction
from payments.identifiers import new_id
from tests.web.provocations import Stage, provokes
from web.parts import parts_of

NOW = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)


@provokes("incident_resolved")
def it_is_resolved(stage: Stage) -> TestResponse:
    body = {"title": "Nothing works", "severity": "notice"}
    opened = stage.post("/api/ops/incidents", body, role=Role.OPERATOR).get_json()
    headers = stage.key_of(Role.OPERATOR)
    for _ in range(2):
        change = {"status": "resolved", "reference": secrets.token_hex(16)}
        answer: TestResponse = stage.client.patch(
            f"/api/ops/incidents/{opened['id']}", json=change, headers=headers
        )
    return answer


@provokes("alert_resolved")
def it_is_over(stage: Stage) -> TestResponse:
    condition = Condition(
        name=new_id("con", now=NOW),
        priority="P2",
        title="It was so",
        measured="Things",
        runbook="escalation",
        measure=lambda *_: Measured(0),
        settles_in=dt.timedelta(0),
    )
    settings = parts_of(stage.client.application).settings
    with transaction(stage.engine) as session:
        follow(session, condition, Measured(1), settings=settings, now=NOW)
        follow(session, condition, Measured(0), settings=settings, now=NOW)
    listed = stage.client.get(
        "/api/ops/alerts?status=resolved", headers=stage.key_of(Role.SUPPORT)
    ).get_json()["data"]
    [alert] = [one for one in listed if one["condition"] == condition.name]
    return stage.post(f"/api/ops/alerts/{alert['id']}/acknowledge", {}, role=Role.SUPPORT)
