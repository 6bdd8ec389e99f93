"""An operator asks for events to be applied again, or to be fetched from Stripe's own list.

Either way they go through the same door as any webhook, whose effects happen once.
"""

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from payments import idempotency
from payments.access.caller import Caller
from payments.delivery import outbox
from payments.errors import InvalidRequestError, NotFoundError
from payments.idempotency import Answered
from payments.identifiers import new_id
from payments.lifecycle.view import rfc_3339
from payments.providers.stripe import event_list
from payments.webhooks.tables import InboxEvent, WebhookReplay

OPERATION = "webhooks.replay"
JOB = "replay_webhooks"
SOURCES = ("inbox", "stripe")
MAX_IDS = 1_000
_EVENT_ID = re.compile(r"[\x21-\x7e]{1,255}")
_NAMED = 5  # so many unknown ids are named in an error


@dataclass(frozen=True)
class WantedEvents:
    """Which events: those of `event_ids`, or those from `from_at` until just before `to_at`.

    Of the inbox by when they were received, of Stripe by when they happened.
    """

    source: str
    event_ids: tuple[str, ...] | None = None
    from_at: dt.datetime | None = None
    to_at: dt.datetime | None = None

    def content(self) -> dict[str, object]:
        """Return what a repeated request must say again."""
        return {
            "source": self.source,
            "ids": None if self.event_ids is None else list(self.event_ids),
            "from": None if self.from_at is None else rfc_3339(self.from_at),
            "to": None if self.to_at is None else rfc_3339(self.to_at),
        }


def request_replay(
    session: Session,
    *,
    caller: Caller,
    reference: str,
    wanted: WantedEvents,
    now: dt.datetime,
    request_id: str | None,
) -> Answered[WebhookReplay]:
    """Write a replay down, once per reference; a job makes it.

    Raises:
        InvalidRequestError: it names no events, or ones that are not there.
        InProgressError, ReferenceReusedError.
    """
    claim = idempotency.claim(
        session,
        principal=caller.principal,
        operation=OPERATION,
        reference=reference,
        fingerprint=idempotency.fingerprint(wanted.content()),
        now=now,
    )
    if claim.replayed_id is not None:
        return Answered(session.get_one(WebhookReplay, claim.replayed_id), replayed=True)
    from_at, to_at = _checked_range(wanted, now=now)
    replay = WebhookReplay(
        id=new_id("rpl", now=now),
        source=wanted.source,
        event_ids=_checked_ids(session, wanted),
        from_at=from_at,
        to_at=to_at,
        status="running",
        replayed=0,
        duplicates=0,
        missing=0,
        requested_by=caller.principal,
        created_at=now,
    )
    replay.accepted = _count(session, replay)
    session.add(replay)
    outbox.stage(session, job=JOB, args={"replay_id": replay.id}, request_id=request_id, now=now)
    idempotency.finish(session, claim, resource_id=replay.id, now=now)
    return Answered(replay, replayed=False)


def read_replay(session: Session, replay_id: str) -> WebhookReplay:
    """Return a replay as far as it has come.

    Raises:
        NotFoundError: there is none of this id.
    """
    replay = session.get(WebhookReplay, replay_id)
    if replay is None:
        raise NotFoundError("There is no such replay.")
    return replay


def in_inbox(replay: WebhookReplay) -> ColumnElement[bool]:
    """Return the condition that an event of the inbox is one of a replay's."""
    is_kept = InboxEvent.payload_encrypted.is_not(None)
    if replay.event_ids is not None:
        return InboxEvent.event_id.in_(replay.event_ids) & is_kept
    assert replay.from_at is not None  # noqa: S101 - the table's CHECK
    assert replay.to_at is not None  # noqa: S101 - likewise
    received_at = InboxEvent.received_at
    # Who replays what came in a time does not mean what somebody gave up for good.
    wanted = is_kept & InboxEvent.discard_id.is_(None)
    return (received_at >= replay.from_at) & (received_at < replay.to_at) & wanted


def _checked_range(
    wanted: WantedEvents, *, now: dt.datetime
) -> tuple[dt.datetime, dt.datetime] | tuple[None, None]:
    errors: dict[str, list[str]] = {}
    if wanted.source not in SOURCES:
        errors["source"] = [f"Use one of: {', '.join(SOURCES)}."]
    if (wanted.event_ids is None) == (wanted.from_at is None):
        errors["ids"] = ["Name events by `ids`, or by `from` and `to`, and not by both."]
    if wanted.to_at is not None and wanted.from_at is None:
        errors["from"] = ["Say when the range begins."]
    _raise(errors)
    if wanted.from_at is None:
        return None, None
    # A range ends now at the latest: what comes later is not there yet.
    to_at = min(wanted.to_at or now, now)
    if wanted.from_at >= to_at:
        errors["from"] = ["The range is empty: begin it before its end and before now."]
    elif wanted.source == "stripe" and wanted.from_at < now - event_list.KEPT:
        errors["from"] = [f"Stripe keeps its events for {event_list.KEPT.days} days."]
    _raise(errors)
    return wanted.from_at, to_at


def _checked_ids(session: Session, wanted: WantedEvents) -> list[str] | None:
    if wanted.event_ids is None:
        return None
    ids = sorted(set(wanted.event_ids))
    if not 1 <= len(ids) <= MAX_IDS:
        _raise({"ids": [f"Name 1 to {MAX_IDS} events."]})
    if not all(_EVENT_ID.fullmatch(event_id) for event_id in ids):
        _raise({"ids": ["An id is as the provider writes it, such as evt_…"]})
    if wanted.source == "inbox":
        known = set(
            session.scalars(
                select(InboxEvent.event_id)
                .where(InboxEvent.event_id.in_(ids))
                .where(InboxEvent.payload_encrypted.is_not(None))
            )
        )
        _refuse_unknown([event_id for event_id in ids if event_id not in known])
    return ids


def _refuse_unknown(ids: Sequence[str]) -> None:
    if ids:
        named = ", ".join(ids[:_NAMED]) + (" …" if len(ids) > _NAMED else "")
        _raise({"ids": [f"Not in the inbox: {named}. From Stripe's list: source `stripe`."]})


def _count(session: Session, replay: WebhookReplay) -> int | None:
    """Return how many events a replay is about; None when only Stripe knows."""
    if replay.event_ids is not None:
        return len(replay.event_ids)
    if replay.source == "stripe":
        return None
    found = select(func.count()).select_from(InboxEvent).where(in_inbox(replay))
    return session.scalar(found) or 0


def _raise(errors: dict[str, list[str]]) -> None:
    if errors:
        raise InvalidRequestError("The replay is not valid.", errors=errors)
