"""Takes providers' signed events into the inbox: verified, encrypted, once for ever.

Nothing else happens here, so that the provider is answered in milliseconds and no fault of ours
downstream makes it send again.
"""

import datetime as dt
from collections.abc import Mapping, Sequence

from payments.errors import InvalidSignatureError, NotFoundError
from payments.privacy.encryption import FieldCipher
from payments.providers.ports import BankProvider
from payments.providers.stripe import events as stripe_events
from payments.secret_versions.kinds import Kind
from payments.secret_versions.source import LiveSecret, SecretSource, with_live_versions
from payments.settings import Settings
from payments.telemetry.measuring import count
from payments.telemetry.meters import WEBHOOKS
from payments.webhooks.inbox_writer import InboxWriter, SealedEvent, Stored
from payments.webhooks.sealed_payload import seal
from payments.webhooks.webhook_notes import WebhookNotes

BANKS_BY_HEADER = {"tl-signature": "truelayer", "webhook-signature": "gocardless"}
"""Which bank provider signs with which header."""


def receive_event(
    inbox: InboxWriter,
    *,
    provider: str,
    payload: bytes,
    signature: str,
    settings: Settings,
    secrets: SecretSource,
    notes: WebhookNotes,
    cipher: FieldCipher,
    now: dt.datetime,
    request_id: str | None,
) -> Stored:
    """Store an event of Stripe's and ask for a drain; both are committed on return.

    `payload` is the request's body, byte for byte; `signature` the provider's header.

    Raises:
        InvalidSignatureError: the provider did not sign this, or not within the last minutes.
        InvalidRequestError: it is signed, but no event.
        NotFoundError: there is no such provider.
    """
    if provider != "stripe":
        raise NotFoundError(f"No provider is called {provider}.")
    matched, event = _verify_stripe(
        payload, signature, settings=settings, secrets=secrets, notes=notes, now=now
    )
    notes.matched(matched, now=now)
    sealed = seal(cipher, payload, provider=provider, event_id=event.event_id)
    stored = inbox.store(
        SealedEvent(
            provider=provider,
            event_id=event.event_id,
            event_type=event.type,
            occurred_at=event.occurred_at,
            payload_encrypted=sealed,
            request_id=request_id,
            received_at=now,
        )
    )
    return _counted(provider, stored)


def receive_bank_events(
    inbox: InboxWriter,
    *,
    banks: Mapping[str, BankProvider],
    path: str,
    headers: Mapping[str, str],
    payload: bytes,
    notes: WebhookNotes,
    cipher: FieldCipher,
    now: dt.datetime,
    request_id: str | None,
) -> Stored:
    """Store the events of a bank provider's webhook and ask for a drain; committed on return.

    `path` is what it was sent to, `payload` the body, byte for byte; `headers` has names in lower
    case, and the one with the signature says whose it is. `duplicate`: all events were known.

    Raises:
        InvalidSignatureError: no provider that is set up here signed this within the last minutes.
        InvalidRequestError: it is signed, but holds no event.
        UnavailableError: the provider's keys cannot be fetched now.
    """
    bank = _signer(banks, headers)
    try:
        events = bank.verify_webhook(path=path, headers=headers, payload=payload, now=now)
    except InvalidSignatureError as error:
        notes.refused(bank.name, error.reason, now=now)
        raise
    notes.matched(events[0].matched_secret if events else None, now=now)
    stored = inbox.store_all(
        [
            SealedEvent(
                provider=bank.name,
                event_id=event.event_id,
                event_type=event.type,
                occurred_at=event.occurred_at,
                payload_encrypted=seal(
                    cipher, event.payload, provider=bank.name, event_id=event.event_id
                ),
                request_id=request_id,
                received_at=now,
            )
            for event in events
        ]
    )
    return _counted(bank.name, stored)


def _verify_stripe(
    payload: bytes,
    signature: str,
    *,
    settings: Settings,
    secrets: SecretSource,
    notes: WebhookNotes,
    now: dt.datetime,
) -> tuple[str | None, stripe_events.VerifiedEvent]:
    """Return the event, and the id of the version of our secret that it was signed with."""

    def verify(
        versions: Sequence[LiveSecret],
    ) -> tuple[str | None, stripe_events.VerifiedEvent]:
        event = stripe_events.verify(
            payload,
            signature_header=signature,
            secrets=[version.value for version in versions],
            livemode=settings.livemode,
            now=now,
        )
        return versions[event.secret_index].id, event

    try:
        return with_live_versions(secrets, Kind.STRIPE_WEBHOOK, verify, now=now)
    except InvalidSignatureError as error:
        notes.refused(stripe_events.PROVIDER, error.reason, now=now)
        raise


def _counted(provider: str, stored: Stored) -> Stored:
    count(WEBHOOKS, provider, "duplicate" if stored.duplicate else "stored")
    return stored


def _signer(banks: Mapping[str, BankProvider], headers: Mapping[str, str]) -> BankProvider:
    for header, name in BANKS_BY_HEADER.items():
        if header in headers and name in banks:
            return banks[name]
    raise InvalidSignatureError("No bank provider that is set up here signs like this.")
