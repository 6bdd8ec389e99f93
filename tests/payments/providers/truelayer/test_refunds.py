"""Refunds are made once for a key, found again by our id, and take their time."""

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest

from payments.errors import ConflictError
from payments.providers.facts import RefundReported, RefundStatus
from payments.providers.outcome import OutcomeUnknownError
from payments.providers.ports import RefundRequest
from payments.providers.truelayer.adapter import TrueLayer
from tests.payments.providers.truelayer.scripted_server import Say, ScriptedServer, problem

REQUEST = RefundRequest(
    refund_id="rfd_1",
    payment_id="pay_1",
    provider_ref="tl-1",
    amount=500,
    currency="EUR",
    reason="duplicate",
    reference="SRABCDEFGHJK12",
    idempotency_key="rfd_1:refund",
)
PLACE, REFUND = "/v3/payments/tl-1/refunds", "/v3/payments/tl-1/refunds/tlr-1"
OURS = {
    "refund_id": "rfd_1",
    "payment_id": "pay_1",
    "amount_in_minor": "500",
    "currency": "EUR",
}
MADE_AT, DONE_AT = "2026-11-22T12:00:00Z", "2026-11-22T12:00:05Z"
MADE, DONE = (dt.datetime(2026, 11, 22, 12, 0, s, tzinfo=dt.UTC) for s in (0, 5))


def shown(status: str, **more: Any) -> dict[str, Any]:
    return {
        "id": "tlr-1",
        "amount_in_minor": 500,
        "currency": "EUR",
        "reference": "SRABCDEFGHJK12",
        "status": status,
        "created_at": MADE_AT,
        "metadata": OURS,
        **more,
    }


REPORTED = RefundReported(
    provider="truelayer",
    provider_ref="tl-1",
    payment_id="pay_1",
    occurred_at=MADE,
    refund_ref="tlr-1",
    refund_id="rfd_1",
    amount=500,
    currency="EUR",
    status=RefundStatus.PENDING,
)


def test_a_refund_is_made_and_looked_at(truelayer: TrueLayer, server: ScriptedServer) -> None:
    server.says("POST", PLACE, Say(202, {"id": "tlr-1"}))
    server.says("GET", REFUND, Say(content=shown("pending")))
    assert truelayer.create_refund(REQUEST) == REPORTED
    [call] = server.calls("POST", PLACE)
    assert call.headers["Idempotency-Key"] == "rfd_1:refund"
    assert call.content == {
        "amount_in_minor": 500,
        "reference": "SRABCDEFGHJK12",
        "metadata": OURS,
    }


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (shown("authorized"), REPORTED),
        (
            shown("executed", executed_at=DONE_AT),
            replace(REPORTED, status=RefundStatus.SUCCEEDED, occurred_at=DONE),
        ),
        (
            shown("failed", failed_at=DONE_AT, executed_at=MADE_AT, failure_reason="returned"),
            replace(
                REPORTED, status=RefundStatus.FAILED, occurred_at=DONE, failure_code="returned"
            ),
        ),
    ],
)
def test_a_refund_is_found_by_our_id(
    truelayer: TrueLayer, server: ScriptedServer, found: Any, expected: RefundReported
) -> None:
    others = [shown("failed", id="tlr-0", metadata={}), shown("executed", metadata=None)]
    server.says("GET", PLACE, Say(content={"items": [*others, found]}))
    assert truelayer.find_refund(REQUEST) == expected


def test_there_may_be_none(truelayer: TrueLayer, server: ScriptedServer) -> None:
    server.says("GET", PLACE, Say(content={"items": []}))
    assert truelayer.find_refund(REQUEST) is None


def test_a_refusal_means_that_nothing_went_back(
    truelayer: TrueLayer, server: ScriptedServer
) -> None:
    server.says("POST", PLACE, problem(400, "invalid-state"))
    with pytest.raises(ConflictError):
        truelayer.create_refund(REQUEST)


@pytest.mark.parametrize(
    "look", [problem(404, "not-found"), Say(hang_up=True), Say(content=shown("strange"))]
)
def test_once_made_nothing_is_a_refusal(
    truelayer: TrueLayer, server: ScriptedServer, look: Say
) -> None:
    server.says("POST", PLACE, Say(202, {"id": "tlr-1"}))
    server.says("GET", REFUND, look)
    with pytest.raises(OutcomeUnknownError):
        truelayer.create_refund(REQUEST)


@pytest.mark.parametrize("content", [{}, {"items": None}, {"items": [shown("failed", id=None)]}])
def test_an_unreadable_list_is_not_taken_for_an_empty_one(
    truelayer: TrueLayer, server: ScriptedServer, content: Any
) -> None:
    server.says("GET", PLACE, Say(content=content))
    with pytest.raises(OutcomeUnknownError):
        truelayer.find_refund(REQUEST)
