"""That dead letters were tried again or discarded: how many, by whom and why."""

import datetime as dt

from sqlalchemy.orm import Mapped, mapped_column

from payments.database import Base


class DeadLetterReplay(Base):
    """Dead letters of a `kind` given another try; `skipped` are those that cannot have one now."""

    __tablename__ = "dead_letter_replays"

    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    accepted: Mapped[int]
    skipped: Mapped[int]
    reason: Mapped[str]
    requested_by: Mapped[str]
    created_at: Mapped[dt.datetime]


class DeadLetterDiscard(Base):
    """Dead letters of a `kind` given up for good; `skipped` are those that were not dead any more.

    The rows themselves say by their `discard_id` which they are.
    """

    __tablename__ = "dead_letter_discards"

    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    accepted: Mapped[int]
    skipped: Mapped[int]
    reason: Mapped[str]
    requested_by: Mapped[str]
    created_at: Mapped[dt.datetime]
