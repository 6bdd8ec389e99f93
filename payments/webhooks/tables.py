"""The webhook inbox: every verified event once, for ever, its payload encrypted."""

import datetime as dt

from sqlalchemy import BigInteger, literal_column
from sqlalchemy.orm import Mapped, mapped_column

from payments.database import Base


class InboxEvent(Base):
    """A provider's event; `state` is `new`, `done`, `ignored` or `dead`."""

    __tablename__ = "webhook_inbox"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    provider: Mapped[str]
    event_id: Mapped[str]
    event_type: Mapped[str]
    occurred_at: Mapped[dt.datetime]
    payload_encrypted: Mapped[bytes]
    request_id: Mapped[str | None]
    received_at: Mapped[dt.datetime]
    state: Mapped[str]
    attempts: Mapped[int]
    due_at: Mapped[dt.datetime]
    error: Mapped[str | None]
    finished_at: Mapped[dt.datetime | None]


IS_NEW = InboxEvent.state == literal_column("'new'")
"""As a literal: PostgreSQL cannot match a prepared statement's parameter to a partial index."""
