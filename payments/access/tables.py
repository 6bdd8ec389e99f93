"""API keys and sessions; only keyed hashes of secrets are stored."""

import datetime as dt

from sqlalchemy import ARRAY, Text
from sqlalchemy.orm import Mapped, mapped_column

from payments.database import Base


class ApiKey(Base):
    """A key of the platform's backend or of a member of staff."""

    __tablename__ = "api_keys"

    id: Mapped[str] = mapped_column(primary_key=True)
    principal: Mapped[str]
    owner: Mapped[str]
    created_by: Mapped[str]
    name: Mapped[str]
    role: Mapped[str]
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    secret_hash: Mapped[bytes]
    pepper_version: Mapped[str | None]  # None: the pepper that the environment gave
    created_at: Mapped[dt.datetime]
    expires_at: Mapped[dt.datetime | None]
    revoked_at: Mapped[dt.datetime | None]
    last_used_at: Mapped[dt.datetime | None]


class BrowserSession(Base):
    """A signed-in browser; `id_hash` is the HMAC of the cookie's value under a session key."""

    __tablename__ = "sessions"

    id_hash: Mapped[bytes] = mapped_column(primary_key=True)
    principal: Mapped[str]
    role: Mapped[str]
    party_id: Mapped[str | None]
    authenticated_at: Mapped[dt.datetime | None]
    factors: Mapped[list[str]] = mapped_column(ARRAY(Text))
    created_at: Mapped[dt.datetime]
    expires_at: Mapped[dt.datetime]
    revoked_at: Mapped[dt.datetime | None]


class EndedAccess(Base):
    """Whose tokens of before a moment count no more."""

    __tablename__ = "ended_access"

    principal: Mapped[str] = mapped_column(primary_key=True)
    ended_at: Mapped[dt.datetime]
    ended_by: Mapped[str]
