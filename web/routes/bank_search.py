"""For whoever looks for money that was paid by bank."""

from typing import Any

from payments.access.caller import Role
from payments.bank_search.find_money import Missed, Searched, find_money
from payments.database import in_transaction
from web.authentication import current_caller
from web.blueprint import Blueprint
from web.parts import current_parts
from web.policies import allow
from web.schemas.bank_search import BankSearch, BankSearchQuery

blueprint = Blueprint("bank_search", __name__, url_prefix="/api/ops")

_READ_NAMES = frozenset({Role.FINANCE, Role.ADMIN})


@blueprint.route("/bank-search", methods=["GET"])
@allow("things.search")
@blueprint.arguments(BankSearchQuery, location="query")
@blueprint.response(200, BankSearch)
def search(query: dict[str, Any]) -> Searched:
    """Find money by what the payer knows of it; names for finance and admins, and noted."""
    parts, caller = current_parts(), current_caller()
    missed = Missed(
        reference=query.get("reference"),
        amount=query.get("amount"),
        currency=query.get("currency"),
        name=query.get("name"),
        from_day=query.get("from_"),
        to_day=query.get("to"),
    )
    return in_transaction(
        parts.engine,
        lambda session: find_money(
            session,
            missed=missed,
            cipher=parts.cipher if caller.role in _READ_NAMES else None,
            now=parts.now(),
        ),
    )
