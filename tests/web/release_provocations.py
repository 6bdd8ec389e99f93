"""Every problem code of releases and freezes, provoked over HTTP without any chain."""

import secrets
from typing import Any

from werkzeug.test import TestResponse

from payments.access.caller import Role
from payments.orders.view import OrderView
from tests.payments.releases.till import Till
from tests.web.escrow_provocations import waiting_escrow
from tests.web.provocations import Stage, provokes


def release(stage: Stage, order: OrderView, **body: Any) -> TestResponse:
    return stage.post("/api/escrow/release", {"order_id": order.id} | body, role=Role.SERVICE)


def freeze(stage: Stage, order: OrderView) -> str:
    body = {"reason": "A drill.", "order_id": order.id}
    answer = stage.post("/api/ops/freeze", body, role=Role.SUPPORT)
    return str(answer.get_json()["id"])


@provokes("order_not_paid")
def it_was_never_paid(stage: Stage) -> TestResponse:
    return release(stage, Till(stage.engine).shop.order())


@provokes("escrow_not_funded")
def nothing_was_deposited(stage: Stage) -> TestResponse:
    body = {"escrow_id": waiting_escrow(stage)}
    return stage.post("/api/escrow/release", body, role=Role.SERVICE)


@provokes("releases_frozen")
def its_order_is_frozen(stage: Stage) -> TestResponse:
    order = Till(stage.engine).paid()
    freeze(stage, order)
    return release(stage, order)


@provokes("release_exceeds_held")
def it_is_more_than_was_paid(stage: Stage) -> TestResponse:
    order = Till(stage.engine).paid()
    return release(stage, order, amount=str(order.amount + 1))


@provokes("release_not_approvable")
def it_needs_no_approval(stage: Stage) -> TestResponse:
    posted = release(stage, Till(stage.engine).paid()).get_json()
    return stage.post(f"/api/releases/{posted['id']}/approve", {}, role=Role.FINANCE)


@provokes("release_not_cancelable")
def it_is_posted(stage: Stage) -> TestResponse:
    posted = release(stage, Till(stage.engine).paid()).get_json()
    body = {"reason": "Too late."}
    return stage.post(f"/api/releases/{posted['id']}/cancel", body, role=Role.FINANCE)


@provokes("freeze_lifted")
def it_was_lifted_by_two(stage: Stage) -> TestResponse:
    body = {"freeze_id": freeze(stage, Till(stage.engine).paid()), "reason": "It is over."}
    for _ in range(3):
        content = body | {"reference": secrets.token_hex(16)}
        answer: TestResponse = stage.client.post(
            "/api/ops/unfreeze", json=content, headers=stage.key_of(Role.OPERATOR)
        )
    return answer
