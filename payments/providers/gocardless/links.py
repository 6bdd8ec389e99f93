"""Instant bank payments: a billing request for what is due, and a page on which to authorise it.

Two calls, each under a key of its own that follows from ours, so that repeating both after a crash
makes neither twice: https://developer.gocardless.com/billing-requests/overview
"""

import contextlib
from typing import Any

from gocardless_pro.errors import IdempotentCreationConflictError

from payments.errors import ConflictError, InvalidRequestError, StrongroomError
from payments.providers.gocardless import metadata
from payments.providers.gocardless.answers import as_documented, text
from payments.providers.gocardless.client import Wire, under
from payments.providers.gocardless.metadata import Due
from payments.providers.gocardless.named_errors import named_errors
from payments.providers.ports import Link, LinkRequest

SCHEMES = {"GBP": "faster_payments", "EUR": "sepa_credit_transfer"}
"""Open banking, by currency; without one the page could offer other ways to pay.

Source: `payment_request` of https://developer.gocardless.com/api-reference/#core-endpoints-billing-requests
"""


def create_link(wire: Wire, request: LinkRequest) -> Link:
    """Make a billing request and a page for it; `provider_ref` is the billing request (`BRQ…`).

    The payment itself (`PM…`) comes into being only when the payer has authorised it. The page
    is there for seven days at most.

    Raises:
        ConflictError, InvalidRequestError: refused; there is nothing to be paid.
        OutcomeUnknownError: no clear answer.
    """
    if request.currency not in SCHEMES:
        fault = {"currency": ["GoCardless takes instant payments in EUR and GBP."]}
        raise InvalidRequestError("The order cannot be paid by bank.", errors=fault)
    key = request.idempotency_key
    with named_errors():
        made = wire.billing_requests.create(params=_due(request), **under(f"{key}:request"))
    with as_documented():
        provider_ref = text(made.attributes["id"])
    try:
        return Link(provider_ref, _page(wire, request, provider_ref))
    except (ConflictError, InvalidRequestError):
        with contextlib.suppress(StrongroomError), named_errors():  # nobody could ever pay it
            wire.billing_requests.cancel(provider_ref, **under(f"{key}:undo"))
        raise


def _due(request: LinkRequest) -> dict[str, Any]:
    """Return the billing request; no `reference`, which GoCardless takes for other schemes only."""
    ours = metadata.of_payment(
        payment_id=request.payment_id,
        order_id=request.order_id,
        due=Due(request.amount, request.currency),
    )
    return {
        "payment_request": {
            "amount": request.amount,
            "currency": request.currency,
            "description": f"Payment {request.bank_reference}",
            "scheme": SCHEMES[request.currency],
            "metadata": ours,
        },
        "metadata": ours,
    }


def _page(wire: Wire, request: LinkRequest, provider_ref: str) -> str:
    params = {
        "redirect_uri": request.return_url,
        "exit_uri": request.return_url,
        "prefilled_customer": _payer(request),
        "links": {"billing_request": provider_ref},
    }
    key = under(f"{request.idempotency_key}:page")
    flows = wire.billing_request_flows
    with named_errors():
        try:
            flow = flows.create(params=params, **key)
        except IdempotentCreationConflictError as made_before:
            # There is no way to fetch a flow; beginning it anew shows it.
            flow = flows.initialise(made_before.conflicting_resource_id, **key)
    with as_documented():
        return text(flow.attributes["authorisation_url"])


def _payer(request: LinkRequest) -> dict[str, str]:
    """Return what the page is filled in with; the payer may change all of it."""
    given, _, family = request.payer_name.strip().rpartition(" ")
    payer = {"given_name": given, "family_name": family} if given else {}
    if request.payer_email is not None:
        payer["email"] = request.payer_email
    return payer
