"""Provokes the problems of secrets."""

from typing import Any

from werkzeug.test import TestResponse

from payments.access.caller import Role
from tests.web.provocations import provokes


@provokes("last_secret")
def no_other_link_key_is_live(stage: Any) -> TestResponse:
    admin = stage.key_of(Role.ADMIN)
    [only] = [
        version
        for version in stage.client.get("/api/secrets", headers=admin).get_json()["data"]
        if version["kind"] == "link_key" and version["state"] == "live"
    ]
    answer: TestResponse = stage.client.delete(f"/api/secrets/{only['id']}", headers=admin)
    return answer
