"""Parties; personal data is stored as ciphertext only (see payments/privacy/encryption.py)."""

import datetime as dt

from sqlalchemy.orm import Mapped, mapped_column

from payments.database import Base

KYC_LEVELS = ("none", "basic", "full")


class Party(Base):
    """A person or company that buys or sells."""

    __tablename__ = "parties"

    id: Mapped[str] = mapped_column(primary_key=True)
    kyc_level: Mapped[str]
    country: Mapped[str | None]
    name_encrypted: Mapped[bytes]
    email_encrypted: Mapped[bytes | None]
    address_encrypted: Mapped[bytes | None]
    tax_id_encrypted: Mapped[bytes | None]
    created_at: Mapped[dt.datetime]
    updated_at: Mapped[dt.datetime]
