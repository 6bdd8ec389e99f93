"""Which account of an accounting package stands for which of ours."""

from typing import Any

from sqlalchemy.orm import Session

from payments.database import in_transaction
from payments.errors import InvalidRequestError
from payments.reports.mappings.packages import Target
from payments.reports.mappings.read_mappings import read_mappings, unmapped_accounts
from payments.reports.mappings.set_mappings import replace_mappings
from web.authentication import current_caller
from web.blueprint import Blueprint
from web.parts import current_parts
from web.policies import allow
from web.schemas.mappings import Mappings, NewMappings

blueprint = Blueprint("mappings", __name__, url_prefix="/api/ledger/mappings")


@blueprint.route("/<package:package>", methods=["GET"])
@allow("ledger.read")
@blueprint.response(200, Mappings)
def show(package: str) -> dict[str, Any]:
    """Show a package's mappings, and which of our accounts still lack one."""
    return in_transaction(current_parts().engine, lambda session: _shown(session, package))


@blueprint.route("/<package:package>", methods=["PUT"])
@allow("mappings.edit")
@blueprint.arguments(NewMappings)
@blueprint.response(200, Mappings)
def replace(body: dict[str, Any], package: str) -> dict[str, Any]:
    """Replace a package's mappings as a whole."""
    parts, caller, now = current_parts(), current_caller(), current_parts().now()
    targets = {one["account"]: Target(one["code"], one["tax_code"]) for one in body["data"]}
    if len(targets) < len(body["data"]):
        raise InvalidRequestError(
            "An account is mapped twice.", errors={"data": ["Name each account once."]}
        )

    def work(session: Session) -> dict[str, Any]:
        replace_mappings(session, package, targets, caller=caller, now=now)
        return _shown(session, package)

    return in_transaction(parts.engine, work)


def _shown(session: Session, package: str) -> dict[str, Any]:
    now = current_parts().now()
    return {
        "package": package,
        "data": read_mappings(session, package),
        "unmapped": unmapped_accounts(session.connection(), package, now=now),
    }
