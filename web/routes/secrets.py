"""Versions of secrets, for operators to look at and administrators to rotate."""

import datetime as dt
from typing import Any

from payments.database import in_transaction
from payments.idempotency import Answered
from payments.secret_versions.kinds import Kind
from payments.secret_versions.list_secrets import SecretView, list_secrets, view_secret
from payments.secret_versions.revoke_secret import revoke_secret
from payments.secret_versions.rotate_secret import rotate_secret
from web.authentication import current_caller
from web.blueprint import Blueprint
from web.parts import current_parts
from web.policies import allow
from web.problems import problems
from web.references import render_answered, take_reference
from web.rehearsals import rehearsable
from web.schemas.secrets import NewVersion, Version, Versions

blueprint = Blueprint("secrets", __name__, url_prefix="/api/secrets")


@blueprint.route("", methods=["GET"])
@allow("secrets.read")
@blueprint.response(200, Versions)
def list_versions() -> dict[str, Any]:
    """List the versions of all secrets: what is live, how old, and when it is due. No values."""
    parts, now = current_parts(), current_parts().now()
    ages = parts.settings.secret_max_age_d
    views = in_transaction(
        parts.engine, lambda session: list_secrets(session, max_age_d=ages, now=now)
    )
    return {"data": views}


@blueprint.route("/<secret_kind:kind>/rotate", methods=["POST"])
@allow("secrets.rotate")
@rehearsable
@problems("conflict")
@blueprint.arguments(NewVersion)
@blueprint.response(201, Version)
def rotate(body: dict[str, Any], kind: str) -> tuple[SecretView, int, dict[str, str]]:
    """Add a version; nothing that is right is refused while both live."""
    parts, caller, now = current_parts(), current_caller(), current_parts().now()
    reference = take_reference(body)
    overlap_s: int | None = body.get("overlap_s")
    answered = in_transaction(
        parts.engine,
        lambda session: rotate_secret(
            session,
            Kind(kind),
            principal=caller.principal,
            person=caller.person,
            reference=reference,
            value=body.get("value"),
            starts_at=body.get("starts_at"),
            overlap=None if overlap_s is None else dt.timedelta(seconds=overlap_s),
            cipher=parts.cipher,
            settings=parts.settings,
            now=now,
        ),
    )
    view = view_secret(answered.resource, max_age_d=parts.settings.secret_max_age_d, now=now)
    return render_answered(Answered(view, replayed=answered.replayed))


@blueprint.route("/<id:version_id>", methods=["DELETE"])
@allow("secrets.revoke")
@rehearsable
@problems("last_secret")
@blueprint.response(204)
def revoke(version_id: str) -> None:
    """End a version: every process refuses it within five seconds."""
    now = current_parts().now()
    in_transaction(
        current_parts().engine, lambda session: revoke_secret(session, version_id, now=now)
    )
