"""Notes how well the platform knows a party; what needs which level is decided where it matters."""

import datetime as dt

from sqlalchemy.orm import Session

from payments.errors import InvalidRequestError, NotFoundError
from payments.parties.tables import KYC_LEVELS, Party
from payments.parties.view import PartyView, view_party
from payments.privacy.encryption import FieldCipher


def set_kyc_level(
    session: Session, *, party_id: str, level: str, now: dt.datetime, cipher: FieldCipher
) -> PartyView:
    """Set the level to `none`, `basic` or `full`; who may do so is the route's policy.

    Raises:
        InvalidRequestError: for another level.
        NotFoundError: when there is no such party.
    """
    if level not in KYC_LEVELS:
        fault = f"Use one of {', '.join(KYC_LEVELS)}."
        raise InvalidRequestError("The KYC level is not known.", errors={"level": [fault]})
    row = session.get(Party, party_id, with_for_update=True)
    if row is None:
        raise NotFoundError("There is no such party.")
    if row.kyc_level != level:
        row.kyc_level = level
        row.updated_at = now
    return view_party(row, cipher=cipher)
