"""How far each chain was read, and the block hashes that tell a reorganisation."""

import datetime as dt

from sqlalchemy.orm import Mapped, mapped_column

from payments.database import Base


class ChainCursor(Base):
    """Every block up to `scanned_to` was read; those up to `final_to` count as final.

    `final_at` is the latest time of a final block there ever was; `turn` is counted up by whoever
    begins to read, so that one who lost the turn writes nothing; `error` is why it stands still.
    """

    __tablename__ = "chain_cursors"

    chain: Mapped[str] = mapped_column(primary_key=True)
    chain_id: Mapped[int]
    scanned_to: Mapped[int]
    final_to: Mapped[int]
    final_at: Mapped[dt.datetime]
    turn: Mapped[int] = mapped_column(default=0)
    error: Mapped[str | None]
    scanned_at: Mapped[dt.datetime]


class ChainBlock(Base):
    """The hash and the time that a recent block had when it was read."""

    __tablename__ = "chain_blocks"

    chain: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    hash: Mapped[str]
    at: Mapped[dt.datetime]
