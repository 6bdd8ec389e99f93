import dataclasses
from typing import Any, cast

import pytest
from flask.testing import FlaskClient

from payments.incidents.public_status import COMPONENTS
from payments.settings import Settings
from tests.web.conftest import MakeApp

AWAY = {
    "database_url": "postgresql://a:b@127.0.0.1:9/c",
    "redis_url": "redis://127.0.0.1:9/0",
}
PARTS = {"database_url": "postgresql", "redis_url": "redis"}


def test_all_is_well(client: FlaskClient) -> None:
    assert client.get("/healthz").get_json()["status"] == "ok"
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.get_json() == {"status": "ok", "checks": {"postgresql": "ok", "redis": "ok"}}
    assert client.get("/api/status").get_json() == {
        "status": "operational",
        "banner": None,
        "components": dict.fromkeys(COMPONENTS, "operational"),
        "incidents": [],
    }


@pytest.mark.parametrize("missing", AWAY)
def test_a_part_that_is_away_is_named_and_its_address_is_not(
    make_app: MakeApp, settings: Settings, missing: str
) -> None:
    away = dataclasses.replace(settings, **cast("Any", {missing: AWAY[missing]}))
    client = make_app(away).test_client()
    assert client.get("/healthz").status_code == 200
    answer = client.get("/readyz")
    assert answer.status_code == 503
    checks = answer.get_json()["checks"]
    assert checks.pop(PARTS[missing]) == "unreachable"
    assert set(checks.values()) == {"ok"}
    assert "127.0.0.1" not in answer.text
    status = client.get("/api/status")
    told = {"database_url": "outage", "redis_url": "degraded"}[missing]
    assert (status.status_code, status.get_json()["status"]) == (200, told)
