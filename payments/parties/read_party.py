"""Shows a party to itself, to the platform's backend and to the staff; to nobody else."""

from sqlalchemy.orm import Session

from payments.access.caller import Caller
from payments.errors import NotFoundError
from payments.parties.tables import Party
from payments.parties.view import PartyView, view_party
from payments.privacy.encryption import FieldCipher


def read_party(
    session: Session, *, caller: Caller, party_id: str, cipher: FieldCipher
) -> PartyView:
    """Return the party.

    Raises:
        NotFoundError: when there is none, or it is not the caller.
    """
    row = session.get(Party, party_id) if caller.may_see(party_id) else None
    if row is None:
        raise NotFoundError("There is no such party.")
    return view_party(row, cipher=cipher)
