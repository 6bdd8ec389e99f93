"""Starts a card payment on Stripe's hosted page: intent, call, outcome, as `create_intent`."""

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from payments import idempotency
from payments.access.caller import Caller
from payments.calls import open_calls
from payments.calls.tables import ProviderCall
from payments.crash_points import reach
from payments.database import in_transaction
from payments.errors import StrongroomError
from payments.idempotency import Answered
from payments.intake.payable_order import lock_payable_order
from payments.intake.return_urls import check_return_urls
from payments.intake.start_payment import (
    begin_payment,
    note_not_started,
    note_started,
    resume_payment,
)
from payments.lifecycle.tables import Payment
from payments.lifecycle.view import PaymentView, view_payment
from payments.orders.tables import Order
from payments.privacy.encryption import FieldCipher
from payments.providers.stripe import checkout
from payments.providers.stripe.checkout import CheckoutPage, PageLine
from payments.providers.stripe.client import StripeClient

OPERATION = "payments.checkout.create"
CALL = "create_checkout"
OPEN_FOR = dt.timedelta(hours=23)
"""How long the page can be paid on; Stripe allows half an hour to a day."""

_LINES_MAX = 100  # on one page: https://docs.stripe.com/api/checkout/sessions/create
_NAME_MAX = 250


@dataclass(frozen=True)
class CreatedCheckout:
    """A payment and the page on which the buyer pays it; no `url` once it is closed."""

    payment: PaymentView
    session_ref: str
    url: str | None


@dataclass(frozen=True)
class _Attempt:
    payment: PaymentView
    call_id: str
    idempotency_key: str
    request: Mapping[str, Any]


def create_checkout(
    engine: Engine,
    *,
    caller: Caller,
    reference: str,
    order_id: str,
    success_url: str,
    cancel_url: str,
    trusted_origins: Collection[str],
    now: dt.datetime,
    cipher: FieldCipher,
    stripe: StripeClient,
) -> Answered[CreatedCheckout]:
    """Make a page on which the order's whole amount is paid, once per reference.

    Raises:
        InvalidRequestError: an address is not on a trusted origin, the reference is malformed, or
            Stripe does not take the amount.
        NotFoundError, ForbiddenError, ConflictError: see `lock_payable_order`; also when Stripe
            refuses (`provider_refused`).
        InProgressError, ReferenceReusedError: see `idempotency.claim`.
        UnavailableError: Stripe gave no clear answer; the same request again finds out.
    """
    urls = {"success_url": success_url, "cancel_url": cancel_url}
    check_return_urls(urls, trusted_origins=trusted_origins)

    def prepare(session: Session) -> _Attempt | Answered[CreatedCheckout]:
        claim = idempotency.claim(
            session,
            principal=caller.principal,
            operation=OPERATION,
            reference=reference,
            fingerprint=idempotency.fingerprint({"order_id": order_id, **urls}),
            now=now,
        )
        if claim.replayed_id is not None:
            row = session.get_one(Payment, claim.replayed_id)
            return Answered(_created(row, cipher=cipher), replayed=True)
        order = lock_payable_order(session, caller=caller, order_id=order_id)
        resumed = resume_payment(session, claim, operation=CALL, now=now)
        if resumed is not None:
            return _attempt(*resumed)
        request = _request(order, urls, now=now)
        return _attempt(
            *begin_payment(
                session, claim, order, capture="automatic", operation=CALL, request=request, now=now
            )
        )

    attempt = in_transaction(engine, prepare)
    if isinstance(attempt, Answered):
        return attempt
    reach("create_checkout.intent_committed")
    return _call_stripe(engine, attempt, now=now, cipher=cipher, stripe=stripe)


