"""Buyers and sellers."""

from typing import Any

from sqlalchemy.orm import Session

from payments.at_rest.erase_party import erase_party
from payments.audit.deed import note_subjects
from payments.database import in_transaction
from payments.parties.create_party import create_party
from payments.parties.email_index import find_parties
from payments.parties.read_party import read_party
from payments.parties.set_kyc_level import set_kyc_level
from payments.parties.view import PartyView
from web.authentication import current_caller
from web.blueprint import Blueprint
from web.parts import current_parts
from web.policies import allow
from web.problems import problems
from web.references import render_answered, take_reference
from web.schemas.parties import KycLevel, NewErasure, NewParty, Parties, Party, PartyQuery

blueprint = Blueprint("parties", __name__, url_prefix="/api/parties")


@blueprint.route("", methods=["POST"])
@allow("parties.create")
@blueprint.arguments(NewParty)
@blueprint.response(201, Party)
def create(body: dict[str, Any]) -> tuple[PartyView, int, dict[str, str]]:
    """Register a buyer or seller."""
    parts, caller, now = current_parts(), current_caller(), current_parts().now()
    details = body | {"reference": take_reference(body)}
    answered = in_transaction(
        parts.engine,
        lambda session: create_party(
            session, caller=caller, now=now, cipher=parts.cipher, **details
        ),
    )
    return render_answered(answered)


@blueprint.route("", methods=["GET"])
@allow("parties.find")
@blueprint.arguments(PartyQuery, location="query")
@blueprint.response(200, Parties)
def find(query: dict[str, Any]) -> dict[str, list[PartyView]]:
    """Find the parties with an e-mail address, whatever its capitals."""
    parts = current_parts()

    def find_and_note(session: Session) -> list[PartyView]:
        views = find_parties(session, email=query["email"], cipher=parts.cipher)
        note_subjects(view.id for view in views)
        return views

    return {"items": in_transaction(parts.engine, find_and_note)}


@blueprint.route("/<id:party_id>", methods=["GET"])
@allow("parties.read")
@blueprint.response(200, Party)
def read(party_id: str) -> PartyView:
    """Show a party; buyers and sellers see themselves only."""
    parts, caller = current_parts(), current_caller()
    return in_transaction(
        parts.engine,
        lambda session: read_party(session, caller=caller, party_id=party_id, cipher=parts.cipher),
    )


@blueprint.route("/<id:party_id>/kyc", methods=["PUT"])
@allow("parties.set_kyc")
@blueprint.arguments(KycLevel)
@blueprint.response(200, Party)
def set_kyc(body: dict[str, Any], party_id: str) -> PartyView:
    """Note how well the platform knows a party."""
    parts, now = current_parts(), current_parts().now()
    return in_transaction(
        parts.engine,
        lambda session: set_kyc_level(
            session, party_id=party_id, level=body["level"], now=now, cipher=parts.cipher
        ),
    )


@blueprint.route("/<id:party_id>/erase", methods=["POST"])
@allow("parties.erase")
@problems("conflict", "party_in_use")
@blueprint.arguments(NewErasure)
@blueprint.response(200, Party)
def erase(body: dict[str, Any], party_id: str) -> tuple[PartyView, int, dict[str, str]]:
    """Erase a person's data for ever; documents stay as long as the law wants them."""
    parts, caller, now = current_parts(), current_caller(), current_parts().now()
    reference = take_reference(body)
    answered = in_transaction(
        parts.engine,
        lambda session: erase_party(
            session,
            caller=caller,
            reference=reference,
            party_id=party_id,
            reason=body["reason"],
            now=now,
            cipher=parts.cipher,
        ),
    )
    return render_answered(answered, status=200)
