"""A link is a payment at TrueLayer and its page; asking and cancelling say where it stands."""

import datetime as dt
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from payments.errors import ConflictError
from payments.providers.facts import (
    ActionRequired,
    Canceled,
    MoneyReceived,
    PaymentFailed,
    Processing,
)
from payments.providers.outcome import OutcomeUnknownError, UnexpectedStateError
from payments.providers.ports import Capabilities, Link, LinkRequest
from payments.providers.truelayer.adapter import TrueLayer
from tests.payments.providers.truelayer.scripted_server import Say, ScriptedServer, problem

SEEN_AT = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)
TOLD_AT = "2026-11-22T11:59:58.123456Z"
AT = dt.datetime(2026, 11, 22, 11, 59, 58, 123456, tzinfo=dt.UTC)
OURS = {"payment_id": "pay_1", "order_id": "ord_1", "amount_in_minor": "1999", "currency": "EUR"}
CREATED = Say(201, {"id": "tl-1", "resource_token": "tok.en", "status": "authorization_required"})
PLACE, PAYMENT, CANCEL = "/v3/payments", "/v3/payments/tl-1", "/v3/payments/tl-1/actions/cancel"


def request(**changed: Any) -> LinkRequest:
    asked: dict[str, Any] = {
        "payment_id": "pay_1",
        "order_id": "ord_1",
        "amount": 1999,
        "currency": "EUR",
        "bank_reference": "SRABCDEFGHJK12",
        "payer_id": "usr_1",
        "payer_name": "Ada Payer",
        "payer_email": "ada@example.org",
        "return_url": "https://shop.example/back?order=1&x=y#z",
        "expires_at": SEEN_AT,
        "idempotency_key": "pay_1:link",
    }
    return LinkRequest(**{**asked, **changed})


def shown(status: str, **more: Any) -> Say:
    payment = {"id": "tl-1", "amount_in_minor": 1999, "currency": "EUR", "metadata": OURS}
    return Say(content={**payment, "created_at": TOLD_AT, "status": status, **more})


def test_it_can_do_what_its_accounts_can(truelayer: TrueLayer) -> None:
    able = Capabilities(frozenset({"EUR", "GBP"}), cancels=True, lists_transactions=True)
    assert (truelayer.name, truelayer.capabilities) == ("truelayer", able)


def test_a_link_is_a_payment_and_the_page_to_pay_it_on(
    truelayer: TrueLayer, server: ScriptedServer
) -> None:
    server.says("POST", PLACE, CREATED)
    link = truelayer.create_link(request())
    [call] = server.calls("POST", PLACE)
    assert call.headers["Idempotency-Key"] == "pay_1:link"
    user = call.content["user"]
    assert call.content == {
        "amount_in_minor": 1999,
        "currency": "EUR",
        "payment_method": {
            "type": "bank_transfer",
            "provider_selection": {"type": "user_selected"},
            "beneficiary": {
                "type": "merchant_account",
                "merchant_account_id": "acc-eur",
                "reference": "SRABCDEFGHJK12",
            },
        },
        "user": {"id": user["id"], "name": "Ada Payer", "email": "ada@example.org"},
        "metadata": OURS,
    }
    page = urlsplit(link.url)
    assert (link.provider_ref, page.netloc, page.path) == (
        "tl-1",
        "payment.example",
        "/payments",
    )
    assert parse_qs(page.fragment) == {
        "payment_id": ["tl-1"],
        "resource_token": ["tok.en"],
        "return_uri": ["https://shop.example/back?order=1&x=y#z"],
    }


def test_the_same_request_is_the_same_to_the_byte(
    truelayer: TrueLayer, server: ScriptedServer
) -> None:
    server.says("POST", PLACE, CREATED)
    truelayer.create_link(request())
    truelayer.create_link(request())
    one, two = server.calls("POST", PLACE)
    assert one.body == two.body


def test_a_payer_without_an_e_mail_address_is_not_sent_on(
    truelayer: TrueLayer, server: ScriptedServer
) -> None:
    with pytest.raises(ConflictError, match="e-mail address"):
        truelayer.create_link(request(payer_email=None))
    assert server.calls("POST", PLACE) == []


def test_the_account_is_the_one_of_the_currency(
    truelayer: TrueLayer, server: ScriptedServer
) -> None:
    server.says("POST", PLACE, CREATED)
    truelayer.create_link(request(currency="GBP"))
    [call] = server.calls("POST", PLACE)
    assert call.content["payment_method"]["beneficiary"]["merchant_account_id"] == "acc-gbp"
    with pytest.raises(ConflictError) as caught:
        truelayer.create_link(request(currency="USD"))
    assert caught.value.code == "currency_not_supported"


def test_a_payment_that_fails_at_once_has_no_link(
    truelayer: TrueLayer, server: ScriptedServer
) -> None:
    failed = {"id": "tl-1", "resource_token": "t", "status": "failed", "failure_reason": "blocked"}
    server.says("POST", PLACE, Say(201, failed))
    with pytest.raises(ConflictError):
        truelayer.create_link(request())


@pytest.mark.parametrize("content", [{}, {"id": "tl-1"}, {"id": 1, "resource_token": "t"}])
def test_an_unreadable_answer_leaves_it_open(
    truelayer: TrueLayer, server: ScriptedServer, content: Any
) -> None:
    server.says("POST", PLACE, Say(201, content))
    with pytest.raises(OutcomeUnknownError):
        truelayer.create_link(request())


