"""For operators: the webhook inbox, replays, how long events are retried, deadlines put off."""

from typing import Any

from payments.database import in_transaction
from payments.intake.extend_deadlines import Extended, Scope, extend_deadlines
from payments.log_lines import current_request_id
from payments.pages import Page
from payments.webhooks.read_inbox import InboxEventView, list_inbox
from payments.webhooks.request_replay import WantedEvents, read_replay, request_replay
from payments.webhooks.retry_window import RetryWindowView, set_retry_window
from payments.webhooks.tables import WebhookReplay
from web.authentication import current_caller
from web.blueprint import Blueprint
from web.parts import current_parts
from web.policies import allow
from web.problems import problems
from web.references import render_answered, take_reference
from web.rehearsals import rehearsable
from web.schemas.ops import (
    Extension,
    InboxPage,
    InboxQuery,
    NewExtension,
    NewReplay,
    NewRetryWindow,
    Replay,
    RetryWindow,
)

blueprint = Blueprint("ops", __name__, url_prefix="/api/ops")


@blueprint.route("/webhooks", methods=["GET"])
@allow("webhooks.read")
@blueprint.arguments(InboxQuery, location="query")
@blueprint.response(200, InboxPage)
def list_webhooks(query: dict[str, Any]) -> Page[InboxEventView]:
    """List the events that providers sent, newest first."""
    return in_transaction(
        current_parts().engine,
        lambda session: list_inbox(
            session,
            limit=query["limit"],
            state=query.get("state"),
            event_type=query.get("type"),
            after=query.get("after"),
        ),
    )


@blueprint.route("/webhooks/replay", methods=["POST"])
@allow("webhooks.replay")
@rehearsable
@blueprint.arguments(NewReplay)
@blueprint.response(202, Replay)
def replay(body: dict[str, Any]) -> tuple[WebhookReplay, int, dict[str, str]]:
    """Have events applied again, or fetched from Stripe; a job does it, effects happen once."""
    parts, caller, now = current_parts(), current_caller(), current_parts().now()
    reference = take_reference(body)
    wanted = WantedEvents(
        source=body["source"],
        event_ids=tuple(body["ids"]) if "ids" in body else None,
        from_at=body.get("from_at"),
        to_at=body.get("to_at"),
    )
    answered = in_transaction(
        parts.engine,
        lambda session: request_replay(
            session,
            caller=caller,
            reference=reference,
            wanted=wanted,
            now=now,
            request_id=current_request_id(),
        ),
    )
    return render_answered(answered, status=202)


@blueprint.route("/webhooks/replay/<id:replay_id>", methods=["GET"])
@allow("webhooks.read")
@blueprint.response(200, Replay)
def show_replay(replay_id: str) -> WebhookReplay:
    """Show how far a replay has come."""
    return in_transaction(current_parts().engine, lambda session: read_replay(session, replay_id))


@blueprint.route("/webhooks/retry-window", methods=["PUT"])
@allow("webhooks.set_retry_window")
@rehearsable
@blueprint.arguments(NewRetryWindow)
@blueprint.response(200, RetryWindow)
def put_retry_window(body: dict[str, Any]) -> RetryWindowView:
    """Set how long a provider's events are retried; what is dead and fits in comes back."""
    parts, caller, now = current_parts(), current_caller(), current_parts().now()
    return in_transaction(
        parts.engine,
        lambda session: set_retry_window(
            session,
            caller=caller,
            configured_h=parts.settings.webhook_retry_window_h,
            now=now,
            **body,
        ),
    )


@blueprint.route("/deadlines/extend", methods=["POST"])
@allow("deadlines.extend")
@rehearsable
@problems("payment_not_extendable")
@blueprint.arguments(NewExtension)
@blueprint.response(201, Extension)
def extend(body: dict[str, Any]) -> tuple[Extended, int, dict[str, str]]:
    """Put the deadlines of bank payments off; while that is in force, none of them expires."""
    parts, caller, now = current_parts(), current_caller(), current_parts().now()
    reference = take_reference(body)
    scope = Scope(
        payment_ids=tuple(body["payment_ids"]) if "payment_ids" in body else None,
        order_id=body.get("order_id"),
        provider=body.get("provider"),
        created_before=body.get("created_before"),
    )
    answered = in_transaction(
        parts.engine,
        lambda session: extend_deadlines(
            session,
            caller=caller,
            reference=reference,
            scope=scope,
            extend_until=body["extend_until"],
            reason=body["reason"],
            providers=parts.providers.banks.keys(),
            now=now,
        ),
    )
    return render_answered(answered)
