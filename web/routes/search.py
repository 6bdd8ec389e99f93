"""Search by anything, for the staff."""

from dataclasses import asdict
from typing import Any

from payments.database import in_transaction
from payments.search.find import find
from web.authentication import current_caller
from web.blueprint import Blueprint
from web.console_links import link_to
from web.parts import current_parts
from web.policies import POLICIES, allow
from web.schemas.search import SearchQuery, SearchResults

blueprint = Blueprint("search", __name__, url_prefix="/api/ops")


@blueprint.route("/search", methods=["GET"])
@allow("things.search")
@blueprint.arguments(SearchQuery, location="query")
@blueprint.response(200, SearchResults)
def search(query: dict[str, Any]) -> dict[str, Any]:
    """Find a thing by whatever is known of it; people by e-mail only, and by who may see them."""
    parts, caller = current_parts(), current_caller()
    findings = in_transaction(
        parts.engine,
        lambda session: find(
            session,
            text=query["q"],
            cipher=parts.cipher,
            people=caller.role in POLICIES["parties.find"],
        ),
    )
    return {
        "data": [asdict(found) | {"link": link_to(found)} for found in findings.items],
        "unsearched": findings.unsearched,
    }
