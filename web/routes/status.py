"""What anybody may know about how we are doing."""

from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from payments.database import in_transaction
from payments.incidents.public_status import incidents_told, status_of
from web.blueprint import Blueprint
from web.parts import current_parts
from web.policies import public
from web.routes.health import look_at_parts
from web.schemas.status import Status

blueprint = Blueprint("status", __name__, url_prefix="/api/status")

_COMPONENTS = {"postgresql": "payments", "redis": "live_updates"}


@blueprint.route("", methods=["GET"])
@public("A status page is for everybody")
@blueprint.response(200, Status)
def show() -> dict[str, Any]:
    """Tell how the parts that customers notice are doing, and what is said of incidents."""
    parts = current_parts()
    checks = look_at_parts(parts)
    away = [_COMPONENTS[part] for part, state in checks.items() if state != "ok"]
    try:
        return in_transaction(
            parts.engine, lambda session: status_of(incidents_told(session), out_of_order=away)
        )
    except SQLAlchemyError:  # which is what `payments` tells
        return status_of([], out_of_order=[*away, "payments"])
