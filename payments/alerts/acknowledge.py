"""Acknowledges an alert: somebody has it, and nobody is told again for a while."""

import datetime as dt

from sqlalchemy.orm import Session

from payments import idempotency
from payments.access.caller import Caller
from payments.alerts.tables import Alert
from payments.errors import ConflictError, NotFoundError
from payments.idempotency import Answered
from payments.log_lines import get_logger

OPERATION = "alerts.acknowledge"

_log = get_logger(__name__)


def acknowledge(
    session: Session,
    alert_id: str,
    *,
    caller: Caller,
    reference: str,
    note: str | None,
    now: dt.datetime,
) -> Answered[Alert]:
    """Take an alert on, once per reference.

    What is acknowledged is what people were told last. They are told again of more than that, and
    when it is still so after a day (P1) or a week.

    Raises:
        NotFoundError: there is no such alert.
        ConflictError: it is over (`alert_resolved`).
        InProgressError, ReferenceReusedError: see `idempotency.claim`.
    """
    claim = idempotency.claim(
        session,
        principal=caller.principal,
        operation=OPERATION,
        reference=reference,
        fingerprint=idempotency.fingerprint({"alert_id": alert_id, "note": note}),
        now=now,
    )
    if claim.replayed_id is not None:
        return Answered(session.get_one(Alert, claim.replayed_id), replayed=True)
    alert = session.get(Alert, alert_id, with_for_update=True)
    if alert is None or alert.status == "pending":
        raise NotFoundError("There is no such alert.")
    if alert.status == "resolved":
        raise ConflictError("It is over by itself.", code="alert_resolved")
    alert.status = "acknowledged"
    alert.acknowledged_by, alert.acknowledged_at = caller.person, now
    alert.acknowledged_figures, alert.note = alert.told_figures or alert.figures, note
    session.flush()
    idempotency.finish(session, claim, resource_id=alert.id, now=now)
    _log.info("alert_acknowledged", alert_id=alert.id, condition=alert.condition, by=caller.person)
    return Answered(alert, replayed=False)
