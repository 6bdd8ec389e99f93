"""Releases: held funds that go to the seller, over every rail."""

from typing import Any

from payments.database import in_transaction
from payments.idempotency import Answered
from payments.releases.decide_release import approve_release, cancel_release
from payments.releases.read_releases import list_releases, read_release
from payments.releases.request_release import NewRelease as Asked
from payments.releases.request_release import request_release
from payments.releases.view import ReleaseView
from web.authentication import current_caller
from web.blueprint import Blueprint
from web.parts import current_parts
from web.policies import allow
from web.problems import problems
from web.references import render_answered, take_reference
from web.rehearsals import rehearsable
from web.schemas.releases import (
    NewRelease,
    Release,
    ReleaseApproval,
    ReleaseCancellation,
    ReleaseList,
    ReleasesQuery,
)

_Rendered = tuple[dict[str, Any], int, dict[str, str]]

blueprint = Blueprint("releases", __name__, url_prefix="/api")


@blueprint.route("/escrow/release", methods=["POST"])
@allow("releases.create")
@problems(
    "not_found",
    "kyc_required",
    "order_not_paid",
    "escrow_not_funded",
    "releases_frozen",
    "release_exceeds_held",
)
@blueprint.arguments(NewRelease)
@blueprint.response(202, Release)
def create(body: dict[str, Any]) -> _Rendered:
    """Release held funds of an order to its seller; much of it waits for a second person."""
    parts = current_parts()
    answered = request_release(
        parts.engine,
        caller=current_caller(),
        reference=take_reference(body),
        asked=Asked(order_id=body["order_id"], escrow_id=body["escrow_id"], amount=body["amount"]),
        approval_above=parts.settings.release_approval_above,
        kyc=parts.settings.kyc_thresholds,
        chains=parts.settings.chains,
        ports=parts.providers.chains,
        now=parts.now(),
    )
    return _render(answered, status=202)


@blueprint.route("/releases", methods=["GET"])
@allow("releases.read")
@problems("not_found")
@blueprint.arguments(ReleasesQuery, location="query")
@blueprint.response(200, ReleaseList)
def list_of_order(query: dict[str, Any]) -> dict[str, Any]:
    """List the releases of an order, oldest first."""
    parts, caller = current_parts(), current_caller()
    releases = in_transaction(
        parts.engine,
        lambda session: list_releases(
            session, caller=caller, order_id=query["order_id"], chains=parts.settings.chains
        ),
    )
    return {"data": [release.as_json() for release in releases], "next": None}


@blueprint.route("/releases/<id:release_id>", methods=["GET"])
@allow("releases.read")
@blueprint.response(200, Release)
def read(release_id: str) -> dict[str, Any]:
    """Show a release to the parties of its order, the backend and the staff."""
    parts, caller = current_parts(), current_caller()
    release = in_transaction(
        parts.engine,
        lambda session: read_release(
            session, caller=caller, release_id=release_id, chains=parts.settings.chains
        ),
    )
    return release.as_json()


@blueprint.route("/releases/<id:release_id>/approve", methods=["POST"])
@allow("releases.approve")
@rehearsable
@problems(
    "kyc_required",
    "order_not_paid",
    "escrow_not_funded",
    "payment_disputed",
    "releases_frozen",
    "release_not_approvable",
    "second_person_needed",
)
@blueprint.arguments(ReleaseApproval)
@blueprint.response(200, Release)
def approve(body: dict[str, Any], release_id: str) -> _Rendered:
    """Agree to a release that somebody else asked for; it is carried out at once."""
    parts = current_parts()
    answered = approve_release(
        parts.engine,
        caller=current_caller(),
        reference=take_reference(body),
        release_id=release_id,
        kyc=parts.settings.kyc_thresholds,
        chains=parts.settings.chains,
        ports=parts.providers.chains,
        now=parts.now(),
    )
    return _render(answered, status=200)


@blueprint.route("/releases/<id:release_id>/cancel", methods=["POST"])
@allow("releases.create")
@rehearsable
@problems("release_not_cancelable")
@blueprint.arguments(ReleaseCancellation)
@blueprint.response(200, Release)
def cancel(body: dict[str, Any], release_id: str) -> _Rendered:
    """Take a release back that is neither posted nor signed; its money is free again."""
    parts = current_parts()
    answered = cancel_release(
        parts.engine,
        caller=current_caller(),
        reference=take_reference(body),
        release_id=release_id,
        reason=body["reason"],
        chains=parts.settings.chains,
        now=parts.now(),
    )
    return _render(answered, status=200)


def _render(answered: Answered[ReleaseView], *, status: int) -> _Rendered:
    release, shown, headers = render_answered(answered, status=status)
    return release.as_json(), shown, headers
