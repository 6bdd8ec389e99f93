"""API keys, for administrators."""

import datetime as dt
from typing import Any

from payments.access.api_keys import list_keys, revoke_key
from payments.access.caller import Role
from payments.access.issue_key import KeyView, issue_key, reissue_key
from payments.access.read_key_uses import KeyUses, read_key_uses
from payments.access.tables import ApiKey
from payments.database import in_transaction
from payments.pages import Page
from payments.secret_versions.kinds import Kind
from payments.secret_versions.source import to_make_with
from web.authentication import current_caller
from web.blueprint import Blueprint
from web.parts import current_parts
from web.policies import allow
from web.problems import problems
from web.references import render_answered, take_reference
from web.rehearsals import rehearsable
from web.schemas.fields import PageQuery
from web.schemas.keys import IssuedKey, KeyPage, KeyRotation, KeyUsesQuery, NewKey
from web.schemas.keys import KeyUses as KeyUsesSchema

blueprint = Blueprint("keys", __name__, url_prefix="/api/keys")

_Answer = tuple[KeyView, int, dict[str, str]]


@blueprint.route("", methods=["POST"])
@allow("keys.create")
@rehearsable
@blueprint.arguments(NewKey)
@blueprint.response(201, IssuedKey)
def create(body: dict[str, Any]) -> _Answer:
    """Make a key; its text is in this answer and nowhere else."""
    parts, caller, now = current_parts(), current_caller(), current_parts().now()
    reference = take_reference(body)
    pepper = to_make_with(parts.secrets, Kind.API_KEY_PEPPER, now=now)
    answered = in_transaction(
        parts.engine,
        lambda session: issue_key(
            session,
            caller=caller,
            reference=reference,
            name=body["name"],
            role=Role(body["role"]),
            scopes=body["scopes"],
            life=dt.timedelta(seconds=body["expires_in_s"]),
            owner=body["owner"],
            pepper=pepper,
            livemode=parts.settings.livemode,
            now=now,
        ),
    )
    return render_answered(answered)


@blueprint.route("", methods=["GET"])
@allow("keys.read")
@blueprint.arguments(PageQuery, location="query")
@blueprint.response(200, KeyPage)
def list_page(query: dict[str, Any]) -> Page[ApiKey]:
    """List keys in the order they were made, ended ones too."""
    return in_transaction(current_parts().engine, lambda session: list_keys(session, **query))


@blueprint.route("/<id:key_id>/uses", methods=["GET"])
@allow("keys.read")
@blueprint.arguments(KeyUsesQuery, location="query")
@blueprint.response(200, KeyUsesSchema)
def uses(query: dict[str, Any], key_id: str) -> KeyUses:
    """Show from where a key was used since when, and what was done with it."""
    parts = current_parts()
    return in_transaction(
        parts.engine,
        lambda session: read_key_uses(
            session, key_id=key_id, since=query.get("since"), now=parts.now()
        ),
    )


@blueprint.route("/<id:key_id>/rotate", methods=["POST"])
@allow("keys.rotate")
@rehearsable
@problems("conflict")
@blueprint.arguments(KeyRotation)
@blueprint.response(201, IssuedKey)
def rotate(body: dict[str, Any], key_id: str) -> _Answer:
    """Make a successor with the same principal; both work until the overlap ends."""
    parts, caller, now = current_parts(), current_caller(), current_parts().now()
    reference = take_reference(body)
    pepper = to_make_with(parts.secrets, Kind.API_KEY_PEPPER, now=now)
    answered = in_transaction(
        parts.engine,
        lambda session: reissue_key(
            session,
            caller=caller,
            reference=reference,
            key_id=key_id,
            overlap=dt.timedelta(seconds=body["overlap_s"]),
            pepper=pepper,
            livemode=parts.settings.livemode,
            now=now,
        ),
    )
    return render_answered(answered)


@blueprint.route("/<id:key_id>", methods=["DELETE"])
@allow("keys.revoke")
@rehearsable
@blueprint.response(204)
def revoke(key_id: str) -> None:
    """End a key at once."""
    now = current_parts().now()
    in_transaction(current_parts().engine, lambda session: revoke_key(session, key_id, now=now))
