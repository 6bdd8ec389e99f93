"""Takes providers' signed events into the inbox: verified, encrypted, once for ever.

Nothing else happens here, so that the provider is answered in milliseconds and no fault of ours
downstream makes it send again.
"""

import datetime as dt
from collections.abc import Mapping

from payments.errors import InvalidSignatureError, NotFoundError
from payments.privacy.encryption import FieldCipher
from payments.providers.ports import BankProvider
from payments.providers.stripe import events as stripe_events
from payments.settings import Settings
from payments.webhooks.inbox_writer import InboxWriter, SealedEvent, Stored
from payments.webhooks.sealed_payload import seal

BANKS_BY_HEADER = {"tl-signature": "truelayer", "webhook-signature": "gocardless"}
"""Which bank provider signs with which header."""


def receive_event(
    inbox: InboxWriter,
    *,
    provider: str,
    payload: bytes,
    signature: str,
    settings: Settings,
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
    event = stripe_events.verify(
        payload,
        signature_header=signature,
        secrets=settings.stripe_webhook_secrets,
        livemode=settings.livemode,
        now=now,
    )
    sealed = seal(cipher, payload, provider=provider, event_id=event.event_id)
    return inbox.store(
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


def receive_bank_events(
    inbox: InboxWriter,
    *,
    banks: Mapping[str, BankProvider],
    path: str,
    headers: Mapping[str, str],
    payload: bytes,
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
    events = bank.verify_webhook(path=path, headers=headers, payload=payload, now=now)
    return inbox.store_all(
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


def _signer(banks: Mapping[str, BankProvider], headers: Mapping[str, str]) -> BankProvider:
    for header, name in BANKS_BY_HEADER.items():
        if header in headers and name in banks:
            return banks[name]
    raise InvalidSignatureError("No bank provider that is set up here signs like this.")
