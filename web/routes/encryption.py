"""The keys that personal data is encrypted with: how they stand, and a new one."""

from typing import Any

from payments.at_rest.read_encryption import EncryptionView, read_encryption
from payments.at_rest.request_rotation import request_rotation
from payments.at_rest.tables import EncryptionRun
from payments.database import in_transaction
from payments.log_lines import current_request_id
from web.authentication import current_caller
from web.blueprint import Blueprint
from web.parts import current_parts
from web.policies import allow
from web.references import render_answered, take_reference
from web.schemas.encryption import Encryption, NewRotation
from web.schemas.encryption import EncryptionRun as RunSchema

blueprint = Blueprint("encryption", __name__, url_prefix="/api/encryption")


@blueprint.route("", methods=["GET"])
@allow("encryption.read")
@blueprint.response(200, Encryption)
def read() -> EncryptionView:
    """Show the data keys, never a key itself, and how far the last rotation is."""
    parts = current_parts()
    keyset_json = parts.settings.encryption_keyset
    return in_transaction(
        parts.engine, lambda session: read_encryption(session, keyset_json=keyset_json)
    )


@blueprint.route("/rotate", methods=["POST"])
@allow("encryption.rotate")
@blueprint.arguments(NewRotation)
@blueprint.response(202, RunSchema)
def rotate(body: dict[str, Any]) -> tuple[EncryptionRun, int, dict[str, str]]:
    """Encrypt with a new key from now on; a job encrypts the rest with it, too."""
    parts, caller, now = current_parts(), current_caller(), current_parts().now()
    reference = take_reference(body)
    answered = in_transaction(
        parts.engine,
        lambda session: request_rotation(
            session,
            caller=caller,
            reference=reference,
            keyset_json=parts.settings.encryption_keyset,
            now=now,
            request_id=current_request_id(),
        ),
    )
    return render_answered(answered, status=202)
