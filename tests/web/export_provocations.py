"""The problem code of exports, provoked over HTTP."""

from werkzeug.test import TestResponse

from payments.access.caller import Role
from tests.web.provocations import Stage, provokes

EXPORTS = "/api/ledger/exports"


@provokes("export_not_ready")
def nobody_has_written_it_yet(stage: Stage) -> TestResponse:
    body = {"report": "journal", "format": "csv"}
    export_id = stage.post(EXPORTS, body, role=Role.FINANCE).get_json()["id"]
    headers = stage.key_of(Role.FINANCE)
    answer: TestResponse = stage.client.get(f"{EXPORTS}/{export_id}/download", headers=headers)
    return answer
