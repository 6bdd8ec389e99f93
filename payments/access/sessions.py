"""Signed-in browsers: a random cookie value of which only a keyed hash is stored.

The value has 256 random bits (OWASP ASVS 5.0, 7.2.3). The hash is keyed so that ending a session
key ends every session begun with it.
"""

import datetime as dt
import hashlib
import hmac
import secrets
from collections.abc import Sequence

from sqlalchemy import ColumnElement, Engine, delete, select, update
from sqlalchemy.orm import Session

from payments.access.caller import Caller, Role
from payments.access.tables import BrowserSession
from payments.database import transaction
from payments.errors import UnauthorizedError
from payments.secret_versions.source import LiveSecret

SESSION_LIFE = dt.timedelta(hours=12)


def start_session(session: Session, caller: Caller, *, key: LiveSecret, now: dt.datetime) -> str:
    """Sign a browser in for twelve hours and return the cookie's value; `key` is the newest."""
    value = secrets.token_urlsafe(32)
    session.add(
        BrowserSession(
            id_hash=_hash(key, value),
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


def find_session(
    engine: Engine, value: str, *, keys: Sequence[LiveSecret], now: dt.datetime
) -> Caller:
    """Return who is signed in with this cookie value; `keys` are all that are live.

    Raises:
        UnauthorizedError: nobody is: unknown, signed out or too old.
    """
    with transaction(engine) as session:
        row = session.scalars(
            select(BrowserSession).where(*_live(value, keys, now=now))
        ).one_or_none()
    if row is None:
        raise UnauthorizedError("The session has ended; sign in again.")
    return Caller(
        principal=row.principal,
        role=Role(row.role),
        party_id=row.party_id,
        authenticated_at=row.authenticated_at,
        factors=frozenset(row.factors),
    )


def end_session(
    session: Session, value: str, *, keys: Sequence[LiveSecret], now: dt.datetime
) -> None:
    """Sign a browser out; the same again changes nothing."""
    session.execute(
        update(BrowserSession).where(*_live(value, keys, now=now)).values(revoked_at=now)
    )


def end_sessions(session: Session, *, party_id: str | None, now: dt.datetime) -> int:
    """Sign out every browser of a party, or of everybody (None), and return how many."""
    principal = None if party_id is None else f"party:{party_id}"
    ended = session.execute(
        update(BrowserSession)
        .where(
            BrowserSession.revoked_at.is_(None),
            BrowserSession.expires_at > now,
            *([] if principal is None else [BrowserSession.principal == principal]),
        )
        .values(revoked_at=now)
        .returning(BrowserSession.id_hash)
        .execution_options(synchronize_session=False)
    )
    return len(ended.all())


def forget_ended_sessions(session: Session, *, now: dt.datetime) -> int:
    """Delete sessions that ended by age, and return how many."""
    result = session.execute(
        delete(BrowserSession)
        .where(BrowserSession.expires_at <= now)
        .returning(BrowserSession.id_hash)
    )
    return len(result.all())


def _live(
    value: str, keys: Sequence[LiveSecret], *, now: dt.datetime
) -> tuple[ColumnElement[bool], ...]:
    return (
        BrowserSession.id_hash.in_([_hash(key, value) for key in keys]),
        BrowserSession.expires_at > now,
        BrowserSession.revoked_at.is_(None),
    )


def _hash(key: LiveSecret, value: str) -> bytes:
    return hmac.digest(key.value.encode(), value.encode(), hashlib.sha256)
