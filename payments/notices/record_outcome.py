"""Writes down what became of a delivery, and what that says about its endpoint."""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from payments.log_lines import get_logger
from payments.notices.claim_due import Claimed
from payments.notices.tables import NoticeDelivery, NoticeEndpoint
from payments.notices.when_next import delay_after

DISABLED_AFTER = dt.timedelta(days=5)
"""So long an endpoint may fail without one success before it is disabled."""

_THROTTLED = frozenset({429, 502, 503, 504})
_THROTTLED_FOR = dt.timedelta(seconds=10)
_GONE = 410
_BACK_AFTER = dt.timedelta(minutes=1)  # a shorter trouble is the notice's own
_BROUGHT_FORWARD = 20_000

_log = get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a call went: the HTTP status, or why there was none; what it asks us to wait."""

    status: int | None = None
    error: str | None = None
    wish: dt.timedelta | None = None

    @property
    def is_delivered(self) -> bool:
        """Whether the receiver said that it has it."""
        return self.status is not None and 200 <= self.status <= 299  # noqa: PLR2004 - HTTP's 2xx


def record_outcome(
    session: Session, claimed: Claimed, outcome: Outcome, *, now: dt.datetime
) -> bool:
    """Write an outcome down; False, and nothing changes, when it was given to others meanwhile."""
    mine = (
        select(NoticeDelivery)
        .where(
            NoticeDelivery.number == claimed.number,
            NoticeDelivery.lease_token == claimed.lease_token,
        )
        .with_for_update()
    )
    delivery = session.scalars(mine).one_or_none()
    if delivery is None:
        return False
    delivery.lease_token = None
    delivery.last_status, delivery.last_error = outcome.status, outcome.error
    if outcome.is_delivered:
        delivery.state, delivery.delivered_at = "delivered", now
        session.flush()
        _note_success(session, claimed.endpoint_id, now=now)
        return True
    delay = delay_after(claimed.attempts, notice_id=claimed.notice_id)
    if delay is None:
        delivery.state = "failed"
    else:
        delivery.due_at = now + max(delay, outcome.wish or delay)
    session.flush()
    _note_failure(session, claimed.endpoint_id, outcome, now=now)
    return True


def _note_success(session: Session, endpoint_id: str, *, now: dt.datetime) -> None:
    """Clear what stood against the endpoint; after a longer trouble, what waits goes at once."""
    failing_since = session.scalar(
        select(NoticeEndpoint.failing_since).where(NoticeEndpoint.id == endpoint_id)
    )
    if failing_since is None:
        return
    session.execute(
        update(NoticeEndpoint)
        .where(NoticeEndpoint.id == endpoint_id)
        .values(failing_since=None, paused_until=None)
    )
    if failing_since > now - _BACK_AFTER:
        return
    waiting = (
        select(NoticeDelivery.number)
        .where(
            NoticeDelivery.endpoint_id == endpoint_id,
            NoticeDelivery.state == "waiting",
            NoticeDelivery.lease_token.is_(None),
            NoticeDelivery.due_at > now,
        )
        .order_by(NoticeDelivery.due_at)
        .limit(_BROUGHT_FORWARD)
        .with_for_update(skip_locked=True)
    )
    session.execute(
        update(NoticeDelivery).where(NoticeDelivery.number.in_(waiting)).values(due_at=now)
    )


def _note_failure(
    session: Session, endpoint_id: str, outcome: Outcome, *, now: dt.datetime
) -> None:
    endpoint = session.scalars(
        select(NoticeEndpoint)
        .where(NoticeEndpoint.id == endpoint_id)
        .with_for_update(key_share=True)
    ).one()
    if endpoint.status != "enabled":
        return
    endpoint.failing_since = endpoint.failing_since or now
    if outcome.status in _THROTTLED:
        endpoint.paused_until = now + (outcome.wish or _THROTTLED_FOR)
    reason = None
    if outcome.status == _GONE:
        reason = "gone"
    elif endpoint.failing_since <= now - DISABLED_AFTER:
        reason = "failing"
    if reason is not None:
        endpoint.status, endpoint.disabled_reason = "disabled", reason
        endpoint.disabled_at = endpoint.updated_at = now
        _log.error(
            "notice_endpoint_disabled",
            endpoint_id=endpoint_id,
            reason=reason,
            failing_since=endpoint.failing_since.isoformat(),
            last_status=outcome.status,
            last_error=outcome.error,
        )
