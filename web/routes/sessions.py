"""Signing a browser in and out: a short-lived token becomes a cookie, and back to nothing."""

import datetime as dt
from typing import Any

from flask import Response, request
from sqlalchemy.orm import Session

from payments.access.end_access import end_access, hold_access
from payments.access.sessions import SESSION_LIFE, end_session, start_session
from payments.database import in_transaction
from payments.errors import ForbiddenError
from payments.secret_versions.kinds import Kind
from payments.secret_versions.source import to_make_with
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
from web.schemas.status import EndedAccess, EndedPerson, SignedIn

blueprint = Blueprint("sessions", __name__, url_prefix="/api/session")


@blueprint.route("", methods=["POST"])
@allow("sessions.start")
@problems("token_required")
@blueprint.response(201, SignedIn)
def sign_in() -> tuple[dict[str, Any], int, dict[str, str]]:
    """Give the bearer of a token a session cookie for twelve hours, in place of an older one.

    So a person who signs in again, with a second factor where one is asked for, goes on at once.
    """
    parts, caller, now = current_parts(), current_caller(), current_parts().now()
    token = bearer_text() or "srk_"
    if token.startswith("srk_"):
        raise ForbiddenError("A session is started with a person's token.", code="token_required")
    _, issued_at = parts.tokens.read_dated(token, now=now)
    key = to_make_with(parts.secrets, Kind.SESSION_KEY, now=now)
    keys = parts.secrets.of(Kind.SESSION_KEY, now=now)
    older = request.cookies.get(session_cookie_name(parts))

    def sign_in_anew(session: Session) -> str:
        hold_access(session, principal=caller.principal, issued_at=issued_at)
        if older is not None:
            end_session(session, older, keys=keys, now=now)
        return start_session(session, caller, key=key, now=now)

    value = in_transaction(parts.engine, sign_in_anew)
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
        keys = parts.secrets.of(Kind.SESSION_KEY, now=now)
        in_transaction(
            parts.engine, lambda session: end_session(session, value, keys=keys, now=now)
        )
    return "", 204, {"Set-Cookie": _cookie(parts, "", life=dt.timedelta(0))}


@blueprint.route("/end", methods=["POST"])
@allow("sessions.end")
@blueprint.arguments(EndedPerson)
@blueprint.response(200, EndedAccess)
def end(body: dict[str, Any]) -> dict[str, Any]:
    """End a person's sessions and refuse the tokens they were given until now.

    For somebody who may no longer do what their token says, or whose device was stolen. A token
    that is signed from the next second on counts again.
    """
    parts, caller, now = current_parts(), current_caller(), current_parts().now()
    count = in_transaction(
        parts.engine,
        lambda session: end_access(session, party_id=body["party_id"], by=caller.person, now=now),
    )
    return {"party_id": body["party_id"], "ended_at": now, "sessions": count}


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
