"""Payouts to sellers: where they stand, and once more for those that failed."""

from typing import Any

from payments.database import in_transaction
from payments.payouts.read_payouts import list_payouts, read_payout
from payments.payouts.retry_payout import retry_payout
from web.authentication import current_caller
from web.blueprint import Blueprint
from web.parts import current_parts
from web.policies import allow
from web.problems import problems
from web.references import render_answered, take_reference
from web.rehearsals import rehearsable
from web.schemas.seller_payouts import PayoutRetry, PayoutsQuery, SellerPayout, SellerPayoutPage

blueprint = Blueprint("seller_payouts", __name__, url_prefix="/api")


@blueprint.route("/payouts", methods=["GET"])
@allow("payouts.read")
@blueprint.arguments(PayoutsQuery, location="query")
@blueprint.response(200, SellerPayoutPage)
def list_all(query: dict[str, Any]) -> dict[str, Any]:
    """List payouts, the newest first: a seller's own, or all for the backend and the staff."""
    caller = current_caller()
    page = in_transaction(
        current_parts().engine,
        lambda session: list_payouts(
            session,
            caller=caller,
            seller_id=query["seller_id"],
            status=query["status"],
            after=query.get("after"),
            limit=query["limit"],
        ),
    )
    return {"data": [payout.as_json() for payout in page.data], "next": page.next}


@blueprint.route("/payouts/<id:payout_id>", methods=["GET"])
@allow("payouts.read")
@blueprint.response(200, SellerPayout)
def read(payout_id: str) -> dict[str, Any]:
    """Show a payout to its seller, the backend and the staff."""
    caller = current_caller()
    payout = in_transaction(
        current_parts().engine,
        lambda session: read_payout(session, caller=caller, payout_id=payout_id),
    )
    return payout.as_json()


@blueprint.route("/payouts/<id:payout_id>/retry", methods=["POST"])
@allow("payouts.retry")
@rehearsable
@problems("payout_not_failed", "provider_cannot_pay_out", "payout_not_owed")
@blueprint.arguments(PayoutRetry)
@blueprint.response(202, SellerPayout)
def retry(body: dict[str, Any], payout_id: str) -> tuple[dict[str, Any], int, dict[str, str]]:
    """Have a failed payout made again, to the destination that is in force by then."""
    parts, caller, now = current_parts(), current_caller(), current_parts().now()
    reference = take_reference(body)
    answered = in_transaction(
        parts.engine,
        lambda session: retry_payout(
            session, caller=caller, reference=reference, payout_id=payout_id, now=now
        ),
    )
    payout, status, headers = render_answered(answered, status=202)
    return payout.as_json(), status, headers
