"""What becomes of a condition's alert when it is found true, or not true.

So that nobody is told of what comes and goes: it has to hold for a while to be told, and to be
away for a while to be over. What comes back within the hour is the same alert, and each time it has
to be away for twice as long.
"""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.alerts.condition import Condition, Measured
from payments.alerts.routing import ROUTES
from payments.alerts.tables import Alert
from payments.alerts.tell import tell
from payments.identifiers import new_id
from payments.log_lines import get_logger
from payments.settings import Settings

COMES_BACK_WITHIN = dt.timedelta(hours=1)
LONGEST_SETTLING = dt.timedelta(hours=1)
_DOUBLED_MOST = 10  # from seconds to an hour; without a limit, time itself would not hold it

_log = get_logger(__name__)


def follow(
    session: Session,
    condition: Condition,
    found: Measured,
    *,
    settings: Settings,
    now: dt.datetime,
) -> None:
    """Open, go on with, or end the alert of a condition, and have people told where it is due.

    The caller alone looks at this condition until the transaction ends.
    """
    alert = session.scalars(
        select(Alert)
        .where(Alert.condition == condition.name, Alert.status != "resolved")
        .with_for_update()
    ).one_or_none()
    if not condition.is_true(found):
        if alert is None:
            return
        if not (condition.lapses and alert.status == "open"):
            _let_settle(session, alert, condition, settings=settings, now=now)
            return
    elif alert is None:
        alert = _begin(session, condition, found, now=now)
    else:
        alert.figures = found.as_figures()
        alert.last_seen_at, alert.clear_since = now, None
        alert.seen += 1
        alert.priority = condition.priority
    if alert.status == "pending":
        if now - alert.since >= condition.holds_for:
            alert = _open(session, alert, now=now)
            tell(session, alert, condition, kind="opened", settings=settings, now=now)
        return
    kind = _news(alert, now=now)
    if kind is not None:
        _forget_acknowledgement(alert)
        tell(session, alert, condition, kind=kind, settings=settings, now=now)


def _begin(session: Session, condition: Condition, found: Measured, *, now: dt.datetime) -> Alert:
    alert = Alert(
        id=new_id("alr", now=now),
        condition=condition.name,
        priority=condition.priority,
        status="pending",
        figures=found.as_figures(),
        since=now,
        last_seen_at=now,
        seen=1,
        reopened=0,
        tellings=0,
    )
    session.add(alert)
    session.flush()
    return alert


def _open(session: Session, pending: Alert, *, now: dt.datetime) -> Alert:
    """Open a pending alert; if the same was over only lately, that one goes on instead."""
    alert = session.scalars(
        select(Alert)
        .where(
            Alert.condition == pending.condition,
            Alert.status == "resolved",
            Alert.resolved_at > now - COMES_BACK_WITHIN,
        )
        .order_by(Alert.resolved_at.desc())
        .limit(1)
        .with_for_update()
    ).one_or_none()
    if alert is None:
        alert = pending
    else:
        session.delete(pending)
        session.flush()
        alert.figures, alert.last_seen_at = pending.figures, now
        alert.clear_since, alert.resolved_at = None, None
        alert.seen += pending.seen
        alert.reopened += 1
        alert.tellings = 0
        _forget_acknowledgement(alert)
    alert.status, alert.opened_at = "open", now
    session.flush()
    _log.error(
        "alert_opened",
        alert_id=alert.id,
        condition=alert.condition,
        priority=alert.priority,
        count=alert.figures["count"],
    )
    return alert


def _news(alert: Alert, *, now: dt.datetime) -> str | None:
    """Return as what to tell people again of an alert that goes on; None: not now."""
    routing = ROUTES[alert.priority]
    if alert.status == "acknowledged":
        if _is_worse(alert, alert.acknowledged_figures):
            return "worse"
        assert alert.acknowledged_at is not None  # noqa: S101 - the schema says so
        return "again" if now - alert.acknowledged_at >= routing.acknowledged_for else None
    # Who was told of less is told as soon as after the first time, and not as late as by now.
    tellings = 1 if _is_worse(alert, alert.told_figures) else alert.tellings
    due = alert.told_at is None or now - alert.told_at >= routing.wait_after(tellings)
    return "again" if due else None


def _is_worse(alert: Alert, known: Mapping[str, Any] | None) -> bool:
    """Whether more is wrong than was known: of a P1 anything new, of a P2 twice as much."""
    known = known or {}
    if alert.priority == "P1":
        is_new = bool(set(alert.figures["keys"]) - set(known.get("keys", ())))
        return is_new or alert.figures["count"] > known.get("count", 0)
    return bool(alert.figures["count"] >= 2 * max(known.get("count", 0), 1))


def _forget_acknowledgement(alert: Alert) -> None:
    alert.status = "open"
    alert.acknowledged_by = alert.acknowledged_at = alert.acknowledged_figures = None
    alert.note = None


def _let_settle(
    session: Session, alert: Alert, condition: Condition, *, settings: Settings, now: dt.datetime
) -> None:
    if alert.status == "pending":
        session.delete(alert)
        session.flush()
        return
    if alert.clear_since is None:
        alert.clear_since = now
    settles_in = condition.settles_in * 2 ** min(alert.reopened, _DOUBLED_MOST)
    if now - alert.clear_since < min(settles_in, LONGEST_SETTLING):
        return
    alert.status, alert.resolved_at = "resolved", now
    session.flush()
    tell(session, alert, condition, kind="resolved", settings=settings, now=now)
    _log.info("alert_resolved", alert_id=alert.id, condition=alert.condition)
