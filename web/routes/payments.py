"""Payments."""

import datetime as dt
from typing import Any

from payments import timeline as use_case
from payments.database import in_transaction
from payments.idempotency import Answered
from payments.intake import read_declines as use_case_of_declines
from payments.intake.cancel_payment import cancel_payment
from payments.intake.capture_payment import capture_payment
from payments.intake.confirm_payment import confirm_payment
from payments.intake.create_bank_link import create_bank_link
from payments.intake.create_checkout import create_checkout
from payments.intake.create_intent import create_intent
from payments.intake.read_payment import list_payments, read_payment
from payments.lifecycle.view import PaymentView, rfc_3339
from web.authentication import current_caller
from web.blueprint import Blueprint
from web.parts import current_parts
from web.policies import allow
from web.problems import problems
from web.references import render_answered, take_reference
from web.schemas.declines import Declines
from web.schemas.payments import (
    Cancellation,
    Capture,
    Confirmation,
    CreatedBankLink,
    CreatedCheckout,
    CreatedIntent,
    NewBankLink,
    NewCheckout,
    NewIntent,
    Payment,
    PaymentPage,
    PaymentQuery,
)
from web.schemas.timeline import Timeline

_Answer = tuple[dict[str, Any], int, dict[str, str]]

blueprint = Blueprint("payments", __name__, url_prefix="/api/payments")


@blueprint.route("/intents", methods=["POST"])
@allow("payments.create")
@problems(
    "not_found",
    "order_not_open",
    "payment_in_progress",
    "currency_not_supported",
    "provider_refused",
)
@blueprint.arguments(NewIntent)
@blueprint.response(201, CreatedIntent)
def start(body: dict[str, Any]) -> _Answer:
    """Start a card payment of an order; the browser confirms it with Stripe."""
    parts = current_parts()
    answered = create_intent(
        parts.engine,
        caller=current_caller(),
        reference=take_reference(body),
        order_id=body["order_id"],
        capture=body["capture"],
        now=parts.now(),
        cipher=parts.cipher,
        stripe=parts.providers.stripe,
    )
    created, status, headers = render_answered(answered)
    secrets = {
        "client_secret": created.client_secret,
        "publishable_key": parts.settings.stripe_publishable_key,
    }
    return created.payment.as_event() | secrets, status, headers


@blueprint.route("/stripe/checkout-session", methods=["POST"])
@allow("payments.create")
@problems(
    "not_found",
    "order_not_open",
    "payment_in_progress",
    "currency_not_supported",
    "provider_refused",
)
@blueprint.arguments(NewCheckout)
@blueprint.response(201, CreatedCheckout)
def start_checkout(body: dict[str, Any]) -> _Answer:
    """Start a card payment of an order on Stripe's hosted page."""
    parts = current_parts()
    answered = create_checkout(
        parts.engine,
        caller=current_caller(),
        reference=take_reference(body),
        order_id=body["order_id"],
        success_url=body["success_url"],
        cancel_url=body["cancel_url"],
        trusted_origins=parts.settings.trusted_origins,
        now=parts.now(),
        cipher=parts.cipher,
        stripe=parts.providers.stripe,
    )
    created, status, headers = render_answered(answered)
    page = {"checkout_session_id": created.session_ref, "url": created.url}
    return created.payment.as_event() | page, status, headers


@blueprint.route("/bank/link", methods=["POST"])
@allow("payments.create")
@problems(
    "not_found",
    "order_not_open",
    "payment_in_progress",
    "currency_not_supported",
    "provider_refused",
)
@blueprint.arguments(NewBankLink)
@blueprint.response(201, CreatedBankLink)
def start_by_bank(body: dict[str, Any]) -> _Answer:
    """Start a bank payment of an order; `link_url` leads its payer to their bank."""
    parts = current_parts()
    answered = create_bank_link(
        parts.engine,
        caller=current_caller(),
        reference=take_reference(body),
        order_id=body["order_id"],
        return_url=body["return_url"],
        trusted_origins=parts.settings.trusted_origins,
        open_for=dt.timedelta(hours=parts.settings.bank_link_open_h),
        now=parts.now(),
        cipher=parts.cipher,
        providers=parts.providers,
    )
    created, status, headers = render_answered(answered)
    link = {
        "link_url": created.url,
        "bank_reference": created.bank_reference,
        "expires_at": rfc_3339(created.expires_at),
    }
    return created.payment.as_event() | link, status, headers


