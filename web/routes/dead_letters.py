"""For operators: what is not tried any more, what is inside, trying it again or giving it up."""

from typing import Any

from payments.database import in_transaction
from payments.dead_letters.discard_dead import discard_dead
from payments.dead_letters.inspect_dead import Inspected, inspect_dead
from payments.dead_letters.list_dead import DeadLetterPage as Page
from payments.dead_letters.list_dead import list_dead
from payments.dead_letters.replay_dead import WantedLetters, replay_dead
from payments.dead_letters.tables import DeadLetterDiscard, DeadLetterReplay
from payments.errors import InvalidRequestError
from web.authentication import current_caller
from web.blueprint import Blueprint
from web.parts import current_parts
from web.policies import allow
from web.problems import problems
from web.references import render_answered, take_reference
from web.rehearsals import rehearsable
from web.schemas.dead_letters import (
    DeadLetters,
    DeadLettersQuery,
    InspectedLetter,
    InspectionHeaders,
    LetterDiscard,
    LetterReplay,
    NewLetterDiscard,
    NewLetterReplay,
)

blueprint = Blueprint("dead_letters", __name__, url_prefix="/api/ops/dead-letters")


@blueprint.route("", methods=["GET"])
@allow("dead_letters.read")
@blueprint.arguments(DeadLettersQuery, location="query")
@blueprint.response(200, DeadLetters)
def list_page(query: dict[str, Any]) -> Page:
    """List events, jobs and notices that are not tried any more, without what is inside."""
    return in_transaction(current_parts().engine, lambda session: list_dead(session, **query))


@blueprint.route("/<id:letter_id>", methods=["GET"])
@allow("dead_letters.inspect")
@problems("reason_required", "validation")
@blueprint.arguments(InspectionHeaders, location="headers")
@blueprint.response(200, InspectedLetter)
def inspect(headers: dict[str, Any], letter_id: str) -> Inspected:
    """Show what is inside of a dead letter, masked; why it is looked into is kept."""
    parts = current_parts()
    return in_transaction(
        parts.engine,
        lambda session: inspect_dead(
            session, letter_id=letter_id, reason=headers.get("reason"), cipher=parts.cipher
        ),
    )


@blueprint.route("/replay", methods=["POST"])
@allow("dead_letters.replay")
@rehearsable
@blueprint.arguments(NewLetterReplay)
@blueprint.response(202, LetterReplay)
def replay(body: dict[str, Any]) -> tuple[DeadLetterReplay, int, dict[str, str]]:
    """Have one, some or all dead letters of a kind tried again; effects happen once."""
    parts, caller, now = current_parts(), current_caller(), current_parts().now()
    reference = take_reference(body)
    if ("ids" in body) == body["all"]:
        raise InvalidRequestError(
            "The replay is not valid.",
            errors={"ids": ["Name dead letters by `ids`, or say `all`, and not both."]},
        )
    wanted = WantedLetters(body["kind"], tuple(body["ids"]) if "ids" in body else None)
    answered = in_transaction(
        parts.engine,
        lambda session: replay_dead(
            session,
            caller=caller,
            reference=reference,
            wanted=wanted,
            reason=body["reason"],
            now=now,
        ),
    )
    return render_answered(answered, status=202)


@blueprint.route("/discard", methods=["POST"])
@allow("dead_letters.discard")
@rehearsable
@blueprint.arguments(NewLetterDiscard)
@blueprint.response(201, LetterDiscard)
def discard(body: dict[str, Any]) -> tuple[DeadLetterDiscard, int, dict[str, str]]:
    """Give dead letters up that nothing can ever be done about; they are kept, with the reason."""
    parts, caller, now = current_parts(), current_caller(), current_parts().now()
    reference = take_reference(body)
    answered = in_transaction(
        parts.engine,
        lambda session: discard_dead(
            session,
            caller=caller,
            reference=reference,
            kind=body["kind"],
            ids=body["ids"],
            reason=body["reason"],
            now=now,
        ),
    )
    return render_answered(answered, status=201)
