"""Where parties are paid: what is in force, and how it is kept.

A destination is encrypted as JSON, tied to its row; lists show its `hint` only.
"""

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.payouts.tables import PayoutDestination
from payments.privacy.encryption import FieldCipher

Kind = Literal["chain", "stripe", "bank"]
KINDS: tuple[Kind, ...] = ("chain", "stripe", "bank")


@dataclass(frozen=True, kw_only=True)
class Destination:
    """A destination in the clear; hides where it leads in its repr.

    Of kind `chain`: `address`; of kind `stripe`: `account`, the connected account; of kind `bank`:
    `iban` and its `holder`.
    """

    id: str
    kind: str
    details: "Details"


@dataclass(frozen=True, kw_only=True, repr=False)
class Details:
    """What a destination is made of; of its kind's fields none is None."""

    address: str | None = None
    account: str | None = None
    iban: str | None = None
    holder: str | None = None


def active_address(
    session: Session, *, party_id: str, chain: str, cipher: FieldCipher, now: dt.datetime
) -> str | None:
    """Return the address a party is paid at on a chain, checksummed; None while none is in force.

    Raises:
        DecryptionError: the row was changed, or its key is gone.
    """
    found = active_destination(
        session, party_id=party_id, kind="chain", chain=chain, cipher=cipher, now=now
    )
    return None if found is None else found.details.address


def active_destination(
    session: Session,
    *,
    party_id: str,
    kind: Kind,
    chain: str | None = None,
    currency: str | None = None,
    cipher: FieldCipher,
    now: dt.datetime,
) -> Destination | None:
    """Return the destination in force: of kind `chain` on one, of kind `bank` in one currency.

    Raises:
        DecryptionError: the row was changed, or its key is gone.
    """
    found = (
        select(PayoutDestination)
        .filter_by(party_id=party_id, kind=kind, chain=chain, currency=currency, status="approved")
        .where(PayoutDestination.active_from <= now)
        .order_by(PayoutDestination.active_from.desc(), PayoutDestination.id.desc())
        .limit(1)
    )
    row = session.scalars(found).first()
    if row is None:
        return None
    return Destination(id=row.id, kind=row.kind, details=unseal(row, cipher=cipher))


def seal(details: Details, *, row_id: str, cipher: FieldCipher) -> bytes:
    """Return the details as their row keeps them."""
    given = {name: value for name, value in vars(details).items() if value is not None}
    return cipher.encrypt(json.dumps(given, sort_keys=True), **_field(row_id))


def unseal(row: PayoutDestination, *, cipher: FieldCipher) -> Details:
    """Return the details a row keeps; none when its party was erased.

    Raises:
        DecryptionError: the row was changed, or its key is gone.
    """
    if row.destination_encrypted is None:
        return Details()
    given: Mapping[str, str] = json.loads(
        cipher.decrypt(row.destination_encrypted, **_field(row.id))
    )
    return Details(**given)


def _field(row_id: str) -> dict[str, str]:
    return {"table": "payout_destinations", "column": "destination_encrypted", "row_id": row_id}
