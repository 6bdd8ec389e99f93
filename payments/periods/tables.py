"""Closings of months, and the reports kept of each."""

import datetime as dt
from typing import Any

from sqlalchemy import BigInteger, ForeignKey
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from payments.database import Base


class PeriodClosing(Base):
    """A month's closing: who did it, what the checklist said, and as of when its reports are.

    `state`: `closed`, `reopening` (somebody asked for it; still closed), `reopened`. `revision`
    counts the closings of one month; `explanations` is what the closer said of open items, by their
    ids. `sealed_to` is the newest seal then, checked with all before.
    """

    __tablename__ = "period_closings"

    id: Mapped[str] = mapped_column(primary_key=True)
    month: Mapped[str]
    revision: Mapped[int]
    state: Mapped[str]
    checklist: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    explanations: Mapped[dict[str, str]] = mapped_column(JSONB)
    as_of: Mapped[dt.datetime]
    ledger_sequence: Mapped[int] = mapped_column(BigInteger)
    sealed_to: Mapped[int] = mapped_column(BigInteger)
    closed_by: Mapped[str]
    closed_at: Mapped[dt.datetime]
    reopen_requested_by: Mapped[str | None]
    reopen_requested_at: Mapped[dt.datetime | None]
    reopen_reason: Mapped[str | None]
    reopened_by: Mapped[str | None]
    reopened_at: Mapped[dt.datetime | None]


class PeriodReport(Base):
    """A report of a closed month, byte for byte as it was when the month was closed."""

    __tablename__ = "period_reports"

    closing_id: Mapped[str] = mapped_column(
        ForeignKey("strongroom.period_closings.id"), primary_key=True
    )
    name: Mapped[str] = mapped_column(primary_key=True)
    format: Mapped[str] = mapped_column(primary_key=True)
    sha256: Mapped[bytes]
    content: Mapped[bytes]
    created_at: Mapped[dt.datetime]
