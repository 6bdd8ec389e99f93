"""TrueLayer's webhooks in two steps: `verify` who sent the bytes, `translate` what they say.

https://docs.truelayer.com/docs/payments-api-webhook-reference. They come at least once, and in any
order.
"""

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from typing import Any

from truelayer_signing import HttpMethod, JwsHeader, extract_jws_header, verify_with_jwks
from truelayer_signing.errors import TlSigningException

from payments.errors import InvalidRequestError, InvalidSignatureError
from payments.providers.facts import Fact, MalformedEventError, PayoutReported, Told
from payments.providers.ports import VerifiedEvent
from payments.providers.truelayer.metadata import Due, due_in, payment_id_in
from payments.providers.truelayer.payment_facts import Whose, payment_fact
from payments.providers.truelayer.payouts import payout_fact
from payments.providers.truelayer.refunds import refund_fact
from payments.providers.truelayer.shown_values import metadata_of, moment, text
from payments.providers.truelayer.signing_keys import SigningKeys

TOLERANCE_S = 300
SIGNATURE, SENT_AT = "tl-signature", "x-tl-webhook-timestamp"
_SIGNATURE_LENGTH_MAX = 4_000

# What an event type says became of the payment, and when.
_PAYMENT_EVENTS = {
    "payment_authorized": ("authorized", "authorized_at"),
    "payment_executed": ("executed", "executed_at"),
    "payment_settlement_stalled": ("stalled", "settlement_stalled_at"),
    "payment_settled": ("settled", "settled_at"),
    "payment_failed": ("failed", "failed_at"),
    "payment_reversed": ("reversed", "reversed_at"),
}
_REFUND_EVENTS = {
    "refund_executed": ("executed", "executed_at"),
    "refund_failed": ("failed", "failed_at"),
}
_PAYOUT_EVENTS = {
    "payout_executed": ("executed", "executed_at"),
    "payout_failed": ("failed", "failed_at"),
}
_UNREADABLE = (ValueError, KeyError, TypeError, AttributeError, RecursionError)


def verify(
    *,
    path: str,
    headers: Mapping[str, str],
    payload: bytes,
    now: dt.datetime,
    keys: SigningKeys,
    jwks_url: str,
) -> VerifiedEvent:
    """Check that TrueLayer sent exactly these bytes to `path`, at most five minutes from `now`.

    Raises:
        InvalidSignatureError: it did not; nothing of the payload may be believed.
        InvalidRequestError: it did, but they are not an event.
        UnavailableError: its keys cannot be fetched now.
    """
    signature = headers.get(SIGNATURE, "")
    header = _header(signature)
    if header.jku != jwks_url:  # before anything is fetched, and never from there
        raise InvalidSignatureError(
            "The signature names another place for its key.", reason="other_mode"
        )
    sent_at = _sent_at(headers, now)
    jwks = {"keys": [keys.key(header.kid)]}
    try:
        verifier = verify_with_jwks(jwks, header).set_method(HttpMethod.POST).set_path(path)
        verifier.add_headers(headers).add_required_header(SENT_AT).set_body(payload.decode())
        verifier.verify(signature)
    except (TlSigningException, ValueError, KeyError, TypeError):
        raise InvalidSignatureError("TrueLayer did not sign this.", reason="wrong_secret") from None
    return _event(payload, sent_at)


def translate(payload: bytes) -> Sequence[Told]:
    """Return what an event says of a payment or payout; nothing for what changes nothing here.

    A transfer that a payer made on their own (`external_payment_received`) is one of those: the
    bank's statement tells of it too, and it may count only once.

    Raises:
        MalformedEventError: an event we act on does not have the documented form.
    """
    try:
        event = json.loads(payload)
        if event["type"] in _PAYMENT_EVENTS:
            return [_payment_fact(event, *_PAYMENT_EVENTS[event["type"]])]
        if event["type"] in _REFUND_EVENTS and "refund_id" in metadata_of(event):
            return [_refund_fact(event, *_REFUND_EVENTS[event["type"]])]
        if event["type"] in _PAYOUT_EVENTS and "payout_id" in metadata_of(event):
            return [_payout_fact(event, *_PAYOUT_EVENTS[event["type"]])]
    except _UNREADABLE as error:
        raise MalformedEventError(
            f"not a TrueLayer event as documented: {type(error).__name__}"
        ) from error
    return []


def _header(signature: str) -> JwsHeader:
    try:
        if not 0 < len(signature) <= _SIGNATURE_LENGTH_MAX:
            raise ValueError
        header = extract_jws_header(signature)
        if not all(isinstance(one, str) for one in (header.kid, header.tl_headers, header.jku)):
            raise TypeError
    except (TlSigningException, *_UNREADABLE):
        raise InvalidSignatureError("The Tl-Signature header is missing or not readable.") from None
    return header


def _sent_at(headers: Mapping[str, str], now: dt.datetime) -> dt.datetime:
    try:
        sent_at = moment(headers[SENT_AT])
    except (KeyError, ValueError, OverflowError):
        raise InvalidSignatureError("The webhook does not say when it was sent.") from None
    if abs((now - sent_at).total_seconds()) > TOLERANCE_S:
        raise InvalidSignatureError(
            "The webhook is more than five minutes away from our clock.",
            reason="in_future" if sent_at > now else "too_old",
        )
    return sent_at


def _event(payload: bytes, sent_at: dt.datetime) -> VerifiedEvent:
    try:
        event = json.loads(payload)
        event_id, event_type = text(event["event_id"]), text(event["type"])
    except _UNREADABLE as error:
        raise InvalidRequestError("The payload is not a TrueLayer event.") from error
    known = {**_PAYMENT_EVENTS, **_REFUND_EVENTS, **_PAYOUT_EVENTS}
    _, when = known.get(event_type, (None, ""))
    try:
        occurred_at = moment(event[when])
    except (KeyError, TypeError, ValueError, OverflowError):
        occurred_at = sent_at
    return VerifiedEvent(
        event_id=event_id, type=event_type, occurred_at=occurred_at, payload=payload
    )


def _payment_fact(event: Mapping[str, Any], status: str, when: str) -> Fact:
    written = metadata_of(event)
    payment_id = payment_id_in(written)
    return payment_fact(
        Whose(provider_ref=text(event["payment_id"]), payment_id=payment_id),
        status,
        due=None if payment_id is None else due_in(written),
        cause=event,
        occurred_at=moment(event[when]),
    )


def _refund_fact(event: Mapping[str, Any], status: str, when: str) -> Fact:
    due: Due = due_in(metadata_of(event))
    return refund_fact(
        event,
        status,
        refund_ref=text(event["refund_id"]),
        payment_ref=text(event["payment_id"]),
        due=due,
        occurred_at=moment(event[when]),
    )


def _payout_fact(event: Mapping[str, Any], status: str, when: str) -> PayoutReported:
    return payout_fact(
        event,
        status,
        payout_ref=text(event["payout_id"]),
        due=due_in(metadata_of(event)),
        executed_at=moment(event[when]) if status == "executed" else None,
        occurred_at=moment(event[when]),
    )
