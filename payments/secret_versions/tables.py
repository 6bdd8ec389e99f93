"""Versions of secrets; the values of those that were given or made here are encrypted."""

import datetime as dt

from sqlalchemy.orm import Mapped, mapped_column

from payments.database import Base

TABLE, COLUMN = "secret_versions", "value_encrypted"
STORED, ENVIRONMENT = "stored", "environment"


class SecretVersion(Base):
    """A version of a secret: live from `starts_at` until `ends_at`, unless revoked.

    `value_encrypted` is null for a value that the environment gives, and for one that ended.
    """

    __tablename__ = TABLE

    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    origin: Mapped[str]
    value_encrypted: Mapped[bytes | None]
    fingerprint: Mapped[bytes]
    starts_at: Mapped[dt.datetime]
    ends_at: Mapped[dt.datetime | None]
    revoked_at: Mapped[dt.datetime | None]
    created_by: Mapped[str]
    created_at: Mapped[dt.datetime]
    last_matched_at: Mapped[dt.datetime | None]

    def has_ended(self, now: dt.datetime) -> bool:
        """Whether it is over for good: a live one, or one to come, is not."""
        return self.revoked_at is not None or (self.ends_at is not None and self.ends_at <= now)
