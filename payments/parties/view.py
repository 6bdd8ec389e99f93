"""A party as callers see it: decrypted, and never a table row."""

import datetime as dt
from dataclasses import dataclass
from typing import Final

from payments.parties.tables import Party
from payments.privacy.encryption import FieldCipher

PERSONAL_FIELDS: Final = ("name", "email", "address", "tax_id")


@dataclass(frozen=True)
class PartyView:
    """A person or company; `country` is an ISO 3166-1 alpha-2 code. Erased: only its id is left."""

    id: str
    kyc_level: str
    country: str | None
    name: str | None
    email: str | None
    address: str | None
    tax_id: str | None
    created_at: dt.datetime
    updated_at: dt.datetime
    erased_at: dt.datetime | None = None


def view_party(row: Party, *, cipher: FieldCipher) -> PartyView:
    """Decrypt a row.

    Raises:
        DecryptionError: when a field was changed or copied from elsewhere.
    """

    def plain(field: str) -> str | None:
        column = f"{field}_encrypted"
        ciphertext = getattr(row, column)
        return cipher.decrypt_optional(ciphertext, table="parties", column=column, row_id=row.id)

    return PartyView(
        id=row.id,
        kyc_level=row.kyc_level,
        country=row.country,
        name=plain("name"),
        email=plain("email"),
        address=plain("address"),
        tax_id=plain("tax_id"),
        created_at=row.created_at,
        updated_at=row.updated_at,
        erased_at=row.erased_at,
    )
