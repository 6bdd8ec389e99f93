"""The webhook inbox: every verified event once, for ever, and what operators do with it."""

import datetime as dt

from sqlalchemy import ARRAY, BigInteger, Text, literal_column
from sqlalchemy.orm import Mapped, mapped_column

from payments.database import Base

DISCARDED = "discarded"


class InboxEvent(Base):
    """A provider's event; `state` is `new`, `done`, `ignored` or `dead`.

    Its payload is None once it was kept long enough: it cannot be replayed from here any more.
    `discard_id` is by what a dead one was given up for good.
    """

    __tablename__ = "webhook_inbox"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    provider: Mapped[str]
    event_id: Mapped[str]
    event_type: Mapped[str]
    occurred_at: Mapped[dt.datetime]
    payload_encrypted: Mapped[bytes | None]
    request_id: Mapped[str | None]
    received_at: Mapped[dt.datetime]
    replayed_at: Mapped[dt.datetime | None]
    state: Mapped[str]
    attempts: Mapped[int]
    due_at: Mapped[dt.datetime]
    error: Mapped[str | None]
    finished_at: Mapped[dt.datetime | None]
    discard_id: Mapped[str | None]

    @property
    def standing(self) -> str:
        """Return its state as people are told it: of a dead one given up for good, `discarded`."""
        return self.state if self.discard_id is None else DISCARDED


class RetryWindow(Base):
    """For how many hours a provider's events are retried, as an operator set it."""

    __tablename__ = "webhook_retry_windows"

    provider: Mapped[str] = mapped_column(primary_key=True)
    hours: Mapped[int]
    set_by: Mapped[str]
    updated_at: Mapped[dt.datetime]


class WebhookReplay(Base):
    """Events that an operator wants applied again: those of `event_ids`, or of a time range.

    `source` says where they come from: `inbox` or `stripe`. `status` is `running`, `done` or
    `failed`; `position` is how far the job has come: an inbox row's id, or Stripe's event id.
    """

    __tablename__ = "webhook_replays"

    id: Mapped[str] = mapped_column(primary_key=True)
    source: Mapped[str]
    event_ids: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    from_at: Mapped[dt.datetime | None]
    to_at: Mapped[dt.datetime | None]
    status: Mapped[str]
    accepted: Mapped[int | None]
    replayed: Mapped[int]
    duplicates: Mapped[int]
    missing: Mapped[int]
    position: Mapped[str | None]
    error: Mapped[str | None]
    requested_by: Mapped[str]
    created_at: Mapped[dt.datetime]
    finished_at: Mapped[dt.datetime | None]


IS_NEW = InboxEvent.state == literal_column("'new'")
"""As a literal: PostgreSQL cannot match a prepared statement's parameter to a partial index."""
