"""Escrows, and what happened on their contracts."""

import datetime as dt

from sqlalchemy import BigInteger, ForeignKey, Identity
from sqlalchemy.orm import Mapped, mapped_column

from payments.database import Base, MinorUnits


class Escrow(Base):
    """An order's money on chain: what its contract fixes, and where it stands.

    `status`: `deploying`, `awaiting_deposit`, `deposit_seen`, `funded`, `disputed`, `closed`,
    `expired` (not funded in time) or `failed` (never deployed). Status and amounts follow from its
    effects; amounts in minor units of `asset`, final ones only.
    """

    __tablename__ = "escrows"

    id: Mapped[str] = mapped_column(primary_key=True)
    order_id: Mapped[str] = mapped_column(ForeignKey("strongroom.orders.id"))
    payment_id: Mapped[str] = mapped_column(ForeignKey("strongroom.payments.id"))
    seller_id: Mapped[str] = mapped_column(ForeignKey("strongroom.parties.id"))
    chain: Mapped[str]
    asset: Mapped[str]
    token_address: Mapped[str | None]
    contract_address: Mapped[str]
    chain_reference: Mapped[str]
    depositor: Mapped[str]
    beneficiary: Mapped[str]
    operator: Mapped[str]
    arbiter: Mapped[str]
    guardian: Mapped[str]
    amount: Mapped[int] = mapped_column(MinorUnits)
    fund_by: Mapped[dt.datetime]
    release_by: Mapped[dt.datetime]
    arbiter_by: Mapped[dt.datetime]
    status: Mapped[str]
    is_paused: Mapped[bool] = mapped_column(default=False)
    amount_deposited: Mapped[int] = mapped_column(MinorUnits, default=0)
    amount_released: Mapped[int] = mapped_column(MinorUnits, default=0)
    amount_refunded: Mapped[int] = mapped_column(MinorUnits, default=0)
    amount_stray: Mapped[int] = mapped_column(MinorUnits, default=0)
    dispute_reason: Mapped[str | None]
    created_at: Mapped[dt.datetime]
    updated_at: Mapped[dt.datetime]


class EscrowEffect(Base):
    """One thing that happened on an escrow's contract, and in which block it is now.

    `state`: `seen`, `final`, or `orphaned` (in no block any more). `bookings` counts how often it
    was booked, `entry_id` is the booking in force. `subject_id`: the release or refund it is.
    """

    __tablename__ = "escrow_effects"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    escrow_id: Mapped[str] = mapped_column(ForeignKey("strongroom.escrows.id"))
    key: Mapped[str]
    kind: Mapped[str]
    operation_id: Mapped[str | None]
    amount: Mapped[int] = mapped_column(MinorUnits, default=0)
    actor: Mapped[str | None]
    token_address: Mapped[str | None]
    tx_hash: Mapped[str]
    log_index: Mapped[int]
    block_number: Mapped[int]
    block_hash: Mapped[str]
    block_at: Mapped[dt.datetime]
    state: Mapped[str]
    subject_id: Mapped[str | None]
    bookings: Mapped[int] = mapped_column(default=0)
    entry_id: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[dt.datetime]
    updated_at: Mapped[dt.datetime]
