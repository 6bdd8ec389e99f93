"""GoCardless' webhooks in two steps: `verify` who sent the bytes, `translate` what one event says.

A webhook carries up to 250 events under one signature, the HMAC-SHA256 of its body. There is no
time in it, so an old webhook stays good for ever: what keeps it from counting twice are the
events' ids, which the inbox never forgets.
https://developer.gocardless.com/getting-started/staying-up-to-date-with-webhooks
"""

import hashlib
import hmac
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from payments.errors import InvalidRequestError, InvalidSignatureError
from payments.providers.facts import Fact, MalformedEventError
from payments.providers.gocardless import metadata
from payments.providers.gocardless.answers import NOT_AS_DOCUMENTED, moment, text
from payments.providers.gocardless.payment_facts import (
    MONEY_TOLD,
    Whose,
    payment_fact,
    request_fact,
)
from payments.providers.gocardless.refunds import refund_event
from payments.providers.ports import VerifiedEvent
from payments.secret_versions.source import LiveSecret

SIGNATURE_HEADER = "webhook-signature"

_SIGNATURE = re.compile(rb"[0-9a-f]{64}")
_MOST_EVENTS = 250
_NO_AMOUNT = metadata.Due(0, "")
_TELLS_AMOUNTS = MONEY_TOLD | {"charged_back", "chargeback_cancelled", "chargeback_settled"}


def verify(
    payload: bytes, *, headers: Mapping[str, str], secrets: Sequence[LiveSecret]
) -> list[VerifiedEvent]:
    """Return the events of a webhook that was signed with one of `secrets`.

    Raises:
        InvalidSignatureError: it was not; nothing of the payload may be believed.
        InvalidRequestError: it was, but does not hold events.
    """
    told = headers.get(SIGNATURE_HEADER, "").encode(errors="replace")
    if not _SIGNATURE.fullmatch(told):
        raise InvalidSignatureError("The Webhook-Signature header is missing or not readable.")
    matched = _matching(payload, told, secrets)
    try:
        events = json.loads(payload, parse_constant=_refuse_constant)["events"]
        if not isinstance(events, list) or not 1 <= len(events) <= _MOST_EVENTS:
            raise ValueError("not a list of some events")
        return [_verified(event, matched) for event in events]
    except (*NOT_AS_DOCUMENTED, RecursionError):
        raise InvalidRequestError("The payload is not a GoCardless webhook.") from None


def translate(payload: bytes) -> list[Fact]:
    """Return what an event says; nothing for events that change nothing here, or are not ours.

    Raises:
        MalformedEventError: an event we act on does not have the documented form.
    """
    try:
        event = json.loads(payload)
        translation = _TRANSLATIONS.get(event["resource_type"])
        fact = None if translation is None else translation(event)
    except NOT_AS_DOCUMENTED as error:
        raise MalformedEventError(f"not a GoCardless event as documented: {error!r}") from error
    return [] if fact is None else [fact]


def _matching(payload: bytes, told: bytes, secrets: Sequence[LiveSecret]) -> str | None:
    """Return the id of the version that it was signed with."""
    for secret in secrets:
        if secret.value:
            right = hmac.new(secret.value.encode(), payload, hashlib.sha256).hexdigest().encode()
            if hmac.compare_digest(right, told):
                return secret.id
    raise InvalidSignatureError(
        "The payload was not signed with any of our webhook secrets.", reason="wrong_secret"
    )


def _verified(event: Mapping[str, Any], matched: str | None) -> VerifiedEvent:
    return VerifiedEvent(
        event_id=text(event["id"]),
        type=f"{text(event['resource_type'])}.{text(event['action'])}",
        occurred_at=moment(event["created_at"]),
        payload=json.dumps(event, separators=(",", ":")).encode(),
        matched_secret=matched,
    )


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


# ---- translation ---------------------------------------------------------------------------------


def _payment(event: Mapping[str, Any]) -> Fact | None:
    ours, action = event["resource_metadata"], text(event["action"])
    payment_id = metadata.payment_id_in(ours)
    if payment_id is None:
        return None  # it was not made here
    return payment_fact(
        # Which billing request it came from is not said.
        Whose(billing_request=None, payment_id=payment_id),
        action,
        payment_ref=text(event["links"]["payment"]),
        due=metadata.due_in(ours) if action in _TELLS_AMOUNTS else _NO_AMOUNT,
        cause=(event.get("details") or {}).get("cause"),
        occurred_at=moment(event["created_at"]),
    )


def _billing_request(event: Mapping[str, Any]) -> Fact | None:
    payment_id = metadata.payment_id_in(event["resource_metadata"])
    if payment_id is None:
        return None
    whose = Whose(billing_request=text(event["links"]["billing_request"]), payment_id=payment_id)
    return request_fact(whose, text(event["action"]), occurred_at=moment(event["created_at"]))


def _refund(event: Mapping[str, Any]) -> Fact | None:
    return refund_event(event, occurred_at=moment(event["created_at"]))


_TRANSLATIONS: dict[str, Callable[[Mapping[str, Any]], Fact | None]] = {
    "billing_requests": _billing_request,
    "payments": _payment,
    "refunds": _refund,
}
