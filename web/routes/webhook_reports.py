"""For operators: why webhooks were refused, and the proof that none is missing or applied twice."""

import datetime as dt
from typing import Any

from payments.database import in_transaction
from payments.webhooks.prove import Proof as Proven
from payments.webhooks.prove import prove_webhooks
from payments.webhooks.read_refusals import read_refusals
from web.blueprint import Blueprint
from web.parts import current_parts
from web.policies import allow
from web.problems import problems
from web.schemas.webhook_reports import Proof, ProofQuery, Refusals, RefusalsQuery

blueprint = Blueprint("webhook_reports", __name__, url_prefix="/api/ops/webhooks")

MOST_EVENTS = 3_000
"""Of one proof over HTTP: Stripe lists a hundred at a time. The command takes more."""

_DAY = dt.timedelta(days=1)


@blueprint.route("/refusals", methods=["GET"])
@allow("webhooks.read")
@blueprint.arguments(RefusalsQuery, location="query")
@blueprint.response(200, Refusals)
def show_refusals(query: dict[str, Any]) -> dict[str, Any]:
    """Count refused webhooks by reason, and show which secret version matched last."""
    parts, now = current_parts(), current_parts().now()
    parts.webhook_notes.write()  # what this process has not written yet
    to_at = query.get("to_at", now)
    from_at = query.get("from_at", to_at - _DAY)
    report = in_transaction(
        parts.engine,
        lambda session: read_refusals(
            session,
            from_at=from_at,
            to_at=to_at,
            max_age_d=parts.settings.secret_max_age_d,
            now=now,
        ),
    )
    return {
        "from_at": from_at,
        "to_at": to_at,
        "totals": report.totals,
        "hours": report.hours,
        "secrets": report.secrets,
    }


@blueprint.route("/proof", methods=["GET"])
@allow("webhooks.read")
@problems("unavailable")
@blueprint.arguments(ProofQuery, location="query")
@blueprint.response(200, Proof)
def show_proof(query: dict[str, Any]) -> Proven:
    """Hold a provider's own list of events against the inbox and the ledger."""
    parts, now = current_parts(), current_parts().now()
    to_at = query.get("to_at", now)
    return prove_webhooks(
        parts.engine,
        provider=query["provider"],
        from_at=query.get("from_at", to_at - _DAY),
        to_at=to_at,
        providers=parts.providers,
        cipher=parts.cipher,
        most=MOST_EVENTS,
        now=now,
    )
