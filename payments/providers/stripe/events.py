"""Stripe's webhooks in two steps: `verify` who sent the bytes, `translate` what they say.

The signature scheme: https://docs.stripe.com/webhooks/signature. The SDK's own check lets
timestamps from the future pass and knows one secret only, so it is done here.
"""

import datetime as dt
import hashlib
import hmac
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from payments.errors import InvalidRequestError, InvalidSignatureError
from payments.providers.facts import (
    ActionRequired,
    Authorized,
    Canceled,
    ChargeSucceeded,
    Expired,
    Fact,
    MalformedEventError,
    PaymentFailed,
    Processing,
    Told,
)
from payments.providers.stripe.declines import explain, log_decline
from payments.providers.stripe.giveback_facts import dispute_fact, refund_fact
from payments.providers.stripe.intent_facts import OF_TIME, shown_action
from payments.providers.stripe.transfers import transfer_fact

PROVIDER = "stripe"
TOLERANCE_S = 300
_HEADER_LENGTH_MAX = 2_000
_TIMESTAMP_DIGITS_MAX = 12


@dataclass(frozen=True)
class VerifiedEvent:
    """An event that Stripe signed; `secret_index` says with which of our secrets (0: newest)."""

    event_id: str
    type: str
    occurred_at: dt.datetime
    secret_index: int


