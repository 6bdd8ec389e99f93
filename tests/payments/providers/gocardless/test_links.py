"""A link is made once, whatever becomes of the answers; and what is refused leaves nothing due."""

import dataclasses

import pytest

from payments.bank_settings import GoCardlessSettings
from payments.errors import ConflictError, InvalidRequestError
from payments.providers.gocardless.adapter import GoCardless
from payments.providers.outcome import OutcomeUnknownError
from payments.providers.ports import Link
from tests.payments.providers.gocardless.conftest import REQUEST
from tests.payments.providers.gocardless.gocardless_server import GoCardlessServer, Refused

REQUESTS, FLOWS = "POST /billing_requests", "POST /billing_request_flows"


def test_the_billing_request_says_what_is_due_and_whose_it_is(
    gocardless: GoCardlessServer, link: Link
) -> None:
    request = gocardless.books["billing_requests"][link.provider_ref]
    ours = {"payment_id": "pay_01K9", "order_id": "ord_01K9", "due": "11900 GBP"}
    assert request["payment_request"] == {
        "amount": 11_900,
        "currency": "GBP",
        "description": "Payment SR7K2M9QX4TB31",
        "scheme": "faster_payments",
        "metadata": ours,
    }
    assert request["metadata"] == ours


def test_the_page_knows_the_payer_and_the_way_back(
    gocardless: GoCardlessServer, link: Link
) -> None:
    [flow] = gocardless.books["billing_request_flows"].values()
    assert link.url == flow["authorisation_url"]
    assert flow["links"] == {"billing_request": link.provider_ref}
    assert flow["redirect_uri"] == flow["exit_uri"] == REQUEST.return_url
    assert flow["prefilled_customer"] == {
        "given_name": "Ada King",
        "family_name": "Lovelace",
        "email": "ada@example.com",
    }


def test_a_name_of_one_word_and_no_address_are_left_to_the_payer(
    gocardless: GoCardlessServer, adapter: GoCardless
) -> None:
    adapter.create_link(dataclasses.replace(REQUEST, payer_name="Plato", payer_email=None))
    [flow] = gocardless.books["billing_request_flows"].values()
    assert flow["prefilled_customer"] == {}


def test_euros_go_by_sepa(gocardless: GoCardlessServer, adapter: GoCardless) -> None:
    link = adapter.create_link(dataclasses.replace(REQUEST, currency="EUR"))
    due = gocardless.books["billing_requests"][link.provider_ref]["payment_request"]
    assert (due["scheme"], due["metadata"]["due"]) == ("sepa_credit_transfer", "11900 EUR")


def test_other_currencies_are_not_even_asked_for(
    gocardless: GoCardlessServer, adapter: GoCardless
) -> None:
    with pytest.raises(InvalidRequestError):
        adapter.create_link(dataclasses.replace(REQUEST, currency="USD"))
    assert gocardless.asked == []
    assert adapter.capabilities.currencies == {"EUR", "GBP"}


@pytest.mark.parametrize("lost", [REQUESTS, FLOWS])
def test_after_a_lost_answer_the_same_again_makes_nothing_twice(
    gocardless: GoCardlessServer, adapter: GoCardless, lost: str
) -> None:
    gocardless.faults[lost] = "lost_answer"
    with pytest.raises(OutcomeUnknownError):
        adapter.create_link(REQUEST)
    gocardless.faults.clear()
    link = adapter.create_link(REQUEST)
    assert [*gocardless.books["billing_requests"]] == [link.provider_ref]
    [flow] = gocardless.books["billing_request_flows"].values()
    assert flow["authorisation_url"] == link.url
    assert adapter.create_link(REQUEST) == link


def test_another_key_makes_another(gocardless: GoCardlessServer, adapter: GoCardless) -> None:
    first = adapter.create_link(REQUEST)
    second = adapter.create_link(dataclasses.replace(REQUEST, idempotency_key="call-2"))
    assert [*gocardless.books["billing_requests"]] == [first.provider_ref, second.provider_ref]


