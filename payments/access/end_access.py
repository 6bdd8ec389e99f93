"""Ends all that proves a person so far, at once: sessions, and tokens that have minutes to go.

For somebody who was let go, demoted or robbed. Strongroom gives out no refresh tokens; the
identity provider ends its own, and what it signs from then on counts again.
"""

import datetime as dt

from sqlalchemy import Engine, func, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from payments.access.sessions import end_sessions
from payments.access.tables import EndedAccess
from payments.errors import UnauthorizedError

# Whoever signs in with a token of before, at the moment its access ends, waits for that end, or is
# found by it.
_ONE_AT_A_TIME = text(
    "SELECT pg_advisory_xact_lock(hashtextextended('strongroom.access ' || :principal, 0))"
)
_ENDED_AT = text("SELECT ended_at FROM strongroom.ended_access WHERE principal = :principal")


def end_access(session: Session, *, party_id: str, by: str, now: dt.datetime) -> int:
    """End a person's sessions and refuse their tokens of until now; return how many sessions."""
    principal = f"party:{party_id}"
    session.execute(_ONE_AT_A_TIME, {"principal": principal})
    wanted = insert(EndedAccess).values(principal=principal, ended_at=now, ended_by=by)
    later = func.greatest(EndedAccess.ended_at, wanted.excluded.ended_at)
    session.execute(
        wanted.on_conflict_do_update(
            index_elements=[EndedAccess.principal],
            set_={"ended_at": later, "ended_by": wanted.excluded.ended_by},
        )
    )
    return end_sessions(session, party_id=party_id, now=now)


def refuse_ended(engine: Engine, *, principal: str, issued_at: dt.datetime) -> None:
    """Refuse what was issued before the person's access was ended, or in that second.

    Raises:
        UnauthorizedError: so it is.
    """
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        _refuse(connection.execute(_ENDED_AT, {"principal": principal}).scalar(), issued_at)


def hold_access(session: Session, *, principal: str, issued_at: dt.datetime) -> None:
    """Let nobody end a person's access before this transaction ends: it starts a session.

    Raises:
        UnauthorizedError: it was ended meanwhile.
    """
    session.execute(_ONE_AT_A_TIME, {"principal": principal})
    _refuse(session.execute(_ENDED_AT, {"principal": principal}).scalar(), issued_at)


def _refuse(ended_at: dt.datetime | None, issued_at: dt.datetime) -> None:
    if ended_at is not None and issued_at <= ended_at:
        raise UnauthorizedError("The token is not valid.")
