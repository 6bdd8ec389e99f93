"""Statements and their lines, what our books expect on them, matches, runs and findings."""

import datetime as dt
from typing import Any

from sqlalchemy import BigInteger, Date, ForeignKey, Identity, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from payments.database import Base, MinorUnits


class StatementFile(Base):
    """A file as it came in, encrypted; the same bytes are one file."""

    __tablename__ = "statement_files"

    id: Mapped[str] = mapped_column(primary_key=True)
    sha256: Mapped[bytes]
    name: Mapped[str]
    format: Mapped[str]
    content_encrypted: Mapped[bytes | None]  # None: kept long enough
    imported_by: Mapped[str]
    imported_at: Mapped[dt.datetime]


class BankStatement(Base):
    """One statement of an account of ours, named as in the settings; balances where it has them."""

    __tablename__ = "bank_statements"

    id: Mapped[str] = mapped_column(primary_key=True)
    file_id: Mapped[str] = mapped_column(ForeignKey("strongroom.statement_files.id"))
    account: Mapped[str]
    currency: Mapped[str]
    statement_ref: Mapped[str | None]
    from_date: Mapped[dt.date | None] = mapped_column(Date)
    to_date: Mapped[dt.date | None] = mapped_column(Date)
    opening_balance: Mapped[int | None] = mapped_column(MinorUnits)
    closing_balance: Mapped[int | None] = mapped_column(MinorUnits)
    closing_date: Mapped[dt.date | None] = mapped_column(Date)
    line_count: Mapped[int]
    new_line_count: Mapped[int]
    imported_at: Mapped[dt.datetime]


class StatementLine(Base):
    """A booked line; `amount` in minor units, positive is money in.

    `state`: `new`, `unmatched` (with a `reason`, perhaps a `suggestion`), `matched`, `discarded`.
    `booked` is where the ledger has its other side: `nothing` yet, `suspense`, or `matched`.
    `reference_keys` is what of its text may be a reference of ours, normalised.
    """

    __tablename__ = "statement_lines"

    id: Mapped[str] = mapped_column(primary_key=True)
    statement_id: Mapped[str] = mapped_column(ForeignKey("strongroom.bank_statements.id"))
    account: Mapped[str]
    line_key: Mapped[str]
    position: Mapped[int]
    amount: Mapped[int] = mapped_column(MinorUnits)
    currency: Mapped[str]
    booked_on: Mapped[dt.date] = mapped_column(Date)
    value_on: Mapped[dt.date] = mapped_column(Date)
    bank_ref: Mapped[str | None]
    end_to_end_id: Mapped[str | None]
    batch_ref: Mapped[str | None]
    is_bank_charge: Mapped[bool] = mapped_column(default=False)
    reference_keys: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    details_encrypted: Mapped[bytes | None]  # None: kept long enough
    state: Mapped[str] = mapped_column(default="new")
    booked: Mapped[str] = mapped_column(default="nothing")
    reason: Mapped[str | None]
    suggestion: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    created_at: Mapped[dt.datetime]
    updated_at: Mapped[dt.datetime]


class Expectation(Base):
    """What our books expect on a statement: a posting on the bank's clearing account.

    `subject_id` is what its entry is the effect of (a payment, refund, receipt, balance
    transaction …); `matched_amount` is what lines have explained of `amount`, both signed.
    """

    __tablename__ = "expectations"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    entry_id: Mapped[int] = mapped_column(BigInteger)
    line: Mapped[int]
    kind: Mapped[str]
    subject_id: Mapped[str]
    payment_id: Mapped[str | None]
    provider_ref: Mapped[str | None]
    reference_key: Mapped[str | None]
    batch_ref: Mapped[str | None]
    amount: Mapped[int] = mapped_column(MinorUnits)
    matched_amount: Mapped[int] = mapped_column(MinorUnits, default=0)
    currency: Mapped[str]
    occurred_on: Mapped[dt.date] = mapped_column(Date)
    created_at: Mapped[dt.datetime]


class ReconciliationRun(Base):
    """One run: `waiting`, `running`, `done` or `failed`; `figures` is what came of it."""

    __tablename__ = "reconciliation_runs"

    id: Mapped[str] = mapped_column(primary_key=True)
    status: Mapped[str]
    date_window_days: Mapped[int]
    phase: Mapped[str | None]
    steps_done: Mapped[int] = mapped_column(default=0)
    steps_total: Mapped[int] = mapped_column(default=0)
    figures: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    error: Mapped[str | None]
    requested_by: Mapped[str]
    created_at: Mapped[dt.datetime]
    started_at: Mapped[dt.datetime | None]
    finished_at: Mapped[dt.datetime | None]


class Match(Base):
    """How a line was explained: by which rule, or by whom; `certainty` from 0 to 100."""

    __tablename__ = "matches"

    id: Mapped[str] = mapped_column(primary_key=True)
    line_id: Mapped[str] = mapped_column(ForeignKey("strongroom.statement_lines.id"))
    state: Mapped[str]
    rule: Mapped[str]
    certainty: Mapped[int]
    reason: Mapped[str]
    run_id: Mapped[str | None]
    made_by: Mapped[str]
    made_at: Mapped[dt.datetime]
    undone_by: Mapped[str | None]
    undone_at: Mapped[dt.datetime | None]
    undo_reason: Mapped[str | None]


class MatchPart(Base):
    """A part of a line: what it was expected as, or the account it belongs to; append-only."""

    __tablename__ = "match_parts"

    match_id: Mapped[str] = mapped_column(ForeignKey("strongroom.matches.id"), primary_key=True)
    part: Mapped[int] = mapped_column(primary_key=True)
    expectation_id: Mapped[int | None] = mapped_column(BigInteger)
    account_path: Mapped[str | None]
    amount: Mapped[int] = mapped_column(MinorUnits)


class Finding(Base):
    """Something that does not agree, `open` until a person or a later run resolves it."""

    __tablename__ = "findings"

    id: Mapped[str] = mapped_column(primary_key=True)
    finding_key: Mapped[str]
    kind: Mapped[str]
    subject_id: Mapped[str]
    amount: Mapped[int | None] = mapped_column(MinorUnits)
    expected: Mapped[int | None] = mapped_column(MinorUnits)
    currency: Mapped[str | None]
    detail: Mapped[str]
    state: Mapped[str]
    owner: Mapped[str | None]
    resolution: Mapped[str | None]
    resolved_by: Mapped[str | None]
    first_seen_at: Mapped[dt.datetime]
    last_seen_at: Mapped[dt.datetime]
    resolved_at: Mapped[dt.datetime | None]
