"""For operators: stop releases at once, and let them go on when two people say so."""

from typing import Any

from payments.database import in_transaction
from payments.freezes.freeze_releases import freeze_releases
from payments.freezes.lift_freeze import lift_freeze
from payments.freezes.list_freezes import list_freezes
from payments.freezes.tables import Freeze as Row
from web.authentication import current_caller
from web.blueprint import Blueprint
from web.parts import current_parts
from web.policies import allow
from web.problems import problems
from web.references import render_answered, take_reference
from web.rehearsals import rehearsable
from web.schemas.fields import MAX_LIST
from web.schemas.freezes import Freeze, FreezeList, FreezesQuery, NewFreeze, NewLift

blueprint = Blueprint("ops_freezes", __name__, url_prefix="/api/ops")


@blueprint.route("/freeze", methods=["POST"])
@allow("releases.freeze")
@rehearsable
@problems("not_found")
@blueprint.arguments(NewFreeze)
@blueprint.response(201, Freeze)
def freeze(body: dict[str, Any]) -> tuple[Row, int, dict[str, str]]:
    """Freeze releases; once this is answered, none is posted or sent that was not before."""
    parts = current_parts()
    answered = freeze_releases(
        parts.engine,
        caller=current_caller(),
        reference=take_reference(body),
        reason=body["reason"],
        order_id=body["order_id"],
        now=parts.now(),
    )
    return render_answered(answered)


@blueprint.route("/unfreeze", methods=["POST"])
@allow("releases.unfreeze")
@rehearsable
@problems("not_found", "freeze_lifted", "second_person_needed")
@blueprint.arguments(NewLift)
@blueprint.response(202, Freeze)
def unfreeze(body: dict[str, Any]) -> tuple[Row, int, dict[str, str]]:
    """Ask to lift a freeze (202), or lift what somebody else asked to (200)."""
    parts, caller, now = current_parts(), current_caller(), current_parts().now()
    reference = take_reference(body)
    answered = in_transaction(
        parts.engine,
        lambda session: lift_freeze(
            session,
            caller=caller,
            reference=reference,
            freeze_id=body["freeze_id"],
            reason=body["reason"],
            now=now,
        ),
    )
    status = 200 if answered.resource.lifted_at is not None else 202
    return render_answered(answered, status=status)


@blueprint.route("/freezes", methods=["GET"])
@allow("releases.freeze")
@blueprint.arguments(FreezesQuery, location="query")
@blueprint.response(200, FreezeList)
def list_all(query: dict[str, Any]) -> dict[str, Any]:
    """List the freezes in force, newest first; with `lifted`, those that were lifted, too."""
    found = in_transaction(
        current_parts().engine,
        lambda session: list_freezes(session, in_force=not query["lifted"], limit=MAX_LIST),
    )
    return {"data": found, "next": None}
