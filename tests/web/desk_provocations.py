"""Every problem code of the reconciliation desk, provoked over HTTP."""

import secrets
from typing import Any

from werkzeug.test import TestResponse

from payments.access.caller import Role
from payments.database import transaction
from payments.reconciliation.findings import Found, keep_findings
from payments.reconciliation.read_expectations import read_expectations
from payments.reconciliation.tables import Expectation
from tests.payments.bank_shop import ToldByBank
from tests.payments.reconciliation.desk import Desk, money_in
from tests.payments.shop import NOW
from tests.web.provocations import Stage, provokes

ADJUST = {"account": "equity:adjustments"}


def desk_of(stage: Stage) -> Desk:
    return Desk(stage.engine, stage.shop)


def a_line(stage: Stage, amount: int = 10_000) -> str:
    [line_id] = desk_of(stage).statement(money_in(amount))
    return line_id


def say(stage: Stage, item_id: str, *parts: dict[str, Any]) -> TestResponse:
    path = f"/api/reconciliation/unmatched/{item_id}/match"
    return stage.post(path, {"parts": list(parts)}, role=Role.FINANCE)


@provokes("line_not_open")
def it_is_matched(stage: Stage) -> TestResponse:
    line_id = a_line(stage)
    assert say(stage, line_id, ADJUST).status_code == 201
    return say(stage, line_id, ADJUST)


@provokes("amounts_differ")
def a_part_is_missing(stage: Stage) -> TestResponse:
    return say(stage, a_line(stage), {**ADJUST, "amount": "9999"})


@provokes("expectation_not_open")
def it_is_expected_the_other_way(stage: Stage) -> TestResponse:
    return say(stage, a_line(stage, -10_000), {**expected(stage), "amount": "-10000"})


@provokes("currency_differs")
def it_is_expected_in_another_currency(stage: Stage) -> TestResponse:
    [line_id] = desk_of(stage).statement(money_in(10_000, currency="USD"))
    return say(stage, line_id, expected(stage))


def expected(stage: Stage) -> dict[str, str]:
    """Return a part for what is expected of a payment."""
    desk = desk_of(stage)
    payment = desk.payment(10_000)
    desk.tell(ToldByBank(payment).settled(amount=10_000))
    read_expectations(stage.engine, now=NOW)
    with transaction(stage.engine) as session:
        [row] = session.query(Expectation).filter_by(payment_id=payment.id)
        return {"expectation_id": f"exp_{row.id}"}


@provokes("payment_refuses_money")
def it_is_paid_by_card(stage: Stage) -> TestResponse:
    payment = stage.shop.payment(stage.shop.order())
    return say(stage, a_line(stage), {"payment_id": payment.id})


@provokes("match_undone")
def it_was_undone(stage: Stage) -> TestResponse:
    made = say(stage, a_line(stage), ADJUST).get_json()["match"]["id"]
    path = f"/api/reconciliation/matches/{made}/undo"
    for _ in range(2):
        answer = stage.post(path, {"reason": "a mistake"}, role=Role.FINANCE)
    return answer


def received(stage: Stage, *amounts: int) -> tuple[str, Desk]:
    """Return the receipt of the last of some transfers for a payment of 10,000."""
    desk = desk_of(stage)
    payment = desk.payment(10_000)
    told = ToldByBank(payment)
    for number, amount in enumerate(amounts):
        desk.tell(told.transfer(amount, number=number, second=5 + number))
    return desk.receipts(payment)[-1].id, desk


@provokes("receipt_not_suspended")
def all_of_it_is_held(stage: Stage) -> TestResponse:
    receipt_id, _ = received(stage, 10_000)
    path = f"/api/reconciliation/unmatched/{receipt_id}/refund"
    return stage.post(path, {}, role=Role.FINANCE)


@provokes("receipt_too_small")
def more_must_come(stage: Stage) -> TestResponse:
    return say(stage, received(stage, 6_000)[0])


@provokes("payment_charged")
def it_was_paid_twice(stage: Stage) -> TestResponse:
    return say(stage, received(stage, 10_000, 10_000)[0])


@provokes("finding_resolved")
def somebody_else_was_quicker(stage: Stage) -> TestResponse:
    key = f"test:{secrets.token_hex(16)}"
    found = Found(key, "amount_differs", "thing", 1, 2, "EUR", "they differ")
    with transaction(stage.engine) as session:
        keep_findings(session, key, [found], run_id="run_1", now=NOW)
    found_id = desk_of(stage).findings()[key].id
    path = f"/api/reconciliation/findings/{found_id}"
    for word in ("It is so.", "It is otherwise."):
        answer = stage.client.patch(
            path, json={"resolution": word}, headers=stage.key_of(Role.FINANCE)
        )
    assert isinstance(answer, TestResponse)
    return answer
