from typing import Any

from flask.testing import FlaskClient

from payments.access.caller import Role
from tests.web.conftest import KeyOf

BANK: dict[str, Any] = {
    "title": "TrueLayer is late",
    "severity": "P2",
    "components": ["bank"],
    "banner": "Bank payments take longer than usual.",
    "expected_at": "2099-01-01T00:00:00Z",
}


def test_a_banner_is_told_to_everybody_until_it_is_resolved(
    client: FlaskClient, key_of: KeyOf
) -> None:
    operator = key_of(Role.OPERATOR)
    answer = client.post("/api/ops/incidents", json={"reference": "i-1", **BANK}, headers=operator)
    assert answer.status_code == 201, answer.text
    incident = answer.get_json()
    status = client.get("/api/status").get_json()
    assert (status["status"], status["banner"]) == ("degraded", BANK["banner"])
    assert status["components"]["bank"] == "degraded"
    assert status["components"]["card"] == "operational"
    [told] = status["incidents"]
    assert told["id"] == incident["id"]
    assert told["expected_at"] == BANK["expected_at"]
    assert BANK["title"] not in str(status)

    path = f"/api/ops/incidents/{incident['id']}"
    over = {"reference": "i-2", "status": "resolved", "note": "All have arrived."}
    assert client.patch(path, json=over, headers=operator).status_code == 200
    assert client.patch(path, json=over, headers=operator).headers["Idempotent-Replayed"] == "true"
    status = client.get("/api/status").get_json()
    assert (status["status"], status["banner"], status["incidents"]) == ("operational", None, [])
    history = client.get(path, headers=operator).get_json()["updates"]
    assert [update["status"] for update in history] == ["open", "resolved"]
    again = client.patch(path, json={"reference": "i-3", "note": "?"}, headers=operator)
    assert (again.status_code, again.get_json()["code"]) == (409, "incident_resolved")
