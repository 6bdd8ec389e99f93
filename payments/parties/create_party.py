"""Registers a person or company; their personal data is encrypted before it meets the database."""

import datetime as dt
import re
from dataclasses import asdict, dataclass

from sqlalchemy.orm import Session

from payments import idempotency
from payments.access.caller import Caller
from payments.errors import InvalidRequestError
from payments.idempotency import Answered
from payments.identifiers import new_id
from payments.parties.email_index import index_of
from payments.parties.tables import Party
from payments.parties.view import PERSONAL_FIELDS, PartyView, view_party
from payments.privacy.encryption import FieldCipher

OPERATION = "parties.create"
_COUNTRY = re.compile(r"[A-Z]{2}")


@dataclass(frozen=True)
class _Details:
    name: str
    email: str | None
    address: str | None
    tax_id: str | None
    country: str | None


def create_party(
    session: Session,
    *,
    caller: Caller,
    reference: str,
    name: str,
    email: str | None = None,
    address: str | None = None,
    tax_id: str | None = None,
    country: str | None = None,
    now: dt.datetime,
    cipher: FieldCipher,
) -> Answered[PartyView]:
    """Register a party once per reference; it begins without any KYC level.

    Raises:
        InvalidRequestError, InProgressError, ReferenceReusedError.
    """
    details = _Details(name, email, address, tax_id, country)
    _check(details)
    claim = idempotency.claim(
        session,
        principal=caller.principal,
        operation=OPERATION,
        reference=reference,
        **idempotency.keyed_fingerprints(asdict(details), cipher=cipher),
        now=now,
    )
    if claim.replayed_id is not None:
        row = session.get_one(Party, claim.replayed_id)
        return Answered(view_party(row, cipher=cipher), replayed=True)
    row = _new_row(details, now=now, cipher=cipher)
    session.add(row)
    idempotency.finish(session, claim, resource_id=row.id, now=now)
    return Answered(view_party(row, cipher=cipher), replayed=False)


def _check(details: _Details) -> None:
    errors: dict[str, list[str]] = {}
    if not details.name.strip():
        errors["name"] = ["Give a name."]
    if details.country is not None and not _COUNTRY.fullmatch(details.country):
        errors["country"] = ["Use an ISO 3166-1 alpha-2 code, such as DE."]
    if errors:
        raise InvalidRequestError("The party is not valid.", errors=errors)


def _new_row(details: _Details, *, now: dt.datetime, cipher: FieldCipher) -> Party:
    row = Party(
        id=new_id("pty", now=now),
        kyc_level="none",
        country=details.country,
        created_at=now,
        updated_at=now,
    )
    for field in PERSONAL_FIELDS:
        column = f"{field}_encrypted"
        text: str | None = getattr(details, field)
        ciphertext = cipher.encrypt_optional(text, table="parties", column=column, row_id=row.id)
        setattr(row, column, ciphertext)
    if details.email is not None:
        row.email_index = index_of(details.email, cipher=cipher)
    return row
