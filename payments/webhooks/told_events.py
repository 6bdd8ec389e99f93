"""What a provider's events of a time say: of its own list, or of the inbox, read in full."""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.errors import InvalidRequestError
from payments.privacy.encryption import DecryptionError, FieldCipher
from payments.providers.connect import Providers
from payments.providers.facts import MalformedEventError, Told
from payments.providers.stripe import event_list
from payments.providers.stripe import events as stripe_events
from payments.webhooks.sealed_payload import unseal
from payments.webhooks.tables import InboxEvent


@dataclass(frozen=True)
class ToldEvent:
    """What an event says: its facts, or why that cannot be read."""

    event_id: str
    event_type: str
    facts: Sequence[Told]
    unreadable: str | None = None


def list_told(
    providers: Providers,
    *,
    from_at: dt.datetime,
    to_at: dt.datetime,
    most: int,
    on_page: Callable[[int], None],
) -> Sequence[ToldEvent]:
    """Return what Stripe lists from `from_at` until `to_at`, oldest first.

    Raises:
        InvalidRequestError: these are more than `most`.
        UnavailableError: Stripe did not answer.
    """
    found: list[ToldEvent] = []
    after: str | None = None
    while True:
        page = event_list.next_page(providers.stripe, from_at=from_at, to_at=to_at, after=after)
        if not page:
            return found
        found += [_read(one.event_id, one.type, one.payload, providers, "stripe") for one in page]
        on_page(len(page))
        if len(found) > most:
            raise _too_many(most)
        after = page[-1].event_id


def _too_many(most: int) -> InvalidRequestError:
    return InvalidRequestError(
        "The proof cannot be made.",
        errors={"from": [f"These are more than {most} events: take a shorter range."]},
    )


def _read(
    event_id: str, event_type: str, payload: bytes, providers: Providers, provider: str
) -> ToldEvent:
    bank = providers.banks.get(provider)
    translate = stripe_events.translate if bank is None else bank.translate
    try:
        told = translate(payload)
    except MalformedEventError as error:
        return ToldEvent(event_id, event_type, [], unreadable=str(error))
    facts = [] if told is None else told if isinstance(told, Sequence) else [told]
    return ToldEvent(event_id, event_type, facts)


def told_by_inbox(row: InboxEvent, providers: Providers, cipher: FieldCipher) -> ToldEvent:
    """Return what an event says that we kept; nothing when its payload is gone."""
    if row.payload_encrypted is None:
        return ToldEvent(row.event_id, row.event_type, [])
    try:
        payload = unseal(
            cipher, row.payload_encrypted, provider=row.provider, event_id=row.event_id
        )
    except DecryptionError as error:
        return ToldEvent(row.event_id, row.event_type, [], unreadable=str(error))
    return _read(row.event_id, row.event_type, payload, providers, row.provider)


def inbox_of(
    session: Session,
    provider: str,
    listed: Sequence[ToldEvent] | None,
    *,
    from_at: dt.datetime,
    to_at: dt.datetime,
    most: int,
) -> Sequence[InboxEvent]:
    """Return the inbox's events of the range, and those that the provider lists for it.

    Raises:
        InvalidRequestError: these are more than `most`.
    """
    in_range = (InboxEvent.occurred_at >= from_at) & (InboxEvent.occurred_at < to_at)
    of_provider = select(InboxEvent).where(InboxEvent.provider == provider)
    rows = session.scalars(of_provider.where(in_range).limit(most + 1)).all()
    if len(rows) > most:
        raise _too_many(most)
    known = {row.event_id for row in rows}
    others = [one.event_id for one in listed or () if one.event_id not in known]
    return [*rows, *session.scalars(of_provider.where(InboxEvent.event_id.in_(others)))]
