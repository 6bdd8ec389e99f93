"""For operators: see a restored database through, from its beginning until money moves again."""

from typing import Any

from sqlalchemy.orm import Session

from payments.database import in_transaction
from payments.log_lines import current_request_id
from payments.restores.begin_restore import begin_restore
from payments.restores.finish_restore import finish_restore
from payments.restores.read_restores import (
    list_findings,
    list_restores,
    read_restore,
    read_standing,
)
from payments.restores.request_look import request_look
from payments.restores.settle_finding import settle_finding
from payments.restores.tables import Restore as Row
from payments.restores.tables import RestoreFinding as FindingRow
from web.authentication import current_caller
from web.blueprint import Blueprint
from web.parts import current_parts
from web.policies import allow
from web.problems import problems
from web.references import render_answered, take_reference
from web.rehearsals import rehearsable
from web.schemas.fields import MAX_LIST
from web.schemas.restores import (
    NewFinish,
    NewLook,
    NewNote,
    NewRestore,
    Restore,
    RestoreFinding,
    RestoreList,
    RestoreWithFindings,
)

_MOST_FINDINGS = 1000
_Answer = tuple[Row, int, dict[str, str]]

blueprint = Blueprint("ops_restores", __name__, url_prefix="/api/ops/restores")


@blueprint.route("", methods=["GET"])
@allow("restores.read")
@blueprint.response(200, RestoreList)
def list_all() -> dict[str, Any]:
    """Say whether the database stands still, and list its restores, newest first."""

    def read(session: Session) -> dict[str, Any]:
        why = read_standing(session).why
        return {"standing_still": why, "data": list_restores(session, limit=MAX_LIST), "next": None}

    return in_transaction(current_parts().engine, read)


@blueprint.route("", methods=["POST"])
@allow("restores.begin")
@rehearsable
@problems("conflict")
@blueprint.arguments(NewRestore)
@blueprint.response(201, Restore)
def begin(body: dict[str, Any]) -> _Answer:
    """Say that this database was restored: nothing is sent from now on, all are signed out."""
    parts = current_parts()
    answered = begin_restore(
        parts.engine,
        caller=current_caller(),
        reference=take_reference(body),
        reason=body["reason"],
        restored_to=body["restored_to"],
        now=parts.now(),
    )
    return render_answered(answered)


@blueprint.route("/<id:restore_id>", methods=["GET"])
@allow("restores.read")
@problems("not_found")
@blueprint.response(200, RestoreWithFindings)
def show(restore_id: str) -> dict[str, Any]:
    """Show a restore with all that was found."""

    def read(session: Session) -> dict[str, Any]:
        row = read_restore(session, restore_id)
        shown = {name: getattr(row, name) for name in Restore.example}
        return shown | {"findings": list_findings(session, row.id, limit=_MOST_FINDINGS)}

    return in_transaction(current_parts().engine, read)


@blueprint.route("/<id:restore_id>/reconcile", methods=["POST"])
@allow("restores.manage")
@rehearsable
@problems("not_found", "conflict")
@blueprint.arguments(NewLook)
@blueprint.response(202, Restore)
def reconcile(body: dict[str, Any], restore_id: str) -> _Answer:
    """Have all providers asked what happened since the moment: a job does it, `look` is how far."""
    parts, caller, now = current_parts(), current_caller(), current_parts().now()
    reference = take_reference(body)
    answered = in_transaction(
        parts.engine,
        lambda session: request_look(
            session,
            caller=caller,
            reference=reference,
            restore_id=restore_id,
            now=now,
            request_id=current_request_id(),
        ),
    )
    return render_answered(answered, status=202)


@blueprint.route("/findings/<id:finding_id>/settle", methods=["POST"])
@allow("restores.manage")
@rehearsable
@problems("not_found", "conflict")
@blueprint.arguments(NewNote)
@blueprint.response(200, RestoreFinding)
def settle(body: dict[str, Any], finding_id: str) -> tuple[FindingRow, int, dict[str, str]]:
    """Say what came of a finding."""
    parts, caller, now = current_parts(), current_caller(), current_parts().now()
    reference = take_reference(body)
    answered = in_transaction(
        parts.engine,
        lambda session: settle_finding(
            session,
            caller=caller,
            reference=reference,
            finding_id=finding_id,
            note=body["note"],
            now=now,
        ),
    )
    return render_answered(answered, status=200)


@blueprint.route("/<id:restore_id>/finish", methods=["POST"])
@allow("restores.finish")
@rehearsable
@problems("not_found", "conflict", "second_person_needed")
@blueprint.arguments(NewFinish)
@blueprint.response(202, Restore)
def finish(body: dict[str, Any], restore_id: str) -> _Answer:
    """Ask for money to move again (202), or have it move when somebody else asked (200)."""
    parts, caller, now = current_parts(), current_caller(), current_parts().now()
    reference = take_reference(body)
    answered = in_transaction(
        parts.engine,
        lambda session: finish_restore(
            session, caller=caller, reference=reference, restore_id=restore_id, now=now
        ),
    )
    status = 200 if answered.resource.finished_at is not None else 202
    return render_answered(answered, status=status)
