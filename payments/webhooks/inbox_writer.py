"""Stores events of concurrent requests in shared commits: a commit waits for the disk.

Whoever comes first writes for all who wait by then, with one statement; those who come while it
writes wait, and the first of them writes the next batch. Nobody is answered before their commit.
"""

import datetime as dt
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, fields

from sqlalchemy import Engine, text
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.orm import Session

from payments.crash_points import reach
from payments.database import in_transaction
from payments.delivery import outbox
from payments.errors import UnavailableError
from payments.webhooks.wake_up import JOB

MOST = 200

_INSERT = text("""
    INSERT INTO strongroom.webhook_inbox
           (provider, event_id, event_type, occurred_at, payload_encrypted, request_id,
            received_at, due_at)
    SELECT e.*, e.received_at
      FROM unnest(
             CAST(:provider AS text[]), CAST(:event_id AS text[]), CAST(:event_type AS text[]),
             CAST(:occurred_at AS timestamptz[]), CAST(:payload_encrypted AS bytea[]),
             CAST(:request_id AS text[]), CAST(:received_at AS timestamptz[])
           ) AS e (provider, event_id, event_type, occurred_at, payload_encrypted, request_id,
                   received_at)
        ON CONFLICT (provider, event_id) DO NOTHING
    RETURNING provider, event_id
""")

_COUNT_AGAIN = text("""
    INSERT INTO strongroom.webhook_redeliveries AS known (provider, event_id, count, last_at)
    SELECT e.*, 1, :now
      FROM unnest(CAST(:provider AS text[]), CAST(:event_id AS text[])) AS e (provider, event_id)
        ON CONFLICT (provider, event_id)
        DO UPDATE SET count = known.count + 1, last_at = greatest(known.last_at, excluded.last_at)
""")


@dataclass(frozen=True, kw_only=True)
class SealedEvent:
    """A verified event, ready to be stored."""

    provider: str
    event_id: str
    event_type: str
    occurred_at: dt.datetime
    payload_encrypted: bytes
    request_id: str | None
    received_at: dt.datetime


@dataclass(frozen=True)
class Stored:
    """What became of an event, committed: was it there before, and is there a drain to ring for?

    A drain is asked for once while nobody has taken up the last request; only who asked rings.
    """

    duplicate: bool
    asked_for_drain: bool = False


@dataclass
class _Waiting:
    """An event whose request waits until it has an outcome, or is to write for all who wait."""

    event: SealedEvent
    outcome: Stored | Exception | None = None
    called: threading.Event = field(default_factory=threading.Event)


@dataclass
class InboxWriter:
    """What concurrent requests of a process share: make one for each process."""

    engine: Engine
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _waiting: list[_Waiting] = field(default_factory=list)
    _is_writing: bool = False

    def store(self, event: SealedEvent) -> Stored:
        """Store an event and ask for a drain; both are committed on return.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: it may not be stored; others' events may well be.
            UnavailableError: likewise; whoever wrote for this request was stopped.
        """
        mine = _Waiting(event)
        with self._lock:
            self._waiting.append(mine)
            is_first, self._is_writing = not self._is_writing, True
        if not is_first:
            mine.called.wait()
        if mine.outcome is None:
            self._write_for_all()
        reach("inbox.committed")
        if isinstance(mine.outcome, Stored):
            return mine.outcome
        raise mine.outcome or _STOPPED

    def store_all(self, events: Sequence[SealedEvent]) -> Stored:
        """Store the events of one webhook, all or none, and ask for a drain.

        A `duplicate` is a webhook of which every event was known.

        Raises:
            sqlalchemy.exc.SQLAlchemyError, UnavailableError: as `store`.
        """
        if len(events) == 1:
            return self.store(events[0])
        if not events:
            return Stored(duplicate=False)
        stored = in_transaction(self.engine, lambda session: _insert(session, events))
        reach("inbox.committed")
        return Stored(
            duplicate=all(outcome.duplicate for outcome in stored),
            asked_for_drain=any(outcome.asked_for_drain for outcome in stored),
        )

    def _write_for_all(self) -> None:
        """Write the oldest who wait, the caller among them, then call the next one to write."""
        with self._lock:
            batch = self._waiting[:MOST]
            del self._waiting[:MOST]
        try:
            self._write(batch)
        finally:
            with self._lock:
                successor = self._waiting[:1]
                self._is_writing = bool(successor)
            for waiting in batch + successor:
                waiting.called.set()

    def _write(self, batch: Sequence[_Waiting]) -> None:
        """Give everyone of the batch an outcome, whatever happens here."""
        outcomes: Sequence[Stored | Exception] = [_STOPPED] * len(batch)
        try:
            events = [waiting.event for waiting in batch]
            outcomes = in_transaction(self.engine, lambda session: _insert(session, events))
        except (OperationalError, InterfaceError) as error:
            outcomes = [error] * len(batch)
        except Exception as error:  # noqa: BLE001 - it belongs to one of those who wait
            outcomes = [error] * len(batch) if len(batch) == 1 else self._write_singly(batch)
        finally:
            for waiting, outcome in zip(batch, outcomes, strict=True):
                waiting.outcome = outcome

    def _write_singly(self, batch: Sequence[_Waiting]) -> list[Stored | Exception]:
        """Find the event that brought its batch down: each other one is stored."""
        for waiting in batch:
            self._write([waiting])
        return [waiting.outcome or _STOPPED for waiting in batch]


_STOPPED = UnavailableError("The server is stopping; send it again.", retry_after_s=1)


def _insert(session: Session, events: Sequence[SealedEvent]) -> list[Stored]:
    # In one order everywhere: two processes that store the same events wait, and never deadlock.
    in_order = sorted(events, key=_key)
    columns = {
        column.name: [getattr(event, column.name) for event in in_order]
        for column in fields(SealedEvent)
    }
    fresh = {tuple(row) for row in session.execute(_INSERT, columns)}
    reach("inbox.inserted")
    asked = bool(fresh) and _ask_for_drain(session, events[0])
    _count_again(session, [event for event in in_order if _key(event) not in fresh])
    outcomes = []
    for event in events:
        is_fresh = _key(event) in fresh
        fresh.discard(_key(event))  # a copy in the same batch is a duplicate
        outcomes.append(Stored(duplicate=not is_fresh, asked_for_drain=is_fresh and asked))
        asked = asked and not is_fresh
    reach("inbox.before_commit")
    return outcomes


def _count_again(session: Session, known: Sequence[SealedEvent]) -> None:
    """Note that these came again; what is in a batch twice counts once."""
    if known:
        keys = sorted({_key(event) for event in known})
        columns = {"provider": [key[0] for key in keys], "event_id": [key[1] for key in keys]}
        session.execute(_COUNT_AGAIN, columns | {"now": known[0].received_at})


def _ask_for_drain(session: Session, event: SealedEvent) -> bool:
    row_id = outbox.stage(
        session,
        job=JOB,
        coalesce_key=JOB,
        request_id=event.request_id,
        now=event.received_at,
    )
    return row_id is not None


def _key(event: SealedEvent) -> tuple[str, str]:
    return event.provider, event.event_id
