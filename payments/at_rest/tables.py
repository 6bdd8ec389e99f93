"""Walks that encrypt everything anew, and who was erased."""

import datetime as dt
from typing import Any

from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from payments.database import Base


class EncryptionRun(Base):
    """A walk over everything encrypted: `encrypted` of `fields` are made with the newest key.

    `fields` is None until they are counted; `unreadable` ones do not decrypt, and stay.
    """

    __tablename__ = "encryption_runs"

    id: Mapped[str] = mapped_column(primary_key=True)
    status: Mapped[str]
    key_version: Mapped[int]
    fields: Mapped[int | None]
    encrypted: Mapped[int] = mapped_column(default=0)
    unreadable: Mapped[int] = mapped_column(default=0)
    position: Mapped[list[Any] | None] = mapped_column(JSONB(none_as_null=True))
    requested_by: Mapped[str]
    created_at: Mapped[dt.datetime]
    updated_at: Mapped[dt.datetime]
    finished_at: Mapped[dt.datetime | None]


class Erasure(Base):
    """That a party was erased: at whose wish, by whom, and why."""

    __tablename__ = "erasures"

    id: Mapped[str] = mapped_column(primary_key=True)
    party_id: Mapped[str]
    reason: Mapped[str]
    erased_by: Mapped[str]
    erased_at: Mapped[dt.datetime]
