"""Writes the messages about an alert, one for each address; a job sends them."""

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import text, update
from sqlalchemy.orm import Session

from payments.alerts.compose import Message, compose
from payments.alerts.condition import Condition
from payments.alerts.routing import ROUTES
from payments.alerts.tables import Alert, AlertDelivery
from payments.delivery import outbox
from payments.log_lines import get_logger
from payments.settings import Settings

JOB = "send_alert"
CONSOLE_PATH = "/console"

_TOLD = text("""
    SELECT DISTINCT target FROM strongroom.alert_deliveries
     WHERE alert_id = :alert_id AND state <> 'no_address' ORDER BY target
""")
_IS_DUE = text("""
    SELECT EXISTS (SELECT FROM strongroom.alert_deliveries
                    WHERE state = 'waiting' AND due_at <= :now)
""")
_log = get_logger(__name__)


def tell(
    session: Session,
    alert: Alert,
    condition: Condition,
    *,
    kind: str,
    settings: Settings,
    now: dt.datetime,
) -> None:
    """Have everybody told whom an alert is for by now; of its end, whoever was told of it.

    A message that did not arrive yet gives way to the newer one.
    """
    if kind == "resolved":
        targets: Sequence[str] = session.scalars(_TOLD, {"alert_id": alert.id}).all()
    else:
        targets = ROUTES[alert.priority].targets(tellings=alert.tellings)
        alert.tellings += 1
        alert.told_at, alert.told_figures = now, alert.figures
    message = compose(
        alert, condition, kind=kind, console_url=settings.console_url or CONSOLE_PATH, now=now
    )
    written = write_messages(
        session,
        targets,
        message,
        kind=kind,
        priority=alert.priority,
        alert_id=alert.id,
        settings=settings,
        now=now,
    )
    if kind != "resolved" and not any(row.address for row in written):
        _log.critical("alert_reaches_nobody", alert_id=alert.id, condition=alert.condition)


def write_messages(
    session: Session,
    targets: Sequence[str],
    message: Message,
    *,
    kind: str,
    priority: str,
    alert_id: str | None,
    settings: Settings,
    now: dt.datetime,
) -> list[AlertDelivery]:
    """Write a message for each address of each target, to be sent now, and return them."""
    written = []
    for target in targets:
        count = len(settings.alert_targets.get(target, ()))
        for address in range(1, count + 1) if count else [None]:
            if alert_id is not None and address is not None:
                _replace(session, alert_id, target=target, address=address)
            written.append(
                AlertDelivery(
                    alert_id=alert_id,
                    kind=kind,
                    target=target,
                    address=address,
                    priority=priority,
                    title=message.title,
                    body=message.body,
                    state="waiting" if address else "no_address",
                    attempts=0,
                    created_at=now,
                    due_at=now,
                )
            )
    session.add_all(written)
    session.flush()
    if any(row.state == "waiting" for row in written):
        outbox.stage(session, job=JOB, coalesce_key=JOB, now=now)
    return written


def wake_up_for_leftovers(session: Session, *, now: dt.datetime) -> bool:
    """Have what is due sent, if anything is, whoever did not do it before; return whether."""
    if not session.scalar(_IS_DUE, {"now": now}):
        return False
    outbox.stage(session, job=JOB, coalesce_key=JOB, now=now)
    return True


def _replace(session: Session, alert_id: str, *, target: str, address: int) -> None:
    session.execute(
        update(AlertDelivery)
        .where(
            AlertDelivery.alert_id == alert_id,
            AlertDelivery.target == target,
            AlertDelivery.address == address,
            AlertDelivery.state == "waiting",
        )
        .values(state="replaced")
        .execution_options(synchronize_session=False)
    )
