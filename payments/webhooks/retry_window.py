"""How long events of a provider are retried: by the settings, or as an operator set it at run time.

An operator widens it before an outage of ours outlasts it; what had already died comes back.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import func, literal, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from payments.access.caller import Caller
from payments.errors import InvalidRequestError
from payments.log_lines import get_logger
from payments.settings import LONGEST_RETRY_WINDOW_H, RETRY_WINDOW_H
from payments.webhooks.tables import InboxEvent, RetryWindow
from payments.webhooks.wake_up import wake_up

_log = get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class RetryWindowView:
    """A provider's retry window; `revived` counts the dead events that fit into it again."""

    provider: str
    hours: int
    set_by: str | None
    revived: int = 0


def retry_window(
    session: Session, provider: str, *, configured_h: Mapping[str, int]
) -> dt.timedelta:
    """Return how long after their receipt a provider's events are retried.

    Also of a provider that the settings do not name any more.
    """
    row = session.get(RetryWindow, provider)
    configured = configured_h.get(provider, RETRY_WINDOW_H)
    return dt.timedelta(hours=configured if row is None else row.hours)


def list_retry_windows(
    session: Session, *, configured_h: Mapping[str, int]
) -> list[RetryWindowView]:
    """Return every provider's window; `set_by` is None where the settings' holds."""
    rows = {row.provider: row for row in session.scalars(select(RetryWindow))}
    return [
        RetryWindowView(
            provider=provider,
            hours=rows[provider].hours if provider in rows else hours,
            set_by=rows[provider].set_by if provider in rows else None,
        )
        for provider, hours in sorted(configured_h.items())
    ]


def set_retry_window(
    session: Session,
    *,
    caller: Caller,
    provider: str,
    hours: int,
    configured_h: Mapping[str, int],
    now: dt.datetime,
) -> RetryWindowView:
    """Set a provider's window in place of the settings', and revive the dead that fit into it.

    Raises:
        InvalidRequestError: there is no such provider, or no such number of hours.
    """
    _check(provider, hours, configured_h)
    named = {"hours": hours, "set_by": caller.principal, "updated_at": now}
    session.execute(
        insert(RetryWindow)
        .values(provider=provider, **named)
        .on_conflict_do_update(index_elements=["provider"], set_=named)
    )
    counted_from = func.coalesce(InboxEvent.replayed_at, InboxEvent.received_at)
    revived = session.scalars(
        update(InboxEvent)
        .where(
            InboxEvent.provider == provider,
            InboxEvent.state == "dead",
            InboxEvent.discard_id.is_(None),
            counted_from > literal(now - dt.timedelta(hours=hours)),
        )
        .values(state="new", due_at=now, finished_at=None)
        .returning(InboxEvent.id)
        .execution_options(synchronize_session=False)
    ).all()
    if revived:
        wake_up(session, now=now, request_id=None)
    _log.info(
        "webhook_retry_window_set",
        provider=provider,
        hours=hours,
        set_by=caller.principal,
        revived=len(revived),
    )
    return RetryWindowView(
        provider=provider, hours=hours, set_by=caller.principal, revived=len(revived)
    )


def _check(provider: str, hours: int, configured_h: Mapping[str, int]) -> None:
    errors: dict[str, list[str]] = {}
    if provider not in configured_h:
        errors["provider"] = [f"Use one of: {', '.join(sorted(configured_h))}."]
    if not 1 <= hours <= LONGEST_RETRY_WINDOW_H:
        errors["hours"] = [f"Use 1 to {LONGEST_RETRY_WINDOW_H} hours."]
    if errors:
        raise InvalidRequestError("The retry window is not valid.", errors=errors)
