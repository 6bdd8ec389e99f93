"""Every problem code of parties, provoked over HTTP."""

from werkzeug.test import TestResponse

from payments.access.caller import Role
from tests.payments.releases.till import Till
from tests.web.provocations import Stage, provokes


@provokes("party_in_use")
def money_is_held_for_them(stage: Stage) -> TestResponse:
    order = Till(stage.engine).paid()
    path = f"/api/parties/{order.buyer_id}/erase"
    return stage.post(path, {"reason": "They asked."}, role=Role.ADMIN)
