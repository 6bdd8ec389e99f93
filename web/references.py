"""The caller's reference, from the body or the `Idempotency-Key` header, and how a replay shows.

The header is that of draft-ietf-httpapi-idempotency-key-header.
"""

import re
from collections.abc import Mapping
from typing import Any, TypeVar

from flask import request

from payments.errors import InvalidRequestError
from payments.idempotency import Answered
from payments.privacy.redaction import holds_card_number

HEADER = "Idempotency-Key"
REPLAYED = "Idempotent-Replayed"
_REFERENCE = re.compile(r"[\x21-\x7e]{1,255}")

_Resource = TypeVar("_Resource")


def take_reference(body: Mapping[str, Any]) -> str:
    """Return this request's reference.

    Raises:
        InvalidRequestError: there is none, it is not 1 to 255 visible ASCII characters, or body
            and header disagree; or it holds a card number, as it is kept and shown for ever.
    """
    given = {body.get("reference"), request.headers.get(HEADER)} - {None}
    if not given:
        raise InvalidRequestError(
            "Send a stable `reference`, as a field or as the Idempotency-Key header.",
            errors={"reference": ["Choose one per thing to do, and repeat it when you retry."]},
            code="reference_required",
        )
    if len(given) > 1:
        raise InvalidRequestError(
            "The reference and the Idempotency-Key header differ.",
            errors={"reference": ["Send the same in both, or only one."]},
        )
    [reference] = given
    if not isinstance(reference, str) or not _REFERENCE.fullmatch(reference):
        raise InvalidRequestError(
            "The reference is not valid.",
            errors={"reference": ["Use 1 to 255 visible ASCII characters."]},
        )
    if holds_card_number(reference):
        raise InvalidRequestError(
            "The reference looks like a card number.",
            errors={"reference": ["Use a UUID, or fewer than 13 digits in a row."]},
        )
    return reference


def render_answered(
    answered: Answered[_Resource], *, status: int = 201
) -> tuple[_Resource, int, dict[str, str]]:
    """Return what a view answers: `status` the first time, a marked 200 from then on."""
    if answered.replayed:
        return answered.resource, 200, {REPLAYED: "true"}
    return answered.resource, status, {}
