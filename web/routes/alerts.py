"""For staff: what is so that people were told, who has taken it on, and whether messages arrive."""

from typing import Any

from sqlalchemy.orm import Session

from payments.alerts.acknowledge import acknowledge
from payments.alerts.all_conditions import BY_NAME
from payments.alerts.read_alerts import (
    AlertView,
    deliveries_of,
    list_alerts,
    read_alert,
    view_of,
)
from payments.alerts.send_test import TestMessages, send_test
from payments.database import in_transaction
from payments.idempotency import Answered
from payments.pages import Page
from web.authentication import current_caller
from web.blueprint import Blueprint
from web.parts import current_parts
from web.policies import allow
from web.problems import problems
from web.references import render_answered, take_reference
from web.rehearsals import rehearsable
from web.schemas.alerts import (
    Acknowledgement,
    Alert,
    AlertPage,
    AlertsQuery,
    AlertTest,
    AlertWithDeliveries,
    ConditionList,
    NewAlertTest,
)

blueprint = Blueprint("alerts", __name__, url_prefix="/api/ops/alerts")


@blueprint.route("", methods=["GET"])
@allow("alerts.read")
@blueprint.arguments(AlertsQuery, location="query")
@blueprint.response(200, AlertPage)
def list_all(query: dict[str, Any]) -> Page[AlertView]:
    """List alerts, newest first."""
    return in_transaction(current_parts().engine, lambda session: list_alerts(session, **query))


@blueprint.route("/conditions", methods=["GET"])
@allow("alerts.read")
@blueprint.response(200, ConditionList)
def list_conditions() -> dict[str, Any]:
    """List what people are told of, and when."""
    return {
        "data": [
            {
                "name": condition.name,
                "priority": condition.priority,
                "title": condition.title,
                "measured": condition.measured,
                "least": condition.least,
                "holds_for_s": int(condition.holds_for.total_seconds()),
                "settles_in_s": int(condition.settles_in.total_seconds()),
                "runbook": condition.runbook,
            }
            for condition in BY_NAME.values()
        ]
    }


@blueprint.route("/<id:alert_id>", methods=["GET"])
@allow("alerts.read")
@blueprint.response(200, AlertWithDeliveries)
def show(alert_id: str) -> dict[str, Any]:
    """Show an alert with the messages about it."""

    def read(session: Session) -> dict[str, Any]:
        alert = read_alert(session, alert_id)
        shown = {name: getattr(alert, name) for name in Alert.example}
        return shown | {"deliveries": deliveries_of(session, alert_id)}

    return in_transaction(current_parts().engine, read)


@blueprint.route("/<id:alert_id>/acknowledge", methods=["POST"])
@allow("alerts.acknowledge")
@rehearsable
@problems("alert_resolved")
@blueprint.arguments(Acknowledgement)
@blueprint.response(200, Alert)
def take_on(body: dict[str, Any], alert_id: str) -> tuple[AlertView, int, dict[str, str]]:
    """Take an alert on: nobody is told again unless it gets worse, or goes on for long."""
    parts, caller, now = current_parts(), current_caller(), current_parts().now()
    reference = take_reference(body)
    answered = in_transaction(
        parts.engine,
        lambda session: acknowledge(
            session, alert_id, caller=caller, reference=reference, note=body["note"], now=now
        ),
    )
    shown = Answered(view_of(answered.resource), replayed=answered.replayed)
    return render_answered(shown, status=200)


@blueprint.route("/test", methods=["POST"])
@allow("alerts.test")
@rehearsable
@blueprint.arguments(NewAlertTest)
@blueprint.response(202, AlertTest)
def try_target(body: dict[str, Any]) -> tuple[TestMessages, int, dict[str, str]]:
    """Send a test to every address of a target."""
    parts, caller, now = current_parts(), current_caller(), current_parts().now()
    reference = take_reference(body)
    answered = in_transaction(
        parts.engine,
        lambda session: send_test(
            session,
            caller=caller,
            reference=reference,
            target=body["target"],
            settings=parts.settings,
            now=now,
        ),
    )
    return render_answered(answered, status=202)
