"""Every problem code of invoices, provoked over HTTP."""

from werkzeug.test import TestResponse

from payments.access.caller import Role
from tests.web.provocations import Stage, provokes


def path_of_an_order(stage: Stage) -> str:
    return f"/api/invoices/{stage.shop.order().id}"


@provokes("reason_required")
def finance_does_not_say_why(stage: Stage) -> TestResponse:
    answer: TestResponse = stage.client.get(
        path_of_an_order(stage), headers=stage.key_of(Role.FINANCE)
    )
    return answer


@provokes("einvoice_not_available")
def the_order_is_not_paid(stage: Stage) -> TestResponse:
    path = f"{path_of_an_order(stage)}.xml"
    answer: TestResponse = stage.client.get(path, headers=stage.key_of(Role.SERVICE))
    return answer


@provokes("invoice_not_ready")
def nobody_renders(stage: Stage) -> TestResponse:
    headers = stage.key_of(Role.SERVICE) | {"Prefer": "wait=0"}
    answer: TestResponse = stage.client.get(f"{path_of_an_order(stage)}.pdf", headers=headers)
    return answer
