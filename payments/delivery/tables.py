"""The outbox and live events: rows written with the change that causes them."""

import datetime as dt
from typing import Any

from sqlalchemy import ARRAY, BigInteger, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from payments.database import Base


class OutboxRow(Base):
    """A job to run, written in the transaction that makes it necessary.

    `state`: `waiting`, `leased`, `done` or `dead`. At most one waiting row per `coalesce_key`.
    `discard_id` is by what a dead one was given up for good.
    """

    __tablename__ = "outbox"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    job: Mapped[str]
    args: Mapped[dict[str, Any]] = mapped_column(JSONB)
    coalesce_key: Mapped[str | None]
    state: Mapped[str]
    due_at: Mapped[dt.datetime]
    attempts: Mapped[int]
    lease_until: Mapped[dt.datetime | None]
    lease_token: Mapped[Any | None] = mapped_column(Uuid)
    error: Mapped[str | None]
    request_id: Mapped[str | None]
    traceparent: Mapped[str | None]
    created_at: Mapped[dt.datetime]
    finished_at: Mapped[dt.datetime | None]
    discard_id: Mapped[str | None]


class LiveEvent(Base):
    """A change the frontend hears of; the relay gives it its gapless `position`.

    `audience` lists the party ids that may see it, or `*` for everybody; staff see all.
    """

    __tablename__ = "live_events"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    position: Mapped[int | None] = mapped_column(BigInteger)
    topic: Mapped[str]
    subject_id: Mapped[str]
    audience: Mapped[list[str]] = mapped_column(ARRAY(Text))
    data: Mapped[dict[str, Any]] = mapped_column(JSONB)
    created_at: Mapped[dt.datetime]
