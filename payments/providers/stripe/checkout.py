"""Stripe's hosted checkout page: made, looked up, closed, and read as facts.

https://docs.stripe.com/api/checkout/sessions
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from stripe import StripeClient
from stripe.checkout import Session
from stripe.params.checkout import SessionCreateParams

from payments.errors import ConflictError
from payments.providers.facts import Canceled, Expired, Fact
from payments.providers.outcome import OutcomeUnknownError, UnexpectedStateError
from payments.providers.stripe.intent_facts import PROVIDER, facts_of_intent
from payments.providers.stripe.named_errors import named_errors

_SHOWN: list[str] = ["payment_intent.latest_charge"]


@dataclass(frozen=True)
class CheckoutPage:
    """A checkout session; `url` is its page while it is `open`, else it is None.

    `shown` is the whole of it as Stripe shows it, for `facts_of_session`.
    """

    session_ref: str
    url: str | None = field(repr=False)
    status: str
    shown: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True)
class PageLine:
    """One line of the page: `amount` in minor units for all of it, taxes included."""

    name: str
    amount: int


def create(
    client: StripeClient,
    *,
    lines: Sequence[PageLine],
    currency: str,
    metadata: Mapping[str, str],
    success_url: str,
    cancel_url: str,
    expires_at: dt.datetime,
    idempotency_key: str,
) -> CheckoutPage:
    """Make a page on which the sum of the lines is paid once; the same key gives the same page.

    Raises:
        InvalidRequestError, ConflictError: Stripe refused; nothing was made.
        OutcomeUnknownError: no answer, or none that says what happened.
    """
    params: SessionCreateParams = {
        "mode": "payment",
        "allowed_payment_method_types": ["card"],
        "line_items": [
            {
                "quantity": 1,
                "price_data": {
                    "currency": currency.lower(),
                    "unit_amount": line.amount,
                    "product_data": {"name": line.name},
                },
            }
            for line in lines
        ],
        "metadata": dict(metadata),
        "payment_intent_data": {"metadata": dict(metadata), "capture_method": "automatic"},
        "success_url": success_url,
        "cancel_url": cancel_url,
        "expires_at": int(expires_at.timestamp()),
    }
    with named_errors():
        session = client.v1.checkout.sessions.create(params, {"idempotency_key": idempotency_key})
    page = _page(session)
    if page.url is None:
        raise OutcomeUnknownError("Stripe's answer has no address of the page.")
    return page


def retrieve(client: StripeClient, *, session_ref: str) -> CheckoutPage:
    """Return a page as it is now, with its intent if it has one.

    Raises:
        ConflictError: there is no such page.
        OutcomeUnknownError: no answer.
    """
    with named_errors():
        session = client.v1.checkout.sessions.retrieve(session_ref, {"expand": _SHOWN})
    return _page(session)


def expire(client: StripeClient, *, session_ref: str, idempotency_key: str) -> CheckoutPage:
    """Close a page, so that it cannot be paid on any more.

    Raises:
        UnexpectedStateError: it was paid or closed before.
        OutcomeUnknownError: no answer.
    """
    try:
        with named_errors():
            session = client.v1.checkout.sessions.expire(
                session_ref, {"expand": _SHOWN}, {"idempotency_key": idempotency_key}
            )
    except ConflictError as error:
        raise UnexpectedStateError(error.detail) from error
    return _page(session)


def facts_of_session(
    session: Mapping[str, Any], *, canceled: bool = False, seen_at: dt.datetime
) -> list[Fact]:
    """Return what a session says now; `canceled`: it was closed because somebody wished so.

    Raises:
        KeyError, TypeError, ValueError: it does not have the documented form.
    """
    intent = session.get("payment_intent")
    facts = facts_of_intent(intent, seen_at=seen_at) if isinstance(intent, Mapping) else []
    if session["status"] == "expired":
        ended = Canceled if canceled else Expired
        facts = [fact for fact in facts if not isinstance(fact, Canceled | Expired)]
        facts.append(
            ended(
                provider=PROVIDER,
                provider_ref=intent["id"] if isinstance(intent, Mapping) else None,
                payment_id=(session.get("metadata") or {}).get("payment_id"),
                occurred_at=seen_at.replace(microsecond=0),
            )
        )
    return facts


def _page(session: Session) -> CheckoutPage:
    shown = session.to_dict()
    return CheckoutPage(shown["id"], shown.get("url"), shown["status"], shown)
