"""Starts a card payment on Stripe's hosted page: intent, call, outcome, as `create_intent`."""

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, Row
from sqlalchemy.orm import Session

from payments import idempotency
from payments.access.caller import Caller
from payments.crash_points import reach
from payments.database import in_transaction
from payments.errors import StrongroomError
from payments.idempotency import Answered
from payments.identifiers import new_id
from payments.intake.payable_order import lock_payable_order
from payments.intake.return_urls import check_return_urls
from payments.intake.start_payment import (
    AtProvider,
    Attempt,
    begin_payment,
    note_not_started,
    note_started,
    read_attempt,
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

    def prepare(session: Session) -> Attempt | Answered[CreatedCheckout]:
        payment_id = new_id("pay", now=now)
        claim = idempotency.claim(
            session,
            principal=caller.principal,
            operation=OPERATION,
            reference=reference,
            fingerprint=idempotency.fingerprint({"order_id": order_id, **urls}),
            resource_id=payment_id,
            now=now,
        )
        if claim.replayed_id is not None:
            row = session.get_one(Payment, claim.replayed_id)
            return Answered(_created(row, cipher=cipher), replayed=True)
        order = lock_payable_order(session, caller=caller, order_id=order_id)
        resumed = resume_payment(session, claim, operation=CALL, now=now)
        if resumed is not None:
            return resumed
        return begin_payment(
            session,
            claim,
            order,
            payment_id=payment_id,
            capture="automatic",
            operation=CALL,
            request=_request(session.get_one(Order, order.id), urls, now=now),
            now=now,
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
    attempt = in_transaction(engine, lambda session: read_attempt(session, call_id))
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


def _call_stripe(
    engine: Engine,
    attempt: Attempt,
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
    attempt: Attempt,
    page: CheckoutPage,
    *,
    now: dt.datetime,
    cipher: FieldCipher,
) -> Answered[CreatedCheckout]:
    url = cipher.encrypt_optional(page.url, **_url_field(attempt.payment.id))
    at_provider = AtProvider(checkout_session_ref=page.session_ref, checkout_url_encrypted=url)
    row = note_started(session, attempt, at_provider, now=now)
    return Answered(_created(row, cipher=cipher), replayed=False)


def _created(row: Payment | Row[Any], *, cipher: FieldCipher) -> CreatedCheckout:
    payment = view_payment(row)
    url = cipher.decrypt_optional(row.checkout_url_encrypted, **_url_field(row.id))
    is_open = payment.status in ("created", "requires_action", "failed")
    return CreatedCheckout(payment, row.checkout_session_ref or "", url if is_open else None)


def _url_field(payment_id: str) -> dict[str, str]:
    return {"table": "payments", "column": "checkout_url_encrypted", "row_id": payment_id}
