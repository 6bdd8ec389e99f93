"""For whoever suspects that something was done twice."""

from typing import Any

from payments.database import in_transaction
from payments.duplicates.order_balances import OrderBalances as Balances
from payments.duplicates.order_balances import read_order_balances
from payments.duplicates.report import DuplicatesReport as Report
from payments.duplicates.report import report_duplicates
from web.blueprint import Blueprint
from web.parts import current_parts
from web.policies import allow
from web.problems import problems
from web.schemas.duplicates import DuplicatesQuery, DuplicatesReport, OrderBalances

blueprint = Blueprint("duplicates", __name__, url_prefix="/api/ops")


@blueprint.route("/duplicates", methods=["GET"])
@allow("things.search")
@problems("not_found")
@blueprint.arguments(DuplicatesQuery, location="query")
@blueprint.response(200, DuplicatesReport)
def report(query: dict[str, Any]) -> Report:
    """Show references, events, operations and movements that were seen twice, each judged."""
    parts = current_parts()
    return in_transaction(
        parts.engine,
        lambda session: report_duplicates(
            session,
            since=query.get("since"),
            order_id=query.get("order_id"),
            now=parts.now(),
        ),
    )


@blueprint.route("/orders/<id:order_id>/balances", methods=["GET"])
@allow("things.search")
@blueprint.response(200, OrderBalances)
def balances(order_id: str) -> Balances:
    """Show what came in, went out and is held for an order, beside what others say of it."""
    return in_transaction(
        current_parts().engine, lambda session: read_order_balances(session, order_id)
    )
