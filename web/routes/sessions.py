"""Signing a browser in and out: a short-lived token becomes a cookie, and back to nothing."""

import datetime as dt
from typing import Any

from flask import Response, request

from payments.access.sessions import SESSION_LIFE, end_session, start_session
from payments.database import in_transaction
from payments.errors import ForbiddenError
from web.authentication import (
    bearer_text,
    current_caller,
    session_cookie_name,
)
from web.blueprint import Blueprint
from web.cross_site import refuse_foreign_sites
from web.parts import Parts, current_parts
from web.policies import allow, public
from web.problems import problems
from web.schemas.status import SignedIn

blueprint = Blueprint("sessions", __name__, url_prefix="/api/session")


@blueprint.route("", methods=["POST"])
@allow("sessions.start")
@problems("token_required")
@blueprint.response(201, SignedIn)
def sign_in() -> tuple[dict[str, Any], int, dict[str, str]]:
    """Give the bearer of a token a session cookie for twelve hours."""
    parts, caller, now = current_parts(), current_caller(), current_parts().now()
    if (bearer_text() or "srk_").startswith("srk_"):
        raise ForbiddenError("A session is started with a person's token.", code="token_required")
    value = in_transaction(parts.engine, lambda session: start_session(session, caller, now=now))
    signed_in = {
        "role": caller.role.value,
        "party_id": caller.party_id,
        "expires_at": now + SESSION_LIFE,
    }
    return signed_in, 201, {"Set-Cookie": _cookie(parts, value, life=SESSION_LIFE)}


@blueprint.route("", methods=["DELETE"])
@public("Whoever's session has ended already may still sign out")
@problems("origin_not_trusted", "unavailable")
@blueprint.response(204)
def sign_out() -> tuple[str, int, dict[str, str]]:
    """End the session of this browser and take its cookie back."""
    parts, now = current_parts(), current_parts().now()
    value = request.cookies.get(session_cookie_name(parts))
    if value is not None:
        refuse_foreign_sites(parts)
        in_transaction(parts.engine, lambda session: end_session(session, value, now=now))
    return "", 204, {"Set-Cookie": _cookie(parts, "", life=dt.timedelta(0))}


def _cookie(parts: Parts, value: str, *, life: dt.timedelta) -> str:
    answer = Response()
    answer.set_cookie(
        session_cookie_name(parts),
        value,
        max_age=life,
        secure=not parts.settings.is_sandbox,
        httponly=True,
        samesite="Lax",
        path="/",
    )
    return answer.headers["Set-Cookie"]