def test_each_call_is_made_once_though_the_client_would_try_thrice(
    gocardless: GoCardlessServer, adapter: GoCardless
) -> None:
    gocardless.faults[REQUESTS] = "no_line"
    with pytest.raises(OutcomeUnknownError):
        adapter.create_link(REQUEST)
    assert len(gocardless.asked) == 1


def test_a_billing_request_whose_page_was_refused_is_closed(
    gocardless: GoCardlessServer, adapter: GoCardless
) -> None:
    gocardless.faults[FLOWS] = Refused(422, "validation_failed", field="redirect_uri")
    with pytest.raises(ConflictError, match="redirect_uri"):
        adapter.create_link(REQUEST)
    [request] = gocardless.books["billing_requests"].values()
    assert request["status"] == "cancelled"


def test_an_amount_that_is_not_taken_is_the_callers_fault(
    gocardless: GoCardlessServer, adapter: GoCardless
) -> None:
    with pytest.raises(InvalidRequestError) as refusal:
        adapter.create_link(dataclasses.replace(REQUEST, amount=0))
    assert [*refusal.value.errors] == ["amount"]
    assert gocardless.books["billing_requests"] == {}


@pytest.mark.parametrize(
    "fault",
    [
        Refused(429, "invalid_api_usage", reason="rate_limit_exceeded"),
        Refused(401, "invalid_api_usage", reason="access_token_revoked"),
        Refused(500, "gocardless", reason="internal_error"),
        Refused(503, "invalid_state", reason="down_for_now"),
        Refused(418, "never_heard_of"),
        Refused(422, "invalid_state"),  # without a reason, over which the client stumbles
        (502, b"<html>12 Secret Street</html>"),
        (200, b"[]"),
        (201, b'{"billing_requests": {}}'),
        (201, b'{"billing_requests": {"id": null}}'),
        (409, b'{"error": "12 Secret Street"}'),
    ],
    ids=lambda fault: repr(fault)[:40],
)
def test_no_clear_answer_leaves_the_outcome_open(
    gocardless: GoCardlessServer, adapter: GoCardless, fault: Refused | tuple[int, bytes]
) -> None:
    gocardless.faults[REQUESTS] = fault
    with pytest.raises(OutcomeUnknownError) as unknown:
        adapter.create_link(REQUEST)
    assert "Secret Street" not in unknown.value.detail
    assert unknown.value.__cause__ is None


@pytest.mark.parametrize(
    "fault",
    [
        Refused(403, "invalid_api_usage", reason="forbidden"),
        Refused(400, "invalid_api_usage", reason="missing_field"),
        Refused(404, "invalid_api_usage", reason="resource_not_found"),
        Refused(422, "invalid_state", reason="creditor_not_active"),
        Refused(422, "validation_failed", field="description"),
    ],
    ids=lambda fault: fault.body["error"]["type"],
)
def test_a_refusal_says_by_codes_why_and_quotes_nothing(
    gocardless: GoCardlessServer, adapter: GoCardless, fault: Refused
) -> None:
    gocardless.faults[REQUESTS] = fault
    with pytest.raises(ConflictError) as refusal:
        adapter.create_link(REQUEST)
    [told] = fault.body["error"]["errors"]
    assert refusal.value.code == "provider_refused"
    assert (told.get("reason") or told["field"]) in refusal.value.detail
    assert "Secret Street" not in refusal.value.detail


def test_a_wrong_token_may_be_mended_and_is_told_to_nobody(gocardless: GoCardlessServer) -> None:
    settings = GoCardlessSettings(
        access_token="live_wrong", webhook_secrets=(), api_url=gocardless.url
    )
    with pytest.raises(OutcomeUnknownError) as unknown:
        GoCardless(settings).create_link(REQUEST)
    assert "access_token_not_found" in unknown.value.detail
    assert "live_wrong" not in unknown.value.detail + repr(settings)


def test_nobody_listening_is_no_answer() -> None:
    settings = GoCardlessSettings(
        access_token="live_any", webhook_secrets=(), api_url="http://127.0.0.1:9"
    )
    with pytest.raises(OutcomeUnknownError, match="no answer"):
        GoCardless(settings).create_link(REQUEST)
