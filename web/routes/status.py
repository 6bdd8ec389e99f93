"""What anybody may know about how we are doing."""

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
def show() -> dict[str, object]:
    """Tell how the parts that customers notice are doing."""
    components = {
        _COMPONENTS[part]: "operational" if state == "ok" else "outage"
        for part, state in look_at_parts(current_parts()).items()
    }
    well = all(state == "operational" for state in components.values())
    return {
        "status": "operational" if well else "degraded",
        "banner": None if well else "Some functions are unavailable at the moment.",
        "components": components,
    }