def repeat_create_checkout(
    engine: Engine, call_id: str, *, now: dt.datetime, cipher: FieldCipher, stripe: StripeClient
) -> None:
    """Make a call again that nobody heard back from: with its key, Stripe makes one page only.

    Raises:
        StrongroomError: as `create_checkout`; what came of it is written.
    """

    def read(session: Session) -> _Attempt:
        call = open_calls.find(session, call_id)
        return _attempt(session.get_one(Payment, call.payment_id), call)

    attempt = in_transaction(engine, read)
    _call_stripe(engine, attempt, now=now, cipher=cipher, stripe=stripe)


def page_lines(order: Order) -> list[PageLine]:
    """Return what the page lists: the order's lines without tax, then the tax.

    Their sum is the order's amount, exactly: tax is rounded once per rate, not line by line.
    """
    lines = [
        PageLine(_name(line.quantity, line.description), line.quantity * line.unit_amount)
        for line in order.lines
    ]
    if order.tax_amount:
        lines.append(PageLine("Tax", order.tax_amount))
    if len(lines) > _LINES_MAX or sum(line.amount for line in lines) != order.amount:
        return [PageLine(f"Order {order.id}", order.amount)]
    return lines


def _name(quantity: int, description: str) -> str:
    named = description if quantity == 1 else f"{quantity} x {description}"
    return named[:_NAME_MAX]


def _request(order: Order, urls: Mapping[str, str], *, now: dt.datetime) -> dict[str, Any]:
    lines = [{"name": line.name, "amount": str(line.amount)} for line in page_lines(order)]
    return {**urls, "lines": lines, "expires_at": int((now + OPEN_FOR).timestamp())}


def _attempt(row: Payment, call: ProviderCall) -> _Attempt:
    return _Attempt(view_payment(row), call.id, call.idempotency_key, call.request)


def _call_stripe(
    engine: Engine,
    attempt: _Attempt,
    *,
    now: dt.datetime,
    cipher: FieldCipher,
    stripe: StripeClient,
) -> Answered[CreatedCheckout]:
    payment, request = attempt.payment, attempt.request
    try:
        page = checkout.create(
            stripe,
            lines=[PageLine(line["name"], int(line["amount"])) for line in request["lines"]],
            currency=payment.currency,
            metadata={"payment_id": payment.id, "order_id": payment.order_id},
            success_url=request["success_url"],
            cancel_url=request["cancel_url"],
            expires_at=dt.datetime.fromtimestamp(request["expires_at"], tz=dt.UTC),
            idempotency_key=attempt.idempotency_key,
        )
    except StrongroomError as error:
        note_not_started(engine, error, payment_id=payment.id, call_id=attempt.call_id, now=now)
        raise
    reach("create_checkout.called")
    created = in_transaction(
        engine, lambda session: _note_created(session, attempt, page, now=now, cipher=cipher)
    )
    reach("create_checkout.recorded")
    return created


def _note_created(
    session: Session,
    attempt: _Attempt,
    page: CheckoutPage,
    *,
    now: dt.datetime,
    cipher: FieldCipher,
) -> Answered[CreatedCheckout]:
    row = session.get_one(Payment, attempt.payment.id, with_for_update={"key_share": True})
    # A run that was thought dead may have been first; what it stored is what was handed out.
    if row.checkout_session_ref is None:
        row.checkout_session_ref = page.session_ref
        row.checkout_url_encrypted = cipher.encrypt_optional(page.url, **_url_field(row.id))
        note_started(session, row, now=now)
    open_calls.close(session, attempt.call_id, state="done", now=now)
    return Answered(_created(row, cipher=cipher), replayed=False)


def _created(row: Payment, *, cipher: FieldCipher) -> CreatedCheckout:
    payment = view_payment(row)
    url = cipher.decrypt_optional(row.checkout_url_encrypted, **_url_field(row.id))
    is_open = payment.status in ("created", "requires_action", "failed")
    return CreatedCheckout(payment, row.checkout_session_ref or "", url if is_open else None)


def _url_field(payment_id: str) -> dict[str, str]:
    return {"table": "payments", "column": "checkout_url_encrypted", "row_id": payment_id}