def test_after_a_lost_answer_the_same_key_gives_the_link(
    truelayer: TrueLayer, server: ScriptedServer
) -> None:
    server.says("POST", PLACE, Say(hang_up=True), CREATED)
    with pytest.raises(OutcomeUnknownError):
        truelayer.create_link(request())
    assert isinstance(truelayer.create_link(request()), Link)
    one, two = server.calls("POST", PLACE)
    assert (one.body, one.headers["Idempotency-Key"]) == (
        two.body,
        two.headers["Idempotency-Key"],
    )


# ---- where it stands -----------------------------------------------------------------------------


def which(at: dt.datetime, status: str) -> dict[str, Any]:
    return {
        "provider": "truelayer",
        "provider_ref": "tl-1",
        "payment_id": "pay_1",
        "occurred_at": at,
        "provider_status": status,
    }


@pytest.mark.parametrize("status", ["authorization_required", "authorizing", "attempt_failed"])
def test_the_payer_has_something_to_do(
    truelayer: TrueLayer, server: ScriptedServer, status: str
) -> None:
    server.says("GET", PAYMENT, shown(status))
    facts = truelayer.get_status("tl-1", seen_at=SEEN_AT)
    assert facts == [ActionRequired(**which(SEEN_AT, status))]


@pytest.mark.parametrize("status", ["authorized", "executed"])
def test_money_under_way_is_not_there(
    truelayer: TrueLayer, server: ScriptedServer, status: str
) -> None:
    server.says("GET", PAYMENT, shown(status), shown(status, **{f"{status}_at": TOLD_AT}))
    told = [truelayer.get_status("tl-1", seen_at=SEEN_AT) for _ in range(2)]
    assert told == [[Processing(**which(SEEN_AT, status))], [Processing(**which(AT, status))]]


def test_settled_money_is_there(truelayer: TrueLayer, server: ScriptedServer) -> None:
    server.says("GET", PAYMENT, shown("settled", executed_at="x", settled_at=TOLD_AT))
    received = MoneyReceived(
        **which(AT, "settled"),
        source="truelayer",
        receipt_ref="tl-1",
        amount=1999,
        currency="EUR",
    )
    assert truelayer.get_status("tl-1", seen_at=SEEN_AT) == [received]


def test_a_failed_payment_says_why(truelayer: TrueLayer, server: ScriptedServer) -> None:
    server.says(
        "GET", PAYMENT, shown("failed", failed_at=TOLD_AT, failure_reason="insufficient_funds")
    )
    [fact] = truelayer.get_status("tl-1", seen_at=SEEN_AT)
    assert isinstance(fact, PaymentFailed)
    assert (fact.occurred_at, fact.takes_back, fact.failure.code) == (AT, False, "bank_declined")


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount_in_minor": "1999"},
        {"amount_in_minor": True},
        {"amount_in_minor": 0},
        {"id": None},
        {"status": "new_status"},
        {"status": "settled", "settled_at": "2026-11-22T12:00:00"},
        {"currency": 978},
    ],
)
def test_what_is_not_documented_is_not_guessed(
    truelayer: TrueLayer, server: ScriptedServer, wrong: dict[str, Any]
) -> None:
    server.says("GET", PAYMENT, shown(**{"status": "executed", **wrong}))
    with pytest.raises(OutcomeUnknownError):
        truelayer.get_status("tl-1", seen_at=SEEN_AT)


def test_a_payment_it_does_not_know(truelayer: TrueLayer) -> None:
    with pytest.raises(ConflictError):
        truelayer.get_status("tl-1", seen_at=SEEN_AT)


# ---- cancelling ----------------------------------------------------------------------------------


def cancel(truelayer: TrueLayer) -> Any:
    return truelayer.cancel("tl-1", idempotency_key="pay_1:cancel", seen_at=SEEN_AT)


def test_cancelling_is_asked_once_for_a_key_and_seen(
    truelayer: TrueLayer, server: ScriptedServer
) -> None:
    server.says("POST", CANCEL, Say(202, b""))
    server.says("GET", PAYMENT, shown("failed", failed_at=TOLD_AT, failure_reason="canceled"))
    assert cancel(truelayer) == [Canceled(**which(SEEN_AT, "failed"))]
    [call] = server.calls("POST", CANCEL)
    assert call.headers["Idempotency-Key"] == "pay_1:cancel"


def test_one_that_failed_before_is_as_good_as_canceled(
    truelayer: TrueLayer, server: ScriptedServer
) -> None:
    server.says("POST", CANCEL, problem(400, "invalid-state"))
    server.says("GET", PAYMENT, shown("failed", failed_at=TOLD_AT, failure_reason="expired"))
    assert cancel(truelayer) == [Canceled(**which(SEEN_AT, "failed"))]


@pytest.mark.parametrize("status", ["authorized", "executed", "settled"])
def test_it_is_too_late_once_the_payer_has_approved(
    truelayer: TrueLayer, server: ScriptedServer, status: str
) -> None:
    server.says("POST", CANCEL, problem(400, "invalid-state"), Say(202, b""))
    server.says("GET", PAYMENT, shown(status))
    for _ in range(2):
        with pytest.raises(UnexpectedStateError):
            cancel(truelayer)


def test_cancelling_that_is_not_done_yet_is_left_open(
    truelayer: TrueLayer, server: ScriptedServer
) -> None:
    server.says("POST", CANCEL, Say(202, b""))
    server.says("GET", PAYMENT, shown("authorizing"))
    with pytest.raises(OutcomeUnknownError):
        cancel(truelayer)
    server.says("POST", CANCEL, Say(hang_up=True))
    with pytest.raises(OutcomeUnknownError):
        cancel(truelayer)
