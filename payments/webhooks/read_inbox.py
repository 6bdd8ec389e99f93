"""Shows operators what is in the inbox; payloads stay encrypted and are never shown."""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import ColumnElement, literal_column, select
from sqlalchemy.orm import Session, defer

from payments.errors import InvalidRequestError
from payments.pages import Page, page_of
from payments.webhooks.tables import DISCARDED, InboxEvent

_DEAD = "dead"
STATES = ("new", "done", "ignored", _DEAD, DISCARDED)
"""`dead` are those at which somebody must look; `discarded` those that were given up for good."""

_PREFIX = "inb_"


@dataclass(frozen=True, kw_only=True)
class InboxEventView:
    """An event as operators see it; `due_at` says when it is tried next, if it is."""

    id: str
    provider: str
    event_id: str
    type: str
    state: str
    attempts: int
    error: str | None
    occurred_at: dt.datetime
    received_at: dt.datetime
    replayed_at: dt.datetime | None
    due_at: dt.datetime | None
    finished_at: dt.datetime | None
    request_id: str | None


def list_inbox(
    session: Session,
    *,
    limit: int,
    state: str | None = None,
    event_type: str | None = None,
    after: str | None = None,
) -> Page[InboxEventView]:
    """Return up to `limit` events, newest first, of a state and a type where these are given.

    Raises:
        InvalidRequestError: `after` is no cursor of this list.
    """
    query = select(InboxEvent).options(defer(InboxEvent.payload_encrypted, raiseload=True))
    if state is not None:
        query = query.where(_stands(state))
    if event_type is not None:
        query = query.where(InboxEvent.event_type == event_type)
    if after is not None:
        query = query.where(InboxEvent.id < _position(after))
    rows = session.scalars(query.order_by(InboxEvent.id.desc()).limit(limit + 1)).all()
    return page_of([_view(row) for row in rows], limit=limit)


def _stands(state: str) -> ColumnElement[bool]:
    if state not in (_DEAD, DISCARDED):
        return InboxEvent.state == state
    # As a literal: PostgreSQL cannot match a prepared statement's parameter to a partial index.
    is_dead = InboxEvent.state == literal_column(f"'{_DEAD}'")
    is_discarded = InboxEvent.discard_id.is_not(None)
    return is_dead & (is_discarded if state == DISCARDED else ~is_discarded)


def _position(cursor: str) -> int:
    digits = cursor.removeprefix(_PREFIX)
    is_one = cursor.startswith(_PREFIX) and digits.isascii() and digits.isdecimal()
    if not is_one or len(digits) > 18:  # noqa: PLR2004 - the digits that any bigint can have
        raise InvalidRequestError(
            "The cursor is not valid.", errors={"after": ["Use `next` of the page before."]}
        )
    return int(digits)


def _view(row: InboxEvent) -> InboxEventView:
    return InboxEventView(
        id=f"{_PREFIX}{row.id}",
        provider=row.provider,
        event_id=row.event_id,
        type=row.event_type,
        state=row.standing,
        attempts=row.attempts,
        error=row.error,
        occurred_at=row.occurred_at,
        received_at=row.received_at,
        replayed_at=row.replayed_at,
        due_at=row.due_at if row.state == "new" else None,
        finished_at=row.finished_at,
        request_id=row.request_id,
    )
