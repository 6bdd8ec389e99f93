"""The audit log's entries and the seals of its hash chain; both append-only."""

import datetime as dt

from sqlalchemy import FetchedValue, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from payments.database import Base

Change = list[str | None]
"""Table and id of a row, and the hashes of what changed in it, before and after."""


class AuditEntry(Base):
    """One deed, look or refusal; `number` and `recorded_at` are the database's to give."""

    __tablename__ = "audit_entries"

    number: Mapped[int] = mapped_column(FetchedValue(), primary_key=True)
    id: Mapped[str]
    at: Mapped[dt.datetime]
    recorded_at: Mapped[dt.datetime] = mapped_column(server_default=FetchedValue())
    actor: Mapped[str]
    person: Mapped[str]
    role: Mapped[str]
    action: Mapped[str]
    outcome: Mapped[str]
    status: Mapped[int | None]
    code: Mapped[str | None]
    subjects: Mapped[list[str]] = mapped_column(ARRAY(Text))
    changes: Mapped[list[Change]] = mapped_column(JSONB)
    ip: Mapped[str | None]
    request_id: Mapped[str | None]
    reason_encrypted: Mapped[bytes | None]
    reason_digest: Mapped[bytes | None]
