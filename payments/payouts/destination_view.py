"""A payout destination as callers are shown it."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from payments.access.caller import Caller, Role
from payments.lifecycle.view import rfc_3339
from payments.payouts.destinations import Details, unseal
from payments.payouts.tables import PayoutDestination
from payments.privacy.encryption import FieldCipher

_DECIDE = frozenset({Role.FINANCE, Role.ADMIN})
_HIDDEN = Details()


@dataclass(frozen=True, kw_only=True)
class DestinationView:
    """A destination; `details` are empty for those who are shown its `hint` only.

    `active_from` is when it comes, or came, into force.
    """

    id: str
    party_id: str
    kind: str
    chain: str | None
    currency: str | None
    hint: str
    details: Details
    status: str
    active_from: dt.datetime | None
    proposed_by: str
    decided_by: str | None
    created_at: dt.datetime
    decided_at: dt.datetime | None

    def as_json(self) -> dict[str, Any]:
        """Return the destination as the API writes it."""
        return {
            "id": self.id,
            "party_id": self.party_id,
            "kind": self.kind,
            "chain": self.chain,
            "currency": self.currency,
            "hint": self.hint,
            "address": self.details.address,
            "account": self.details.account,
            "iban": self.details.iban,
            "holder": self.details.holder,
            "status": self.status,
            "active_from": self.active_from and rfc_3339(self.active_from),
            "proposed_by": self.proposed_by,
            "decided_by": self.decided_by,
            "created_at": rfc_3339(self.created_at),
            "decided_at": self.decided_at and rfc_3339(self.decided_at),
        }


def view_destination(
    row: PayoutDestination, *, caller: Caller, cipher: FieldCipher
) -> DestinationView:
    """Return a destination; in full to the party itself, and to those who decide on it.

    They must see all of it: addresses that begin and end alike are made to be mistaken.

    Raises:
        DecryptionError: the row was changed, or its key is gone.
    """
    sees_all = caller.role in _DECIDE or caller.party_id == row.party_id
    return DestinationView(
        id=row.id,
        party_id=row.party_id,
        kind=row.kind,
        chain=row.chain,
        currency=row.currency,
        hint=row.hint,
        details=unseal(row, cipher=cipher) if sees_all else _HIDDEN,
        status=row.status,
        active_from=row.active_from,
        proposed_by=row.proposed_by,
        decided_by=row.decided_by,
        created_at=row.created_at,
        decided_at=row.decided_at,
    )
