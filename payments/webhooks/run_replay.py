"""Makes a replay step by step: each is one transaction, and the next goes on where it ended."""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from payments.database import in_transaction
from payments.log_lines import get_logger
from payments.privacy.encryption import FieldCipher
from payments.providers.stripe import event_list
from payments.providers.stripe.client import StripeClient
from payments.providers.stripe.event_list import ListedEvent
from payments.webhooks.make_new import make_new
from payments.webhooks.request_replay import in_inbox
from payments.webhooks.store_listed import store_listed
from payments.webhooks.tables import InboxEvent, WebhookReplay

BATCH = 1_000
GIVE_UP_AFTER = dt.timedelta(days=1)
_RETRIEVED = 20  # events asked for one by one in a step

_log = get_logger(__name__)


@dataclass(frozen=True)
class _Found:
    """What Stripe has of a step: its events, how many ids it does not know, where to go on."""

    events: list[ListedEvent]
    missing: int
    position: str | None  # None: that was all


def take_step(
    engine: Engine, replay_id: str, *, cipher: FieldCipher, stripe: StripeClient, now: dt.datetime
) -> bool:
    """Do the next part of a replay; False when nothing is left to do.

    Safe to run twice at once: a step that somebody else has made meanwhile is not counted again.

    Raises:
        UnavailableError: Stripe did not answer.
    """
    with Session(engine, expire_on_commit=False) as session:
        replay = session.get_one(WebhookReplay, replay_id)
    if replay.status != "running":
        return False
    if replay.source == "inbox":
        return in_transaction(engine, lambda session: _again(session, replay, now=now))
    found = _ask(stripe, replay)
    return in_transaction(
        engine, lambda session: _take_in(session, replay, found, cipher=cipher, now=now)
    )


def postpone(engine: Engine, replay_id: str, error: str, *, now: dt.datetime) -> bool:
    """Note what keeps a replay from going on; False when that has lasted a day and it fails.

    What it has replayed so far stays.
    """

    def note(session: Session) -> bool:
        row = session.get_one(WebhookReplay, replay_id, with_for_update=True)
        if row.status != "running":
            return False
        row.error = error
        if now - row.created_at < GIVE_UP_AFTER:
            return True
        row.status, row.finished_at = "failed", now
        return False

    goes_on = in_transaction(engine, note)
    _log.warning("webhook_replay_held_up", replay_id=replay_id, error=error, goes_on=goes_on)
    return goes_on


def _again(session: Session, seen: WebhookReplay, *, now: dt.datetime) -> bool:
    """Make the next events of the inbox new, whatever became of them before."""
    replay = _locked(session, seen)
    if replay is None:
        return True
    events = (
        select(InboxEvent.id)
        .where(in_inbox(replay), InboxEvent.id > int(replay.position or 0))
        .order_by(InboxEvent.id)
        .limit(BATCH)
        .with_for_update()
    )
    ids = session.scalars(events).all()
    if ids:
        make_new(session, ids, now=now)
        replay.replayed += len(ids)
        replay.position = str(ids[-1])
    return _go_on(replay, is_last=len(ids) < BATCH, now=now)


def _ask(stripe: StripeClient, replay: WebhookReplay) -> _Found:
    if replay.event_ids is not None:
        ids = replay.event_ids[int(replay.position or 0) :][:_RETRIEVED]
        asked = [event_list.retrieve_event(stripe, event_id) for event_id in ids]
        events = [event for event in asked if event is not None]
        upto = int(replay.position or 0) + len(ids)
        position = str(upto) if upto < len(replay.event_ids) else None
        return _Found(events, missing=len(asked) - len(events), position=position)
    assert replay.from_at is not None  # noqa: S101 - the table's CHECK
    assert replay.to_at is not None  # noqa: S101 - likewise
    page = event_list.next_page(
        stripe, from_at=replay.from_at, to_at=replay.to_at, after=replay.position
    )
    return _Found(page, missing=0, position=page[-1].event_id if page else None)


def _take_in(
    session: Session,
    seen: WebhookReplay,
    found: _Found,
    *,
    cipher: FieldCipher,
    now: dt.datetime,
) -> bool:
    replay = _locked(session, seen)
    if replay is None:
        return True
    stored = store_listed(session, found.events, provider="stripe", cipher=cipher, now=now)
    replay.replayed += stored
    replay.duplicates += len(found.events) - stored
    replay.missing += found.missing
    replay.position = found.position or replay.position
    return _go_on(replay, is_last=found.position is None, now=now)


def _locked(session: Session, seen: WebhookReplay) -> WebhookReplay | None:
    """Return the row to write to; None when it is not as it was seen, so another made the step."""
    row = session.get_one(WebhookReplay, seen.id, with_for_update=True)
    return row if (row.status, row.position) == (seen.status, seen.position) else None


def _go_on(replay: WebhookReplay, *, is_last: bool, now: dt.datetime) -> bool:
    if is_last:
        replay.status, replay.error, replay.finished_at = "done", None, now
        _log.info(
            "webhook_replay_done",
            replay_id=replay.id,
            source=replay.source,
            replayed=replay.replayed,
            duplicates=replay.duplicates,
            missing=replay.missing,
        )
    return not is_last
