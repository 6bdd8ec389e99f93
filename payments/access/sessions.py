"""Signed-in browsers: a random cookie value of which only the SHA-256 is stored.

A plain hash is enough, since the value has 256 random bits; see OWASP ASVS 5.0, 7.2.3.
"""

import datetime as dt
import hashlib
import secrets

from sqlalchemy import ColumnElement, Engine, delete, select, update
from sqlalchemy.orm import Session

from payments.access.caller import Caller, Role
from payments.access.tables import BrowserSession
from payments.database import transaction
from payments.errors import UnauthorizedError

SESSION_LIFE = dt.timedelta(hours=12)


def start_session(session: Session, caller: Caller, *, now: dt.datetime) -> str:
    """Sign a browser in for twelve hours and return the cookie's value."""
    value = secrets.token_urlsafe(32)
    session.add(
        BrowserSession(
            id_hash=_hash(value),
            principal=caller.principal,
            role=caller.role.value,
            party_id=caller.party_id,
            authenticated_at=caller.authenticated_at,
            factors=sorted(caller.factors),
            created_at=now,
            expires_at=now + SESSION_LIFE,
        )
    )
    session.flush()
    return value


def find_session(engine: Engine, value: str, *, now: dt.datetime) -> Caller:
    """Return who is signed in with this cookie value.

    Raises:
        UnauthorizedError: nobody is: unknown, signed out or too old.
    """
    with transaction(engine) as session:
        row = session.scalars(select(BrowserSession).where(*_live(value, now=now))).one_or_none()
    if row is None:
        raise UnauthorizedError("The session has ended; sign in again.")
    return Caller(
        principal=row.principal,
        role=Role(row.role),
        party_id=row.party_id,
        authenticated_at=row.authenticated_at,
        factors=frozenset(row.factors),
    )


def end_session(session: Session, value: str, *, now: dt.datetime) -> None:
    """Sign a browser out; the same again changes nothing."""
    session.execute(update(BrowserSession).where(*_live(value, now=now)).values(revoked_at=now))


def forget_ended_sessions(session: Session, *, now: dt.datetime) -> int:
    """Delete sessions that ended by age, and return how many."""
    result = session.execute(
        delete(BrowserSession)
        .where(BrowserSession.expires_at <= now)
        .returning(BrowserSession.id_hash)
    )
    return len(result.all())


def _live(value: str, *, now: dt.datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        BrowserSession.id_hash == _hash(value),
        BrowserSession.expires_at > now,
        BrowserSession.revoked_at.is_(None),
    )


def _hash(value: str) -> bytes:
    return hashlib.sha256(value.encode()).digest()
