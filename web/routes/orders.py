"""Orders."""

from typing import Any

from payments.database import in_transaction
from payments.orders.create_order import create_order
from payments.orders.read_order import read_order
from payments.orders.view import OrderView
from web.authentication import current_caller
from web.blueprint import Blueprint
from web.parts import current_parts
from web.policies import allow
from web.references import render_answered, take_reference
from web.schemas.orders import NewOrder, Order

blueprint = Blueprint("orders", __name__, url_prefix="/api/orders")


@blueprint.route("", methods=["POST"])
@allow("orders.create")
@blueprint.arguments(NewOrder)
@blueprint.response(201, Order)
def create(body: dict[str, Any]) -> tuple[OrderView, int, dict[str, str]]:
    """Place an order: what is paid, held and released later comes from it."""
    parts, caller, now = current_parts(), current_caller(), current_parts().now()
    details = body | {"reference": take_reference(body)}
    answered = in_transaction(
        parts.engine,
        lambda session: create_order(session, caller=caller, now=now, **details),
    )
    return render_answered(answered)


@blueprint.route("/<id:order_id>", methods=["GET"])
@allow("orders.read")
@blueprint.response(200, Order)
def read(order_id: str) -> OrderView:
    """Show an order to its buyer, its seller, the backend and the staff."""
    parts, caller = current_parts(), current_caller()
    return in_transaction(
        parts.engine, lambda session: read_order(session, caller=caller, order_id=order_id)
    )
