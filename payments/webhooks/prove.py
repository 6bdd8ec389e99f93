"""Proves, after an outage, that nothing a provider told is missing and nothing was applied twice.

The provider's own list of events is held against the inbox, and what they tell of money against
the ledger's entries: each under its effect key once, of the amount that was told. Of a provider
without such a list, the events are those of the inbox.
"""

import datetime as dt
import itertools
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Engine
from sqlalchemy.orm import Session

import ledger
from payments.database import transaction
from payments.errors import InvalidRequestError
from payments.privacy.encryption import FieldCipher
from payments.providers.connect import Providers
from payments.providers.stripe import event_list
from payments.providers.stripe import events as stripe_events
from payments.webhooks.expected_effects import Expected, expected_effects
from payments.webhooks.tables import InboxEvent
from payments.webhooks.told_events import ToldEvent, inbox_of, list_told, told_by_inbox

MOST_SHOWN = 100


_Booked = Mapping[str, Sequence[tuple[int, str | None]]]
"""By effect key: what its entries moved, and of which receipt they are, where of one."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Something that is not as it must be: `problem` is a stable code."""

    problem: str
    event_id: str | None
    what: str
    payment_id: str | None
    detail: str


@dataclass(frozen=True, kw_only=True)
class MoneyProof:
    """Of one kind of effect in one currency: what events told, and what is booked for it."""

    what: str
    currency: str
    told: int
    booked: int


@dataclass(frozen=True, kw_only=True)
class Proof:
    """How events, inbox and books compare; `proven` when nothing is missing, doubled or undone.

    `listed` is None for a provider that has no list. `effects` are movements of money that events
    told of; `applied_once` are booked once, with the amount told.
    """

    provider: str
    from_at: dt.datetime
    to_at: dt.datetime
    listed: int | None
    in_inbox: int
    states: Mapping[str, int]
    missing: int
    unlisted: int
    effects: int
    applied_once: int
    applied_twice: int
    not_applied: int
    differing: int
    money: Sequence[MoneyProof]
    faults: Sequence[Fault]
    more_faults: int

    @property
    def proven(self) -> bool:
        """Whether nothing is missing, nothing was applied twice, and nothing is left to do."""
        return not self.faults


def prove_webhooks(
    engine: Engine,
    *,
    provider: str,
    from_at: dt.datetime,
    to_at: dt.datetime,
    providers: Providers,
    cipher: FieldCipher,
    most: int,
    now: dt.datetime,
    on_page: Callable[[int], None] = lambda _events: None,
) -> Proof:
    """Compare what happened at a provider from `from_at` until `to_at` with inbox and ledger.

    `on_page` is told how many events more were read, for whoever waits.

    Raises:
        InvalidRequestError: there is no such provider, no such range, or more than `most` events.
        UnavailableError: the provider did not answer.
    """
    # Events tell whole seconds; what happens in this one is not over.
    from_at = from_at.replace(microsecond=0)
    to_at = min(to_at, now).replace(microsecond=0)
    _check(provider, from_at, to_at, providers, now=now)
    listed: Sequence[ToldEvent] | None = None
    if provider == stripe_events.PROVIDER:
        listed = list_told(providers, from_at=from_at, to_at=to_at, most=most, on_page=on_page)
    with transaction(engine) as session:
        rows = inbox_of(session, provider, listed, from_at=from_at, to_at=to_at, most=most)
        told = listed
        if told is None:
            told = [told_by_inbox(row, providers, cipher) for row in rows]
        return _compare(session, provider, listed, told, rows, from_at=from_at, to_at=to_at)


def _check(
    provider: str,
    from_at: dt.datetime,
    to_at: dt.datetime,
    providers: Providers,
    *,
    now: dt.datetime,
) -> None:
    errors: dict[str, list[str]] = {}
    known = [stripe_events.PROVIDER, *providers.banks]
    if provider not in known:
        errors["provider"] = [f"Use one of: {', '.join(known)}."]
    if from_at >= to_at:
        errors["from"] = ["The range is empty: begin it before its end and before now."]
    elif provider == stripe_events.PROVIDER and from_at < now - event_list.KEPT:
        errors["from"] = [f"Stripe keeps its events for {event_list.KEPT.days} days."]
    if errors:
        raise InvalidRequestError("The proof cannot be made.", errors=errors)


