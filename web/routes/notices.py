"""Notices to the platform's backend: where they go, how they fared, and sending them again."""

import datetime as dt
from typing import Any

from payments.database import in_transaction
from payments.notices import deliveries, endpoints
from payments.notices.deliveries import DeliveryView
from payments.notices.endpoints import EndpointView
from payments.notices.request_replay import WantedNotices, request_replay
from payments.notices.rotate_secret import rotate_secret
from payments.notices.tables import NoticeEndpoint
from payments.notices.tables import NoticeReplay as Replay
from payments.pages import Page
from web.authentication import current_caller
from web.blueprint import Blueprint
from web.parts import current_parts
from web.policies import allow
from web.problems import problems
from web.references import render_answered, take_reference
from web.schemas.notices import (
    Delivery,
    DeliveryPage,
    DeliveryQuery,
    Endpoint,
    EndpointChange,
    EndpointList,
    EndpointWithSecret,
    NewEndpoint,
    NewNoticeReplay,
    NoticeReplay,
    SecretRotation,
)

blueprint = Blueprint("notices", __name__, url_prefix="/api/notices")


@blueprint.route("/endpoints", methods=["POST"])
@allow("notices.manage")
@problems("conflict")
@blueprint.arguments(NewEndpoint)
@blueprint.response(201, EndpointWithSecret)
def add(body: dict[str, Any]) -> tuple[EndpointView, int, dict[str, str]]:
    """Have a URL hear of changes from now on; its secret is in this answer and nowhere else."""
    parts, caller, now = current_parts(), current_caller(), current_parts().now()
    reference = take_reference(body)
    answered = in_transaction(
        parts.engine,
        lambda session: endpoints.add_endpoint(
            session,
            caller=caller,
            reference=reference,
            url=body["url"],
            topics=body["topics"],
            description=body["description"],
            private_networks=parts.settings.notice_private_networks,
            cipher=parts.cipher,
            now=now,
        ),
    )
    return render_answered(answered)


@blueprint.route("/endpoints", methods=["GET"])
@allow("notices.read")
@blueprint.response(200, EndpointList)
def list_all() -> dict[str, Any]:
    """List the endpoints."""
    return {"data": in_transaction(current_parts().engine, endpoints.list_endpoints)}


@blueprint.route("/endpoints/<id:endpoint_id>", methods=["GET"])
@allow("notices.read")
@blueprint.response(200, Endpoint)
def show(endpoint_id: str) -> NoticeEndpoint:
    """Show an endpoint."""
    return in_transaction(
        current_parts().engine, lambda session: endpoints.read_endpoint(session, endpoint_id)
    )


@blueprint.route("/endpoints/<id:endpoint_id>", methods=["PATCH"])
@allow("notices.manage")
@blueprint.arguments(EndpointChange)
@blueprint.response(200, Endpoint)
def change(body: dict[str, Any], endpoint_id: str) -> NoticeEndpoint:
    """Change an endpoint, disable it, or enable it again."""
    parts, now = current_parts(), current_parts().now()
    return in_transaction(
        parts.engine,
        lambda session: endpoints.change_endpoint(
            session,
            endpoint_id,
            private_networks=parts.settings.notice_private_networks,
            now=now,
            **body,
        ),
    )


@blueprint.route("/endpoints/<id:endpoint_id>", methods=["DELETE"])
@allow("notices.manage")
@blueprint.response(204)
def remove(endpoint_id: str) -> None:
    """Send an endpoint nothing more."""
    now = current_parts().now()
    in_transaction(
        current_parts().engine,
        lambda session: endpoints.remove_endpoint(session, endpoint_id, now=now),
    )


@blueprint.route("/endpoints/<id:endpoint_id>/rotate-secret", methods=["POST"])
@allow("notices.manage")
@problems("conflict")
@blueprint.arguments(SecretRotation)
@blueprint.response(201, EndpointWithSecret)
def rotate(body: dict[str, Any], endpoint_id: str) -> tuple[EndpointView, int, dict[str, str]]:
    """Make a new secret; old and new sign both until the overlap ends."""
    parts, caller, now = current_parts(), current_caller(), current_parts().now()
    reference = take_reference(body)
    answered = in_transaction(
        parts.engine,
        lambda session: rotate_secret(
            session,
            caller=caller,
            reference=reference,
            endpoint_id=endpoint_id,
            overlap=dt.timedelta(seconds=body["overlap_s"]),
            cipher=parts.cipher,
            now=now,
        ),
    )
    return render_answered(answered)


@blueprint.route("/endpoints/<id:endpoint_id>/test", methods=["POST"])
@allow("notices.manage")
@problems("conflict")
@blueprint.response(202, Delivery)
def test(endpoint_id: str) -> DeliveryView:
    """Send an endpoint a notice of type `endpoint.test`; `GET /api/notices` says how it went."""
    now = current_parts().now()
    return in_transaction(
        current_parts().engine,
        lambda session: deliveries.send_test(session, endpoint_id, now=now),
    )


@blueprint.route("", methods=["GET"])
@allow("notices.read")
@blueprint.arguments(DeliveryQuery, location="query")
@blueprint.response(200, DeliveryPage)
def list_page(query: dict[str, Any]) -> Page[DeliveryView]:
    """List what was sent where and how it went, newest first."""
    return in_transaction(
        current_parts().engine, lambda session: deliveries.list_deliveries(session, **query)
    )


@blueprint.route("/replay", methods=["POST"])
@allow("notices.manage")
@problems("conflict", "not_found")
@blueprint.arguments(NewNoticeReplay)
@blueprint.response(202, NoticeReplay)
def replay(body: dict[str, Any]) -> tuple[Replay, int, dict[str, str]]:
    """Send an endpoint notices again, with the ids they had; those it never got as well."""
    parts, caller, now = current_parts(), current_caller(), current_parts().now()
    reference = take_reference(body)
    wanted = WantedNotices(
        notice_ids=tuple(body["notice_ids"]) if "notice_ids" in body else None,
        since=body.get("since"),
    )
    answered = in_transaction(
        parts.engine,
        lambda session: request_replay(
            session,
            caller=caller,
            reference=reference,
            endpoint_id=body["endpoint_id"],
            wanted=wanted,
            now=now,
        ),
    )
    return render_answered(answered, status=202)