def verify(
    payload: bytes,
    *,
    signature_header: str | None,
    secrets: Sequence[str],
    now: dt.datetime,
    livemode: bool,
) -> VerifiedEvent:
    """Check that Stripe sent exactly these bytes, to us, at most five minutes from `now`.

    Raises:
        InvalidSignatureError: it did not; nothing of the payload may be believed.
        InvalidRequestError: it did, but they are not an event.
    """
    signed_at, signatures = _read_header(signature_header or "")
    secret_index = _matching_secret(payload, signed_at, signatures, secrets)
    if abs(now.timestamp() - int(signed_at)) > TOLERANCE_S:
        raise InvalidSignatureError(
            "The signature is more than five minutes away from our clock.",
            reason="in_future" if int(signed_at) > now.timestamp() else "too_old",
        )
    try:
        event = json.loads(payload)
        if event["livemode"] is not livemode:
            raise InvalidSignatureError(
                "The event belongs to Stripe's other mode (live or test).", reason="other_mode"
            )
        if event.get("account") is not None:
            raise InvalidSignatureError(
                "The event is of a connected account, not of ours.", reason="other_account"
            )
        event_id, event_type = _text(event["id"]), _text(event["type"])
        occurred_at = _moment(event["created"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InvalidRequestError("The payload is not a Stripe event.") from error
    return VerifiedEvent(event_id, event_type, occurred_at, secret_index)


def translate(payload: bytes) -> Told | None:
    """Return what an event says about a payment, or a payout; None for one that means nothing here.

    Raises:
        MalformedEventError: an event we act on does not have the documented form.
    """
    try:
        event = json.loads(payload)
        translation = _TRANSLATIONS.get(event["type"])
        return None if translation is None else translation(event)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise MalformedEventError(f"not a Stripe event as documented: {error!r}") from error


def _read_header(header: str) -> tuple[str, list[str]]:
    """Return the timestamp as it was signed, and the signatures of scheme v1."""
    parts = [part.strip().partition("=") for part in header[:_HEADER_LENGTH_MAX].split(",")]
    timestamps = [value for name, _, value in parts if name == "t"]
    signatures = [value for name, _, value in parts if name == "v1" and value.isascii()]
    # Two timestamps would let one be signed and the other be looked at.
    if len(timestamps) != 1 or not signatures:
        raise InvalidSignatureError("The Stripe-Signature header is missing or not readable.")
    [timestamp] = timestamps
    is_number = timestamp.isascii() and timestamp.isdecimal()
    if not is_number or len(timestamp) > _TIMESTAMP_DIGITS_MAX:
        raise InvalidSignatureError("The Stripe-Signature header has no usable timestamp.")
    return timestamp, signatures


def _matching_secret(
    payload: bytes, signed_at: str, signatures: Sequence[str], secrets: Sequence[str]
) -> int:
    signed = signed_at.encode() + b"." + payload
    for index, secret in enumerate(secrets):
        expected = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
        if any(hmac.compare_digest(expected, signature) for signature in signatures):
            return index
    raise InvalidSignatureError(
        "The payload was not signed with any of our webhook secrets.", reason="wrong_secret"
    )


# ---- translation ---------------------------------------------------------------------------------


def _action_required(event: Any) -> Fact:
    action = shown_action(event["data"]["object"].get("next_action"))
    return ActionRequired(**_which(event), next_action=action)


def _processing(event: Any) -> Fact:
    return Processing(**_which(event))


def _authorized(event: Any) -> Fact:
    return Authorized(**_which(event))


def _canceled(event: Any) -> Fact:
    ran_out = event["data"]["object"].get("cancellation_reason") in OF_TIME
    return (Expired if ran_out else Canceled)(**_which(event))


def _session_expired(event: Any) -> Fact | None:
    session = event["data"]["object"]
    payment_id = (session.get("metadata") or {}).get("payment_id")
    if payment_id is None:
        return None  # not a session of ours
    return Expired(
        provider=PROVIDER,
        provider_ref=session.get("payment_intent"),
        payment_id=_text(payment_id),
        occurred_at=_moment(event["created"]),
    )


def _refund(event: Any) -> Fact:
    return refund_fact(event["data"]["object"], occurred_at=_moment(event["created"]))


def _dispute(event: Any) -> Fact:
    return dispute_fact(event["data"]["object"], occurred_at=_moment(event["created"]))


def _transfer(event: Any) -> Told | None:
    transfer = event["data"]["object"]
    is_ours = (transfer.get("metadata") or {}).get("payout_id") is not None
    return transfer_fact(transfer) if is_ours else None


def _payment_failed(event: Any) -> Fact:
    error = event["data"]["object"].get("last_payment_error") or {}
    which, code, decline_code = _which(event), error.get("code"), error.get("decline_code")
    log_decline(payment_id=which["payment_id"], stripe_code=decline_code or code)
    return PaymentFailed(**which, failure=explain(code=code, decline_code=decline_code))


def _succeeded(event: Any) -> Fact:
    intent = event["data"]["object"]
    amount = intent["amount_received"]
    if type(amount) is not int:
        raise TypeError("amount_received is not an int")
    return ChargeSucceeded(
        **_which(event), amount=amount, currency=_text(intent["currency"]).upper()
    )


_TRANSLATIONS: dict[str, Callable[[Any], Told | None]] = {
    "payment_intent.requires_action": _action_required,
    "payment_intent.processing": _processing,
    "payment_intent.amount_capturable_updated": _authorized,
    "payment_intent.payment_failed": _payment_failed,
    "payment_intent.canceled": _canceled,
    "payment_intent.succeeded": _succeeded,
    "checkout.session.expired": _session_expired,  # what comes of it otherwise its intent says
    "refund.created": _refund,
    "refund.updated": _refund,
    "refund.failed": _refund,
    "charge.refund.updated": _refund,
    "charge.dispute.created": _dispute,
    "charge.dispute.updated": _dispute,
    "charge.dispute.closed": _dispute,
    "charge.dispute.funds_withdrawn": _dispute,
    "charge.dispute.funds_reinstated": _dispute,
    "transfer.created": _transfer,
    "transfer.updated": _transfer,
    "transfer.reversed": _transfer,
}


def _which(event: Any) -> dict[str, Any]:
    """Return the fields every fact has."""
    intent = event["data"]["object"]
    payment_id = (intent.get("metadata") or {}).get("payment_id")
    return {
        "provider": PROVIDER,
        "provider_ref": _text(intent["id"]),
        "payment_id": None if payment_id is None else _text(payment_id),
        "occurred_at": _moment(event["created"]),
    }


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError("a text is missing")
    return value


def _moment(value: object) -> dt.datetime:
    if type(value) is not int or not 0 < value < 10**_TIMESTAMP_DIGITS_MAX:
        raise TypeError("a moment is not a count of seconds")
    return dt.datetime.fromtimestamp(value, tz=dt.UTC)
