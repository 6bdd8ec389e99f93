"""Payout destinations: where buyers and sellers are paid, changed by two people."""

import datetime as dt
from typing import Any

from payments.database import in_transaction
from payments.payouts.decide_destination import Decision as Word
from payments.payouts.decide_destination import decide_destination
from payments.payouts.destination_input import DestinationInput
from payments.payouts.propose_destination import list_destinations, propose_destination
from web.authentication import current_caller
from web.blueprint import Blueprint
from web.parts import current_parts
from web.policies import allow
from web.problems import problems
from web.references import render_answered, take_reference
from web.schemas.payouts import Decision, Destination, DestinationList, NewDestination

_Rendered = tuple[dict[str, Any], int, dict[str, str]]

blueprint = Blueprint("payouts", __name__, url_prefix="/api")


@blueprint.route("/parties/<id:party_id>/payout-destinations", methods=["POST"])
@allow("destinations.propose")
@blueprint.arguments(NewDestination)
@blueprint.response(201, Destination)
def propose(body: dict[str, Any], party_id: str) -> _Rendered:
    """Propose where a party is paid; somebody else approves it."""
    parts, caller = current_parts(), current_caller()
    reference = take_reference(body)
    wanted = DestinationInput(**{name: body[name] for name in body if name != "reference"})
    answered = in_transaction(
        parts.engine,
        lambda session: propose_destination(
            session,
            caller=caller,
            reference=reference,
            party_id=party_id,
            wanted=wanted,
            chains=parts.settings.chains,
            now=parts.now(),
            cipher=parts.cipher,
        ),
    )
    destination, status, headers = render_answered(answered)
    return destination.as_json(), status, headers


@blueprint.route("/parties/<id:party_id>/payout-destinations", methods=["GET"])
@allow("destinations.read")
@blueprint.response(200, DestinationList)
def list_of_party(party_id: str) -> dict[str, Any]:
    """List where a party is, was and is to be paid, newest first."""
    parts, caller = current_parts(), current_caller()
    found = in_transaction(
        parts.engine,
        lambda session: list_destinations(
            session, caller=caller, party_id=party_id, cipher=parts.cipher
        ),
    )
    return {"data": [destination.as_json() for destination in found], "next": None}


@blueprint.route("/payout-destinations/<id:destination_id>/approve", methods=["POST"])
@allow("destinations.decide")
@problems("second_person_needed", "destination_decided")
@blueprint.arguments(Decision)
@blueprint.response(200, Destination)
def approve(body: dict[str, Any], destination_id: str) -> _Rendered:
    """Approve a destination somebody else proposed; it is in force once it has cooled off."""
    return _decide(body, destination_id, "approve")


@blueprint.route("/payout-destinations/<id:destination_id>/reject", methods=["POST"])
@allow("destinations.decide")
@problems("second_person_needed", "destination_decided")
@blueprint.arguments(Decision)
@blueprint.response(200, Destination)
def reject(body: dict[str, Any], destination_id: str) -> _Rendered:
    """Reject a destination, also an approved one that is not in force yet."""
    return _decide(body, destination_id, "reject")


def _decide(body: dict[str, Any], destination_id: str, decision: Word) -> _Rendered:
    parts, caller = current_parts(), current_caller()
    reference = take_reference(body)
    answered = in_transaction(
        parts.engine,
        lambda session: decide_destination(
            session,
            caller=caller,
            reference=reference,
            destination_id=destination_id,
            decision=decision,
            cooling=dt.timedelta(hours=parts.settings.payout_cooling_h),
            now=parts.now(),
            cipher=parts.cipher,
        ),
    )
    destination, status, headers = render_answered(answered, status=200)
    return destination.as_json(), status, headers
