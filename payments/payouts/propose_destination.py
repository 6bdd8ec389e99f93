"""Proposes where a party is to be paid; nothing changes until somebody else approves it."""

import datetime as dt
from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments import idempotency
from payments.access.caller import Caller
from payments.chain_settings import ChainSettings
from payments.errors import NotFoundError
from payments.idempotency import Answered
from payments.identifiers import new_id
from payments.parties.tables import Party
from payments.payouts.destination_input import DestinationInput, check_destination
from payments.payouts.destination_view import DestinationView, view_destination
from payments.payouts.destinations import seal
from payments.payouts.tables import PayoutDestination
from payments.privacy.encryption import FieldCipher

OPERATION = "destinations.propose"


def propose_destination(
    session: Session,
    *,
    caller: Caller,
    reference: str,
    party_id: str,
    wanted: DestinationInput,
    chains: Mapping[str, ChainSettings],
    now: dt.datetime,
    cipher: FieldCipher,
) -> Answered[DestinationView]:
    """Propose a destination once per reference.

    Raises:
        NotFoundError: there is no such party (any more), or it is not the caller.
        InvalidRequestError: see `check_destination`; or the reference is malformed.
        InProgressError, ReferenceReusedError: see `idempotency.claim`.
    """
    party = session.get(Party, party_id) if caller.may_see(party_id) else None
    if party is None:
        raise NotFoundError("There is no such party.")
    claim = idempotency.claim(
        session,
        principal=caller.principal,
        operation=OPERATION,
        reference=reference,
        **idempotency.keyed_fingerprints({"party_id": party_id, **wanted.content()}, cipher=cipher),
        now=now,
    )
    if claim.replayed_id is not None:
        row = session.get_one(PayoutDestination, claim.replayed_id)
        return Answered(view_destination(row, caller=caller, cipher=cipher), replayed=True)
    session.refresh(party, with_for_update={"read": True, "key_share": True})
    if party.erased_at is not None:
        raise NotFoundError("There is no such party.")
    checked = check_destination(session, wanted, chains=chains)
    destination_id = new_id("dst", now=now)
    row = PayoutDestination(
        id=destination_id,
        party_id=party_id,
        kind=checked.kind,
        chain=checked.chain,
        currency=checked.currency,
        destination_encrypted=seal(checked.details, row_id=destination_id, cipher=cipher),
        hint=checked.hint,
        status="proposed",
        proposed_by=caller.person,
        created_at=now,
    )
    session.add(row)
    session.flush()
    idempotency.finish(session, claim, resource_id=row.id, now=now)
    return Answered(view_destination(row, caller=caller, cipher=cipher), replayed=False)


def list_destinations(
    session: Session, *, caller: Caller, party_id: str, cipher: FieldCipher
) -> list[DestinationView]:
    """Return all destinations of a party, newest first.

    Raises:
        NotFoundError: there is no such party, or it is not the caller.
    """
    party = session.get(Party, party_id) if caller.may_see(party_id) else None
    if party is None:
        raise NotFoundError("There is no such party.")
    found = select(PayoutDestination).filter_by(party_id=party_id)
    rows = session.scalars(found.order_by(PayoutDestination.id.desc()))
    return [view_destination(row, caller=caller, cipher=cipher) for row in rows]
