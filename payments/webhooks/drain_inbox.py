"""Applies the inbox's events in batches: one transaction, one ledger batch, many events.

An event that cannot be applied is set aside alone and tried again later; the others go through.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Engine, Select, select, update
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.orm import Session

from payments.crash_points import reach
from payments.database import in_transaction, transaction
from payments.lifecycle.record_facts import SourcedFact, record_facts
from payments.log_lines import get_logger
from payments.privacy.encryption import DecryptionError, FieldCipher
from payments.privacy.redaction import redact
from payments.providers.facts import MalformedEventError
from payments.providers.stripe import events as stripe_events
from payments.settlement import wake_up as balance_wake_up
from payments.webhooks.sealed_payload import unseal
from payments.webhooks.tables import IS_NEW, InboxEvent

MAX_ATTEMPTS = 8
BACK_OFF_CAP_S = 3_600
ERROR_LENGTH = 2_000

_log = get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Drained:
    """What became of a batch, as counts of events."""

    done: int = 0
    ignored: int = 0
    set_aside: int = 0

    @property
    def total(self) -> int:
        """How many events were taken; fewer than the limit means that no more were due."""
        return self.done + self.ignored + self.set_aside

    def __add__(self, other: "Drained") -> "Drained":
        return Drained(
            done=self.done + other.done,
            ignored=self.ignored + other.ignored,
            set_aside=self.set_aside + other.set_aside,
        )


@dataclass
class _Sorted:
    """A claimed batch, sorted by what can be done with each event."""

    facts: list[tuple[InboxEvent, SourcedFact]] = field(default_factory=list)
    ignored: list[InboxEvent] = field(default_factory=list)
    faults: list[tuple[InboxEvent, str]] = field(default_factory=list)


def drain_inbox(engine: Engine, *, cipher: FieldCipher, limit: int, now: dt.datetime) -> Drained:
    """Apply up to `limit` due events, oldest first, and return what became of them.

    Raises:
        OperationalError: the database is not to be reached, or gave up waiting for a lock; that
            is no event's fault, so none is set aside for it.
    """
    oldest = (
        select(InboxEvent)
        .where(IS_NEW, InboxEvent.due_at <= now)
        .order_by(InboxEvent.due_at, InboxEvent.id)
        .limit(limit)
    )
    return _Drain(engine, cipher, now).take(oldest)


@dataclass(frozen=True)
class _Drain:
    engine: Engine
    cipher: FieldCipher
    now: dt.datetime

    def take(self, batch: Select[InboxEvent]) -> Drained:
        """Apply a batch in one transaction; if that fails, its halves."""
        claimed: list[int] = []

        def work(session: Session) -> Drained:
            events = session.scalars(batch.with_for_update(skip_locked=True)).all()
            claimed[:] = [event.id for event in events]
            if not events:
                return Drained()
            reach("inbox.claimed")
            drained = self._apply(session, events)
            reach("inbox.effects_written")
            return drained

        try:
            return in_transaction(self.engine, work)
        except (OperationalError, InterfaceError):
            raise
        except Exception as error:
            if not claimed:
                raise
            return self._halve(claimed, error)

    def _halve(self, ids: list[int], error: Exception) -> Drained:
        """Look for the event that brought its batch down, and set it aside."""
        if len(ids) == 1:
            _log.error("webhook_event_poisoned", inbox_id=ids[0], exc_info=error)
            with transaction(self.engine) as session:
                event = session.get_one(InboxEvent, ids[0], with_for_update=True)
                self._set_aside(session, event, f"{type(error).__name__}: {error}")
            return Drained(set_aside=1)
        middle = len(ids) // 2
        return self.take(_still_new(ids[:middle])) + self.take(_still_new(ids[middle:]))

    def _apply(self, session: Session, events: Sequence[InboxEvent]) -> Drained:
        batch = self._sort(events)
        outcomes = record_facts(session, [fact for _, fact in batch.facts], now=self.now)
        done: list[InboxEvent] = []
        for (event, _), outcome in zip(batch.facts, outcomes, strict=True):
            if outcome.result == "refused":
                batch.faults.append((event, f"{outcome.reason}: {outcome.detail or ''}"))
            else:
                done.append(event)
        self._close(session, done, state="done")
        self._close(session, batch.ignored, state="ignored")
        for event, fault in batch.faults:
            self._set_aside(session, event, fault)
        if any(balance_wake_up.changes_balance(event.event_type) for event in events):
            balance_wake_up.wake_up(session, now=self.now)
        return Drained(done=len(done), ignored=len(batch.ignored), set_aside=len(batch.faults))

    def _sort(self, events: Sequence[InboxEvent]) -> _Sorted:
        batch = _Sorted()
        for event in events:
            try:
                fact = stripe_events.translate(
                    unseal(
                        self.cipher,
                        event.payload_encrypted,
                        provider=event.provider,
                        event_id=event.event_id,
                    )
                )
            except (DecryptionError, MalformedEventError) as error:
                batch.faults.append((event, f"{type(error).__name__}: {error}"))
                continue
            if fact is None:
                batch.ignored.append(event)
            else:
                cause = f"{event.provider}:{event.event_id}"
                batch.facts.append((event, SourcedFact(fact, cause)))
        return batch

    def _close(self, session: Session, events: Sequence[InboxEvent], *, state: str) -> None:
        if events:
            session.execute(
                update(InboxEvent)
                .where(InboxEvent.id.in_([event.id for event in events]))
                .values(state=state, finished_at=self.now, error=None)
                .execution_options(synchronize_session=False)
            )

    def _set_aside(self, session: Session, event: InboxEvent, fault: str) -> None:
        """Keep an event for a later attempt, or for people after the last one."""
        event.attempts += 1
        event.error = str(redact(fault))[:ERROR_LENGTH]
        if event.attempts >= MAX_ATTEMPTS:
            event.state, event.finished_at = "dead", self.now
        else:
            event.due_at = self.now + back_off(event.attempts)
        session.flush()
        _log.warning(
            "webhook_event_set_aside",
            event_id=event.event_id,
            event_type=event.event_type,
            received_by_request=event.request_id,
            attempts=event.attempts,
            state=event.state,
            error=event.error,
        )


def back_off(attempts: int) -> dt.timedelta:
    """Return how long an event rests after so many failed attempts: 1 s, 4 s, … to an hour."""
    return dt.timedelta(seconds=min(4 ** max(attempts - 1, 0), BACK_OFF_CAP_S))


def _still_new(ids: list[int]) -> Select[InboxEvent]:
    return (
        select(InboxEvent)
        .where(InboxEvent.id.in_(ids), IS_NEW)
        .order_by(InboxEvent.due_at, InboxEvent.id)
    )
