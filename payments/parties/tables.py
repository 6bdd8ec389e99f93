"""Parties; personal data is stored as ciphertext only (see payments/privacy/encryption.py)."""

import datetime as dt

from sqlalchemy.orm import Mapped, mapped_column

from payments.database import Base
from payments.kyc import LEVELS

KYC_LEVELS = LEVELS


class Party(Base):
    """A person or company that buys or sells; nothing personal is left of one that was erased.

    `email_index` finds a party by e-mail: see `email_index.py`.
    """

    __tablename__ = "parties"

    id: Mapped[str] = mapped_column(primary_key=True)
    kyc_level: Mapped[str]
    country: Mapped[str | None]
    name_encrypted: Mapped[bytes | None]
    email_encrypted: Mapped[bytes | None]
    address_encrypted: Mapped[bytes | None]
    tax_id_encrypted: Mapped[bytes | None]
    email_index: Mapped[bytes | None]
    created_at: Mapped[dt.datetime]
    updated_at: Mapped[dt.datetime]
    erased_at: Mapped[dt.datetime | None]
