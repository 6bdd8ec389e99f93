"""Restores, and what providers have that our books did not know after one."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, ForeignKey
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from payments.database import Base, MinorUnits


@dataclass(frozen=True)
class LookStanding:
    """How far the newest look at the providers is, and since when it stands so (`at`).

    `status`: `waiting` for a worker, `running`, `failed` (`error` says why), `done`; `step` is who
    is being asked, or was when it failed.
    """

    status: str
    step: str | None
    error: str | None
    at: dt.datetime


class Restore(Base):
    """One time the database was brought back to a moment; while it is not finished, all stands.

    `restored_to` is up to when it surely knows everything; `reconciled_at` the end of the last look
    at all providers that succeeded, with its `figures`; `look_…` how far the newest one is.
    `status`: `begun`, `finish_requested`, `finished`.
    """

    __tablename__ = "restores"

    id: Mapped[str] = mapped_column(primary_key=True)
    reason: Mapped[str]
    restored_to: Mapped[dt.datetime]
    status: Mapped[str]
    system_identifier: Mapped[str]
    timeline: Mapped[int] = mapped_column(BigInteger)
    begun_by: Mapped[str]
    begun_at: Mapped[dt.datetime]
    reconciled_at: Mapped[dt.datetime | None]
    figures: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    look_status: Mapped[str | None]
    look_step: Mapped[str | None]
    look_error: Mapped[str | None]
    look_at: Mapped[dt.datetime | None]
    finish_requested_by: Mapped[str | None]
    finish_requested_at: Mapped[dt.datetime | None]
    finished_by: Mapped[str | None]
    finished_at: Mapped[dt.datetime | None]

    @property
    def look(self) -> LookStanding | None:
        """How far the newest look at the providers is; None: nobody has looked yet."""
        if self.look_status is None or self.look_at is None:
            return None
        return LookStanding(self.look_status, self.look_step, self.look_error, self.look_at)


class RestoreFinding(Base):
    """What a provider has and our books did not, or what a person has to look at.

    `status`: `open` (a person must see to it), `adopted` (the books have it now), `awaiting` (money
    of an order that left: what is asked for again is answered with it, and nothing else leaves),
    `settled` (a person said what came of it). `claimed_by` is what took the forgotten one's place.
    """

    __tablename__ = "restore_findings"

    id: Mapped[str] = mapped_column(primary_key=True)
    restore_id: Mapped[str] = mapped_column(ForeignKey("strongroom.restores.id"))
    kind: Mapped[str]
    provider: Mapped[str]
    provider_ref: Mapped[str]
    status: Mapped[str]
    order_id: Mapped[str | None]
    payment_id: Mapped[str | None]
    our_id: Mapped[str | None]
    amount: Mapped[int | None] = mapped_column(MinorUnits)
    currency: Mapped[str | None]
    detail: Mapped[str]
    claimed_by: Mapped[str | None]
    note: Mapped[str | None]
    settled_by: Mapped[str | None]
    settled_at: Mapped[dt.datetime | None]
    found_at: Mapped[dt.datetime]


class DatabaseHistory(Base):
    """A history of this database that is accepted: PostgreSQL's identifier and timeline."""

    __tablename__ = "database_histories"

    system_identifier: Mapped[str] = mapped_column(primary_key=True)
    timeline: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    accepted_at: Mapped[dt.datetime]
    restore_id: Mapped[str | None]