def _compare(
    session: Session,
    provider: str,
    listed: Sequence[ToldEvent] | None,
    told: Sequence[ToldEvent],
    rows: Sequence[InboxEvent],
    *,
    from_at: dt.datetime,
    to_at: dt.datetime,
) -> Proof:
    inbox = {row.event_id: row for row in rows}
    ids = {one.event_id for one in told}
    faults = [*_missing(told, inbox), *_unfinished(rows), *_unreadable(told)]
    unlisted = [row for row in rows if row.event_id not in ids]
    faults += [
        _fault("not_listed", row.event_id, row.event_type, "The provider's list lacks it.")
        for row in unlisted
    ]
    expected = expected_effects(session, ((one.event_id, one.facts) for one in told))
    booked = _booked(session, expected, provider)
    effects = [_judge(one, booked) for one in expected]
    faults += [fault for fault in effects if fault is not None]
    count = Counter(fault.problem for fault in effects if fault is not None)
    return Proof(
        provider=provider,
        from_at=from_at,
        to_at=to_at,
        listed=None if listed is None else len(listed),
        in_inbox=len(rows),
        states=dict(Counter(row.standing for row in rows)),
        missing=sum(one.event_id not in inbox for one in told),
        unlisted=len(unlisted),
        effects=len(expected),
        applied_once=sum(fault is None for fault in effects),
        applied_twice=count["applied_twice"],
        not_applied=count["not_applied"],
        differing=count["amount_differs"],
        money=_money(expected, booked),
        faults=faults[:MOST_SHOWN],
        more_faults=max(len(faults) - MOST_SHOWN, 0),
    )


def _missing(told: Sequence[ToldEvent], inbox: Mapping[str, InboxEvent]) -> Iterable[Fault]:
    for one in told:
        if one.event_id not in inbox:
            yield _fault("missing", one.event_id, one.event_type, "It never reached the inbox.")


def _unfinished(rows: Sequence[InboxEvent]) -> Iterable[Fault]:
    for row in rows:
        if row.state in ("new", "dead") and row.discard_id is None:
            problem = "dead" if row.state == "dead" else "waits"
            detail = row.error or "It waits to be applied."
            yield _fault(problem, row.event_id, row.event_type, detail)


def _unreadable(told: Sequence[ToldEvent]) -> Iterable[Fault]:
    for one in told:
        if one.unreadable is not None:
            yield _fault("unreadable", one.event_id, one.event_type, one.unreadable)


def _booked(session: Session, expected: Sequence[Expected], provider: str) -> _Booked:
    """Return what each effect key's entries moved at the provider; more than one is one too many.

    Read as whoever audits would: all entries with the key, and not as the table promises.
    """
    keys = list(dict.fromkeys(itertools.chain.from_iterable(one.keys for one in expected)))
    place = f"assets:{'stripe' if provider == stripe_events.PROVIDER else 'bank'}:"
    booked: defaultdict[str, list[tuple[int, str | None]]] = defaultdict(list)
    for entry in ledger.entries_of_effects(session.connection(), keys):
        moved = sum(line.amount for line in entry.lines if line.path.startswith(place))
        booked[entry.effect_key].append((moved, entry.metadata.get("receipt_id")))
    return booked


def _amounts(expected: Expected, booked: _Booked) -> Sequence[int]:
    """Return what was booked as an effect: one amount, if all is well."""
    found = (entry for key in expected.keys for entry in booked.get(key, ()))
    return [amount for amount, of in found if expected.receipt_id in (None, of)]


def _judge(expected: Expected, booked: _Booked) -> Fault | None:
    found = _amounts(expected, booked)
    about = f"{expected.what} {expected.subject} of {expected.amount} {expected.currency}"
    payment_id = expected.payment_id
    if not found:
        detail = f"{about} is not booked."
        return _fault("not_applied", expected.event_id, expected.what, detail, payment_id)
    if len(found) > 1:
        detail = f"{about} is booked {len(found)} times."
        return _fault("applied_twice", expected.event_id, expected.what, detail, payment_id)
    if found != [expected.amount]:
        detail = f"{about} is booked with {found[0]}."
        return _fault("amount_differs", expected.event_id, expected.what, detail, payment_id)
    return None


def _money(expected: Sequence[Expected], booked: _Booked) -> Sequence[MoneyProof]:
    told: Counter[tuple[str, str]] = Counter()
    ours: Counter[tuple[str, str]] = Counter()
    for one in expected:
        told[one.what, one.currency] += one.amount
        ours[one.what, one.currency] += sum(_amounts(one, booked))
    return [
        MoneyProof(what=what, currency=currency, told=amount, booked=ours[what, currency])
        for (what, currency), amount in sorted(told.items())
    ]


def _fault(
    problem: str, event_id: str, what: str, detail: str, payment_id: str | None = None
) -> Fault:
    return Fault(
        problem=problem, event_id=event_id, what=what, payment_id=payment_id, detail=detail
    )
