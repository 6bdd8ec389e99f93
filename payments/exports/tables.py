"""Exports: reports that a job writes, kept in pieces until they expire."""

import datetime as dt
from typing import Any

from sqlalchemy import BigInteger, ForeignKey
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from payments.database import Base


class Export(Base):
    """An export: what is wanted, how far it is, and the manifest when it is `ready`.

    `status`: `waiting`, `running`, `ready`, `failed` or `expired`. Only pieces of the newest
    `attempt` count. `parameters` are the filters, `as_of` among them, fixed when it was asked for.
    """

    __tablename__ = "exports"

    id: Mapped[str] = mapped_column(primary_key=True)
    report: Mapped[str]
    format: Mapped[str]
    parameters: Mapped[dict[str, str]] = mapped_column(JSONB)
    status: Mapped[str]
    row_count: Mapped[int] = mapped_column(BigInteger, default=0)
    rows_expected: Mapped[int | None] = mapped_column(BigInteger)
    attempt: Mapped[int] = mapped_column(default=0)
    manifest: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    failure: Mapped[str | None]
    requested_by: Mapped[str]
    created_at: Mapped[dt.datetime]
    updated_at: Mapped[dt.datetime]
    expires_at: Mapped[dt.datetime]


class ExportPiece(Base):
    """A piece of an export's bytes, compressed by zlib, numbered from 1."""

    __tablename__ = "export_pieces"

    export_id: Mapped[str] = mapped_column(ForeignKey("strongroom.exports.id"), primary_key=True)
    attempt: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    content: Mapped[bytes]
