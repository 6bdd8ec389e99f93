"""Reads alerts for staff, with what their conditions say and how the messages fared."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.alerts.all_conditions import BY_NAME
from payments.alerts.condition import Condition
from payments.alerts.routing import ROUTES
from payments.alerts.tables import Alert, AlertDelivery
from payments.errors import NotFoundError
from payments.pages import Page, page_of

STATUSES = ("open", "acknowledged", "resolved")
UNRESOLVED = "unresolved"
DELIVERIES_SHOWN = 200


@dataclass(frozen=True)
class AlertView:
    """An alert with what its condition is; None: this version knows none of that name."""

    row: Alert
    defined: Condition | None

    @property
    def title(self) -> str:
        """Return what people are told it is."""
        return self.defined.title if self.defined else self.row.condition

    @property
    def measured(self) -> str | None:
        """Return what is counted."""
        return self.defined.measured if self.defined else None

    @property
    def runbook(self) -> str | None:
        """Return the name of the runbook that says what to do."""
        return self.defined.runbook if self.defined else None

    @property
    def next_telling_at(self) -> dt.datetime | None:
        """Return when people are told again if nothing changes; None: not any more."""
        routing = ROUTES[self.row.priority]
        if self.row.status == "open" and self.row.told_at is not None:
            return self.row.told_at + routing.wait_after(self.row.tellings)
        if self.row.status == "acknowledged" and self.row.acknowledged_at is not None:
            return self.row.acknowledged_at + routing.acknowledged_for
        return None

    def __getattr__(self, name: str) -> Any:
        """Return what the row says."""
        return getattr(self.row, name)


def list_alerts(
    session: Session, *, limit: int, status: str | None = None, after: str | None = None
) -> Page[AlertView]:
    """Return up to `limit` alerts that people were told of, newest first.

    `status` may also be `unresolved`.
    """
    query = select(Alert).where(Alert.status != "pending").order_by(Alert.id.desc())
    if status == UNRESOLVED:
        query = query.where(Alert.status != "resolved")
    elif status is not None:
        query = query.where(Alert.status == status)
    if after is not None:
        query = query.where(Alert.id < after)
    found = session.scalars(query.limit(limit + 1)).all()
    page = page_of(found, limit=limit)
    return Page([view_of(alert) for alert in page.data], page.next)


def read_alert(session: Session, alert_id: str) -> AlertView:
    """Return an alert.

    Raises:
        NotFoundError: there is no such alert.
    """
    alert = session.get(Alert, alert_id)
    if alert is None or alert.status == "pending":
        raise NotFoundError("There is no such alert.")
    return view_of(alert)


def deliveries_of(session: Session, alert_id: str) -> Sequence[AlertDelivery]:
    """Return the messages about an alert, oldest first."""
    query = select(AlertDelivery).where(AlertDelivery.alert_id == alert_id)
    return session.scalars(query.order_by(AlertDelivery.number).limit(DELIVERIES_SHOWN)).all()


def view_of(alert: Alert) -> AlertView:
    """Return an alert with its condition."""
    return AlertView(alert, BY_NAME.get(alert.condition))
