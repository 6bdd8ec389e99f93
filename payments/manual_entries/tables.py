"""Journal entries that people ask for, and their lines."""

import datetime as dt

from sqlalchemy import BigInteger, Date, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from payments.database import Base, MinorUnits


class ManualEntry(Base):
    """A journal entry that somebody asks for and somebody else decides on.

    `kind`: `manual`, `reversal` (of the journal entry `reverses_entry_id`) or `auto_reversal`,
    which nobody asks for again. `status`: `requested`, then `posted` as the journal entry
    `entry_id`, `rejected` by a person, or `refused` by the ledger, with why in `refusal`.
    """

    __tablename__ = "manual_entries"

    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    reverses: Mapped[str | None] = mapped_column(ForeignKey("strongroom.manual_entries.id"))
    reverses_entry_id: Mapped[int | None] = mapped_column(BigInteger)
    occurred_at: Mapped[dt.datetime]
    reason: Mapped[str]
    attachment_sha256: Mapped[bytes | None]
    auto_reverse_on: Mapped[dt.date | None] = mapped_column(Date)
    status: Mapped[str]
    requested_by: Mapped[str]
    decided_by: Mapped[str | None]
    decided_at: Mapped[dt.datetime | None]
    refusal: Mapped[str | None]
    entry_id: Mapped[int | None] = mapped_column(BigInteger)
    reversed_by_entry_id: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[dt.datetime]
    updated_at: Mapped[dt.datetime]


class ManualEntryLine(Base):
    """A line of it, from 1: minor units of `asset`, debit positive."""

    __tablename__ = "manual_entry_lines"

    entry_id: Mapped[str] = mapped_column(
        ForeignKey("strongroom.manual_entries.id"), primary_key=True
    )
    line: Mapped[int] = mapped_column(primary_key=True)
    account: Mapped[str]
    asset: Mapped[str]
    amount: Mapped[int] = mapped_column(MinorUnits)
