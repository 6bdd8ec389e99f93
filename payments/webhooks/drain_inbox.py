"""Applies the inbox's events in batches: one transaction, one ledger batch, many events.

An event that cannot be applied is set aside alone and tried again later; the others go through.
"""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from sqlalchemy import Engine, Select, select, update
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.orm import Session

from payments.crash_points import reach
from payments.database import in_transaction, transaction
from payments.lifecycle.record_facts import Result, SourcedFact, record_facts
from payments.log_lines import get_logger
from payments.payouts.record_payout import record_payout
from payments.privacy.encryption import DecryptionError, FieldCipher
from payments.providers.facts import MalformedEventError, PayoutReported, Told
from payments.providers.ports import BankProvider
from payments.providers.stripe import events as stripe_events
from payments.settings import RETRY_WINDOW_H
from payments.settlement import wake_up as balance_wake_up
from payments.webhooks.doubt_event import doubt_event
from payments.webhooks.sealed_payload import unseal
from payments.webhooks.set_aside import set_aside
from payments.webhooks.tables import IS_NEW, InboxEvent

_DEFAULT_WINDOWS_H = {stripe_events.PROVIDER: RETRY_WINDOW_H}
_NO_BANKS: Mapping[str, BankProvider] = {}

_Translate = Callable[[bytes], Told | Sequence[Told] | None]

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

    told: list[tuple[InboxEvent, list[SourcedFact]]] = field(default_factory=list)
    payouts: list[tuple[InboxEvent, list[PayoutReported]]] = field(default_factory=list)
    ignored: list[InboxEvent] = field(default_factory=list)
    faults: list[tuple[InboxEvent, str]] = field(default_factory=list)


def drain_inbox(
    engine: Engine,
    *,
    cipher: FieldCipher,
    limit: int,
    now: dt.datetime,
    retry_window_h: Mapping[str, int] = _DEFAULT_WINDOWS_H,
    banks: Mapping[str, BankProvider] = _NO_BANKS,
) -> Drained:
    """Apply up to `limit` due events, oldest first, and return what became of them.

    `retry_window_h` is the settings' retry window of each provider, in hours; `banks` are the bank
    providers that are set up. Events of another one wait for it.

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
    translators: dict[str, _Translate] = {stripe_events.PROVIDER: stripe_events.translate}
    translators |= {name: bank.translate for name, bank in banks.items()}
    return _Drain(engine, cipher, now, retry_window_h, translators).take(oldest)


@dataclass(frozen=True)
class _Drain:
    engine: Engine
    cipher: FieldCipher
    now: dt.datetime
    retry_window_h: Mapping[str, int]
    translators: Mapping[str, _Translate]

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
            return self._set_aside_if_new(ids[0], f"{type(error).__name__}: {error}")
        middle = len(ids) // 2
        return self.take(_still_new(ids[:middle])) + self.take(_still_new(ids[middle:]))

    def _set_aside_if_new(self, inbox_id: int, fault: str) -> Drained:
        """Set an event aside, unless another drain had more luck with it meanwhile."""
        with transaction(self.engine) as session:
            still_new = _still_new([inbox_id]).with_for_update(skip_locked=True)
            event = session.scalars(still_new).one_or_none()
            if event is None:
                return Drained()
            self._set_aside(session, event, fault)
        return Drained(set_aside=1)

    def _apply(self, session: Session, events: Sequence[InboxEvent]) -> Drained:
        batch = self._sort(events)
        facts = [fact for _, facts in batch.told for fact in facts]
        outcomes = iter(record_facts(session, facts, now=self.now))
        done: list[InboxEvent] = []
        for event, facts in batch.told:
            refused = [
                outcome
                for outcome in islice(outcomes, len(facts))
                if outcome.result is Result.REFUSED
            ]
            for outcome in refused:
                doubt_event(
                    session,
                    outcome,
                    provider=event.provider,
                    event_id=event.event_id,
                    now=self.now,
                )
            faults = [f"{outcome.reason}: {outcome.detail or ''}" for outcome in refused]
            if faults:
                batch.faults.append((event, "; ".join(faults)))
            else:
                done.append(event)
        done += self._record_payouts(session, batch)
        self._close(session, done, state="done")
        self._close(session, batch.ignored, state="ignored")
        for event, fault in batch.faults:
            self._set_aside(session, event, fault)
        if any(_changes_stripe_balance(event) for event in events):
            balance_wake_up.wake_up(session, now=self.now)
        return Drained(done=len(done), ignored=len(batch.ignored), set_aside=len(batch.faults))

    def _record_payouts(self, session: Session, batch: _Sorted) -> list[InboxEvent]:
        """Record what events say of payouts to sellers, in one order for every drain."""
        done: list[InboxEvent] = []
        for event, told in sorted(batch.payouts, key=lambda one: one[1][0].payout_id or ""):
            recorded = [record_payout(session, one, now=self.now) for one in told]
            faults = [f"{one.refusal}: {one.detail}" for one in recorded if one.refusal]
            if faults:
                batch.faults.append((event, "; ".join(faults)))
            else:
                done.append(event)
        return done

    def _sort(self, events: Sequence[InboxEvent]) -> _Sorted:
        batch = _Sorted()
        for event in events:
            try:
                told = self._read(event)
            except (DecryptionError, MalformedEventError, _NotSetUpError) as error:
                batch.faults.append((event, f"{type(error).__name__}: {error}"))
                continue
            payouts = [one for one in told if isinstance(one, PayoutReported)]
            cause = f"{event.provider}:{event.event_id}"
            facts = [SourcedFact(one, cause) for one in told if not isinstance(one, PayoutReported)]
            if payouts:
                batch.payouts.append((event, payouts))
            elif facts:
                batch.told.append((event, facts))
            else:
                batch.ignored.append(event)
        return batch

    def _read(self, event: InboxEvent) -> Sequence[Told]:
        """Return what an event tells; nothing when it is of a kind that means nothing here."""
        translate = self.translators.get(event.provider)
        if translate is None:
            raise _NotSetUpError(f"{event.provider} is not set up here")
        assert event.payload_encrypted is not None  # noqa: S101 - the table's CHECK for new ones
        payload = unseal(
            self.cipher, event.payload_encrypted, provider=event.provider, event_id=event.event_id
        )
        return _listed(translate(payload))

    def _close(self, session: Session, events: Sequence[InboxEvent], *, state: str) -> None:
        if events:
            session.execute(
                update(InboxEvent)
                .where(InboxEvent.id.in_([event.id for event in events]))
                .values(state=state, finished_at=self.now, error=None)
                .execution_options(synchronize_session=False)
            )

    def _set_aside(self, session: Session, event: InboxEvent, fault: str) -> None:
        set_aside(session, event, fault, configured_h=self.retry_window_h, now=self.now)


class _NotSetUpError(Exception):
    """The event is of a provider that the settings do not name, or not any more."""


def _changes_stripe_balance(event: InboxEvent) -> bool:
    is_stripes = event.provider == stripe_events.PROVIDER
    return is_stripes and balance_wake_up.changes_balance(event.event_type)


def _listed(told: Told | Sequence[Told] | None) -> Sequence[Told]:
    """Return the facts of an event, whether its translation is none, one or several."""
    if told is None:
        return []
    return told if isinstance(told, Sequence) else [told]


def _still_new(ids: list[int]) -> Select[InboxEvent]:
    return (
        select(InboxEvent)
        .where(InboxEvent.id.in_(ids), IS_NEW)
        .order_by(InboxEvent.due_at, InboxEvent.id)
    )
