"""For operators and support: what waits longer than usual, and asking providers about it."""

from typing import Any

from payments.database import in_transaction
from payments.idempotency import Answered
from payments.log_lines import current_request_id
from payments.pending.list_pending import PendingList as Waiting
from payments.pending.list_pending import list_pending
from payments.pending.request_ask import ask_about_all, ask_about_payment, list_asks, read_ask
from payments.pending.tables import ProviderAsk
from payments.providers.stripe.intent_facts import PROVIDER as STRIPE
from web.authentication import current_caller
from web.blueprint import Blueprint
from web.parts import Parts, current_parts
from web.policies import allow
from web.problems import problems
from web.references import render_answered, take_reference
from web.rehearsals import rehearsable
from web.schemas.fields import DEFAULT_LIST
from web.schemas.pending import Ask, AskList, NewAsk, NewAskOfAll, PendingList, PendingQuery

_Answer = tuple[ProviderAsk, int, dict[str, str]]

blueprint = Blueprint("ops_pending", __name__, url_prefix="/api/ops")


@blueprint.route("/pending", methods=["GET"])
@allow("pending.read")
@blueprint.arguments(PendingQuery, location="query")
@blueprint.response(200, PendingList)
def list_waiting(query: dict[str, Any]) -> Waiting:
    """List what waits longer than usual: why, since when, and what would move it."""
    parts, now = current_parts(), current_parts().now()
    return in_transaction(parts.engine, lambda session: list_pending(session, now=now, **query))


@blueprint.route("/payments/<id:payment_id>/ask-provider", methods=["POST"])
@allow("pending.ask")
@rehearsable
@problems("not_found", "provider_refused")
@blueprint.arguments(NewAsk)
@blueprint.response(202, Ask)
def ask_about_one(body: dict[str, Any], payment_id: str) -> _Answer:
    """Have the provider asked about a payment now; what it says shows in the timeline."""
    parts, caller, now = current_parts(), current_caller(), current_parts().now()
    reference = take_reference(body)
    return _render(
        in_transaction(
            parts.engine,
            lambda session: ask_about_payment(
                session,
                caller=caller,
                reference=reference,
                payment_id=payment_id,
                providers=_askable(parts),
                now=now,
                request_id=current_request_id(),
            ),
        )
    )


@blueprint.route("/stripe/poll", methods=["POST"])
@allow("pending.ask")
@rehearsable
@blueprint.arguments(NewAsk)
@blueprint.response(202, Ask)
def poll_stripe(body: dict[str, Any]) -> _Answer:
    """Have Stripe asked about every card payment that waits; a job does it."""
    return _ask_about_all(STRIPE, take_reference(body))


@blueprint.route("/asks", methods=["POST"])
@allow("pending.ask")
@rehearsable
@blueprint.arguments(NewAskOfAll)
@blueprint.response(202, Ask)
def ask_provider(body: dict[str, Any]) -> _Answer:
    """Have a provider, Stripe or one of a bank, asked about every payment that waits there."""
    return _ask_about_all(body["provider"], take_reference(body))


@blueprint.route("/asks", methods=["GET"])
@allow("pending.read")
@blueprint.response(200, AskList)
def list_made() -> dict[str, Any]:
    """List the newest asks, and how far they are."""
    found = in_transaction(
        current_parts().engine, lambda session: list_asks(session, limit=DEFAULT_LIST)
    )
    return {"data": found, "next": None}


@blueprint.route("/asks/<id:ask_id>", methods=["GET"])
@allow("pending.read")
@blueprint.response(200, Ask)
def show_ask(ask_id: str) -> ProviderAsk:
    """Show how far an ask is, and how many payments moved by it."""
    return in_transaction(current_parts().engine, lambda session: read_ask(session, ask_id))


def _ask_about_all(provider: str, reference: str) -> _Answer:
    parts, caller, now = current_parts(), current_caller(), current_parts().now()
    return _render(
        in_transaction(
            parts.engine,
            lambda session: ask_about_all(
                session,
                caller=caller,
                reference=reference,
                provider=provider,
                providers=_askable(parts),
                now=now,
                request_id=current_request_id(),
            ),
        )
    )


def _askable(parts: Parts) -> frozenset[str]:
    return frozenset({STRIPE, *parts.providers.banks})


def _render(answered: Answered[ProviderAsk]) -> _Answer:
    return render_answered(answered, status=202)
