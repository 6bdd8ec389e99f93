"""Incidents, and what was said and changed of each, in order."""

import datetime as dt

from sqlalchemy import ARRAY, BigInteger, ForeignKey, Identity, Text
from sqlalchemy.orm import Mapped, mapped_column

from payments.database import Base


class Incident(Base):
    """Something that is wrong; `title` is for staff, `banner` for everybody (None: no one).

    `status`: `open`, `monitoring` (mended, still looked at) or `resolved`. `components` are the
    parts that customers notice; `expected_at` is when it should be over.
    """

    __tablename__ = "incidents"

    id: Mapped[str] = mapped_column(primary_key=True)
    title: Mapped[str]
    severity: Mapped[str]
    status: Mapped[str]
    components: Mapped[list[str]] = mapped_column(ARRAY(Text))
    banner: Mapped[str | None]
    expected_at: Mapped[dt.datetime | None]
    opened_by: Mapped[str]
    opened_at: Mapped[dt.datetime]
    updated_at: Mapped[dt.datetime]
    resolved_at: Mapped[dt.datetime | None]


class IncidentUpdate(Base):
    """One entry of an incident's history: how it stood from then on, and a note for staff."""

    __tablename__ = "incident_updates"

    number: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    incident_id: Mapped[str] = mapped_column(ForeignKey("strongroom.incidents.id"))
    at: Mapped[dt.datetime]
    by: Mapped[str]
    status: Mapped[str]
    banner: Mapped[str | None]
    expected_at: Mapped[dt.datetime | None]
    note: Mapped[str | None]
