"""Alerts, the messages about them, and what the latest proof of the books found."""

import datetime as dt
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Identity
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from payments.database import Base


class Alert(Base):
    """A condition that is true, or was: of each condition at most one is not `resolved`.

    `status`: `pending` (not for long enough yet, and nobody was told), `open`, `acknowledged`,
    `resolved`. `figures` are those of the last time it was found true, `told_figures` those that
    people were last told.
    """

    __tablename__ = "alerts"

    id: Mapped[str] = mapped_column(primary_key=True)
    condition: Mapped[str]
    priority: Mapped[str]
    status: Mapped[str]
    figures: Mapped[dict[str, Any]] = mapped_column(JSONB)
    since: Mapped[dt.datetime]
    last_seen_at: Mapped[dt.datetime]
    clear_since: Mapped[dt.datetime | None]
    seen: Mapped[int] = mapped_column(BigInteger)
    opened_at: Mapped[dt.datetime | None]
    reopened: Mapped[int]
    tellings: Mapped[int]
    told_at: Mapped[dt.datetime | None]
    told_figures: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    acknowledged_by: Mapped[str | None]
    acknowledged_at: Mapped[dt.datetime | None]
    note: Mapped[str | None]
    acknowledged_figures: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    resolved_at: Mapped[dt.datetime | None]


class AlertDelivery(Base):
    """One message to one address of a target; `alert_id` is None for a test.

    `state`: `waiting` (to be sent at `due_at`), `delivered`, `replaced` by a newer message before
    it arrived, `failed` (given up) or `no_address` (the target has none).
    """

    __tablename__ = "alert_deliveries"

    number: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    alert_id: Mapped[str | None] = mapped_column(ForeignKey("strongroom.alerts.id"))
    kind: Mapped[str]
    target: Mapped[str]
    address: Mapped[int | None]
    priority: Mapped[str]
    title: Mapped[str]
    body: Mapped[str]
    state: Mapped[str]
    attempts: Mapped[int]
    error: Mapped[str | None]
    created_at: Mapped[dt.datetime]
    due_at: Mapped[dt.datetime]
    attempted_at: Mapped[dt.datetime | None]
    delivered_at: Mapped[dt.datetime | None]


class Proof(Base):
    """What the latest proof of some books found; `broken` counts rows by truth."""

    __tablename__ = "proofs"

    name: Mapped[str] = mapped_column(primary_key=True)
    proven_at: Mapped[dt.datetime]
    took_ms: Mapped[int] = mapped_column(BigInteger)
    broken: Mapped[dict[str, int]] = mapped_column(JSONB)
