"""Providers' signed events: verified and stored, then acknowledged; worked on later, by a job."""

from flask import request

from payments.log_lines import current_request_id
from payments.webhooks.receive_event import receive_bank_events, receive_event
from web.blueprint import Blueprint
from web.bodies import raw_body
from web.limits import counting_bad_signatures, uncounted
from web.parts import current_parts
from web.policies import public
from web.problems import problems
from web.ring_after import let_it_be
from web.schemas.status import Received

blueprint = Blueprint("webhooks", __name__, url_prefix="/api/webhooks")


@blueprint.route("/stripe", methods=["POST"])
@public("Stripe's signature over the raw bytes proves who calls")
@uncounted
@problems("invalid_signature", "rate_limited", "validation", "unavailable")
@raw_body()
@blueprint.response(200, Received)
@blueprint.described(
    parameters=[
        {
            "name": "Stripe-Signature",
            "in": "header",
            "required": True,
            "description": "`t=<seconds>,v1=<HMAC-SHA256 of the time, a dot and the body>`.",
            "schema": {"type": "string"},
        }
    ],
    requestBody={
        "required": True,
        "content": {"application/json": {"schema": {"type": "object", "required": ["id"]}}},
    },
)
def stripe() -> dict[str, bool]:
    """Take an event of Stripe's; the answer comes after it is stored durably."""
    parts = current_parts()
    with counting_bad_signatures():
        stored = receive_event(
            parts.inbox,
            provider="stripe",
            payload=request.get_data(cache=False),
            signature=request.headers.get("Stripe-Signature", ""),
            settings=parts.settings,
            secrets=parts.secrets,
            notes=parts.webhook_notes,
            cipher=parts.cipher,
            now=parts.now(),
            request_id=current_request_id(),
        )
    if not stored.asked_for_drain:
        let_it_be()
    return {"received": True, "duplicate": stored.duplicate}


@blueprint.route("/bank", methods=["POST"])
@public("The bank provider's signature proves who calls")
@uncounted
@problems("invalid_signature", "rate_limited", "validation", "unavailable")
@raw_body()
@blueprint.response(200, Received)
@blueprint.described(
    parameters=[
        {
            "name": "Tl-Signature",
            "in": "header",
            "required": False,
            "description": "TrueLayer's: a JWS (ES512) over the path, headers and body.",
            "schema": {"type": "string"},
        },
        {
            "name": "Webhook-Signature",
            "in": "header",
            "required": False,
            "description": "GoCardless': the HMAC-SHA256 of the body.",
            "schema": {"type": "string"},
        },
    ],
    requestBody={
        "required": True,
        "content": {"application/json": {"schema": {"type": "object"}}},
    },
)
def bank() -> dict[str, bool]:
    """Take a bank provider's events; the answer comes after they are stored durably."""
    parts = current_parts()
    with counting_bad_signatures():
        stored = receive_bank_events(
            parts.inbox,
            banks=parts.providers.banks,
            path=request.full_path.removesuffix("?"),  # as it was sent: TrueLayer signs it
            headers={name.lower(): value for name, value in request.headers.items()},
            payload=request.get_data(cache=False),
            notes=parts.webhook_notes,
            cipher=parts.cipher,
            now=parts.now(),
            request_id=current_request_id(),
        )
    if not stored.asked_for_drain:
        let_it_be()
    return {"received": True, "duplicate": stored.duplicate}
