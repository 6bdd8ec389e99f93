"""What is sent on chain: signers with their nonces, intents, and every signed form of them."""

import datetime as dt

from sqlalchemy import BigInteger, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from payments.database import Base, MinorUnits


class ChainSigner(Base):
    """An address we sign for, and the nonce it takes next; while frozen, nothing is signed."""

    __tablename__ = "chain_signers"

    chain: Mapped[str] = mapped_column(primary_key=True)
    address: Mapped[str] = mapped_column(primary_key=True)
    next_nonce: Mapped[int]
    frozen_at: Mapped[dt.datetime | None]
    frozen_reason: Mapped[str | None]
    looked_at: Mapped[dt.datetime | None]
    created_at: Mapped[dt.datetime]


class ChainIntent(Base):
    """Something to be done on chain, once for its kind and subject.

    `state`: `queued`, `signed` (kept here, not sent), `broadcast` (perhaps sent), `mined`, `final`,
    `failed` (mined and reverted), or `canceled` (never sent, never will be). The nonce is taken
    when it is signed. `amount` of `asset` is what it moves, for the limits; `value` is wei, and so
    is `gas_paid`, booked as `gas_entry_id`.
    """

    __tablename__ = "chain_intents"

    id: Mapped[str] = mapped_column(primary_key=True)
    chain: Mapped[str]
    signer: Mapped[str]
    kind: Mapped[str]
    subject_id: Mapped[str]
    to_address: Mapped[str]
    calldata: Mapped[bytes]
    value: Mapped[int] = mapped_column(MinorUnits, default=0)
    asset: Mapped[str | None]
    amount: Mapped[int] = mapped_column(MinorUnits, default=0)
    state: Mapped[str]
    gas_limit: Mapped[int | None]
    nonce: Mapped[int | None]
    mined_hash: Mapped[str | None]
    block_number: Mapped[int | None]
    block_hash: Mapped[str | None]
    error: Mapped[str | None]
    gas_paid: Mapped[int | None] = mapped_column(MinorUnits)
    gas_entry_id: Mapped[int | None] = mapped_column(BigInteger)
    gas_bookings: Mapped[int] = mapped_column(default=0)
    signed_at: Mapped[dt.datetime | None]
    broadcast_at: Mapped[dt.datetime | None]
    due_at: Mapped[dt.datetime]
    created_at: Mapped[dt.datetime]
    updated_at: Mapped[dt.datetime]


class ChainAttempt(Base):
    """One signed form of an intent, kept before it is sent; fees in wei per unit of gas."""

    __tablename__ = "chain_attempts"

    tx_hash: Mapped[str] = mapped_column(primary_key=True)
    intent_id: Mapped[str] = mapped_column(ForeignKey("strongroom.chain_intents.id"))
    nonce: Mapped[int]
    raw_encrypted: Mapped[bytes]
    max_fee: Mapped[int] = mapped_column(MinorUnits)
    priority_fee: Mapped[int] = mapped_column(MinorUnits)
    signed_at: Mapped[dt.datetime]
    broadcast_at: Mapped[dt.datetime | None]
    discarded_at: Mapped[dt.datetime | None]
