"""Refunds."""

from typing import Any

from payments.database import in_transaction
from payments.refunds.create_refund import create_refund
from payments.refunds.read_refund import list_refunds, read_refund
from web.authentication import current_caller
from web.blueprint import Blueprint
from web.parts import current_parts
from web.policies import allow
from web.problems import problems
from web.references import render_answered, take_reference
from web.schemas.refunds import NewRefund, Refund, RefundList

blueprint = Blueprint("refunds", __name__, url_prefix="/api")


@blueprint.route("/payments/<id:payment_id>/refunds", methods=["POST"])
@allow("refunds.create")
@problems(
    "payment_not_refundable",
    "payment_disputed",
    "refund_exceeds_payment",
    "funds_released",
    "provider_refused",
)
@blueprint.arguments(NewRefund)
@blueprint.response(201, Refund)
def create(body: dict[str, Any], payment_id: str) -> tuple[dict[str, Any], int, dict[str, str]]:
    """Give money back to the buyer, in part or whole, never more than is left."""
    parts = current_parts()
    answered = create_refund(
        parts.engine,
        caller=current_caller(),
        reference=take_reference(body),
        payment_id=payment_id,
        amount=body["amount"],
        reason=body["reason"],
        now=parts.now(),
        providers=parts.providers,
    )
    refund, status, headers = render_answered(answered)
    return refund.as_json(), status, headers


@blueprint.route("/payments/<id:payment_id>/refunds", methods=["GET"])
@allow("refunds.read")
@blueprint.response(200, RefundList)
def list_of_payment(payment_id: str) -> dict[str, Any]:
    """List the refunds of a payment, oldest first."""
    caller = current_caller()
    refunds = in_transaction(
        current_parts().engine,
        lambda session: list_refunds(session, caller=caller, payment_id=payment_id),
    )
    return {"data": [refund.as_json() for refund in refunds], "next": None}


@blueprint.route("/refunds/<id:refund_id>", methods=["GET"])
@allow("refunds.read")
@blueprint.response(200, Refund)
def read(refund_id: str) -> dict[str, Any]:
    """Show a refund to the parties of its order, the backend and the staff."""
    caller = current_caller()
    refund = in_transaction(
        current_parts().engine,
        lambda session: read_refund(session, caller=caller, refund_id=refund_id),
    )
    return refund.as_json()