@blueprint.route("", methods=["GET"])
@allow("payments.read")
@blueprint.arguments(PaymentQuery, location="query")
@blueprint.response(200, PaymentPage)
def list_page(query: dict[str, Any]) -> dict[str, Any]:
    """List payments, newest first; buyers and sellers see their own."""
    caller = current_caller()
    page = in_transaction(
        current_parts().engine, lambda session: list_payments(session, caller=caller, **query)
    )
    return {"data": [payment.as_event() for payment in page.data], "next": page.next}


@blueprint.route("/<id:payment_id>", methods=["GET"])
@allow("payments.read")
@blueprint.response(200, Payment)
def read(payment_id: str) -> dict[str, Any]:
    """Show a payment to the parties of its order, the backend and the staff."""
    caller = current_caller()
    payment = in_transaction(
        current_parts().engine,
        lambda session: read_payment(session, caller=caller, payment_id=payment_id),
    )
    return payment.as_event()


@blueprint.route("/<id:payment_id>/timeline", methods=["GET"])
@allow("payments.read")
@blueprint.response(200, Timeline)
def timeline(payment_id: str) -> use_case.Timeline:
    """Show everything that happened to a payment; the backend and staff see our calls, too."""
    caller = current_caller()
    return in_transaction(
        current_parts().engine,
        lambda session: use_case.read_timeline(session, caller=caller, payment_id=payment_id),
    )


@blueprint.route("/<id:payment_id>/declines", methods=["GET"])
@allow("payments.explain")
@blueprint.response(200, Declines)
def declines(payment_id: str) -> use_case_of_declines.Declines:
    """Show each failed attempt: what the payer saw, what it means, and what to tell them."""
    caller = current_caller()
    return in_transaction(
        current_parts().engine,
        lambda session: use_case_of_declines.read_declines(
            session, caller=caller, payment_id=payment_id
        ),
    )


@blueprint.route("/<id:payment_id>/confirm", methods=["POST"])
@allow("payments.confirm")
@problems(
    "card_declined",
    "payment_not_confirmable",
    "payment_in_progress",
    "order_not_open",
    "provider_refused",
)
@blueprint.arguments(Confirmation)
@blueprint.response(200, Payment)
def confirm(body: dict[str, Any], payment_id: str) -> _Answer:
    """Pay with a card; the answer may hold a `next_action` for the payer."""
    parts = current_parts()
    answered = confirm_payment(
        parts.engine,
        caller=current_caller(),
        reference=take_reference(body),
        payment_id=payment_id,
        payment_method=body["payment_method"],
        return_url=body["return_url"],
        trusted_origins=parts.settings.trusted_origins,
        now=parts.now(),
        stripe=parts.providers.stripe,
    )
    return _render(answered)


@blueprint.route("/<id:payment_id>/cancel", methods=["POST"])
@allow("payments.cancel")
@problems("payment_not_cancelable", "provider_refused")
@blueprint.arguments(Cancellation)
@blueprint.response(200, Payment)
def cancel(body: dict[str, Any], payment_id: str) -> _Answer:
    """Give a payment up before its money was taken."""
    parts = current_parts()
    answered = cancel_payment(
        parts.engine,
        caller=current_caller(),
        reference=take_reference(body),
        payment_id=payment_id,
        reason=body["reason"],
        now=parts.now(),
        providers=parts.providers,
    )
    return _render(answered)


@blueprint.route("/<id:payment_id>/capture", methods=["POST"])
@allow("payments.capture")
@problems("payment_not_capturable", "amount_too_large", "provider_refused")
@blueprint.arguments(Capture)
@blueprint.response(200, Payment)
def capture(body: dict[str, Any], payment_id: str) -> _Answer:
    """Take what is reserved on the card, in part or whole; the rest is given back."""
    parts = current_parts()
    answered = capture_payment(
        parts.engine,
        caller=current_caller(),
        reference=take_reference(body),
        payment_id=payment_id,
        amount=body["amount"],
        now=parts.now(),
        stripe=parts.providers.stripe,
    )
    return _render(answered)


def _render(answered: Answered[PaymentView]) -> _Answer:
    payment, status, headers = render_answered(answered, status=200)
    return payment.as_event(), status, headers
