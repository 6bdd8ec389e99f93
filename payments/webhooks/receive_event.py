"""Takes a provider's signed event into the inbox: verified, encrypted, once for ever.

Nothing else happens here, so that the provider is answered in milliseconds and no fault of ours
downstream makes it send again.
"""

import datetime as dt

from payments.errors import NotFoundError
from payments.privacy.encryption import FieldCipher
from payments.providers.stripe import events as stripe_events
from payments.settings import Settings
from payments.webhooks.inbox_writer import InboxWriter, SealedEvent, Stored
from payments.webhooks.sealed_payload import seal


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
    """Store an event and ask for a drain; both are committed on return.

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
