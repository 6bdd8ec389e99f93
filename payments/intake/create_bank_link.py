"""Starts a bank payment on a page of a bank provider's: intent, call, outcome, as `create_intent`.

The payer's name and e-mail address are read anew for each call, so that no call keeps them.
"""

import datetime as dt
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, Row
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from payments import idempotency
from payments.access.caller import Caller
from payments.bank_reference import new_reference
from payments.crash_points import reach
from payments.database import in_transaction
from payments.errors import StrongroomError
from payments.idempotency import Answered
from payments.identifiers import new_id
from payments.intake.at_provider import bank_of
from payments.intake.payable_order import lock_payable_order
from payments.intake.return_urls import check_return_urls
from payments.intake.start_payment import (
    AtProvider,
    Attempt,
    ByBank,
    begin_payment,
    note_not_started,
    note_started,
    read_attempt,
    resume_payment,
)
from payments.lifecycle.stages import Status
from payments.lifecycle.tables import Payment
from payments.lifecycle.view import PaymentView, view_payment
from payments.orders.tables import Order
from payments.parties.tables import Party
from payments.parties.view import view_party
from payments.privacy.encryption import FieldCipher
from payments.providers.connect import Providers
from payments.providers.ports import Link, LinkRequest

OPERATION = "payments.bank.link"
CALL = "create_bank_link"

_REFERENCES_TRIED = 3  # two of 2^50 being equal is not to be expected even once
_ONE_REFERENCE = "payments_bank_reference"


@dataclass(frozen=True)
class CreatedLink:
    """A payment and the page that leads the payer to their bank; no `url` once it is closed.

    `bank_reference` is what the transfer quotes; it may be paid until `expires_at`.
    """

    payment: PaymentView
    url: str | None
    bank_reference: str
    expires_at: dt.datetime


@dataclass(frozen=True)
class _Begun:
    """A payment as committed before the call, and what to call with."""

    attempt: Attempt
    request: LinkRequest


def create_bank_link(
    engine: Engine,
    *,
    caller: Caller,
    reference: str,
    order_id: str,
    return_url: str,
    trusted_origins: Collection[str],
    open_for: dt.timedelta,
    now: dt.datetime,
    cipher: FieldCipher,
    providers: Providers,
) -> Answered[CreatedLink]:
    """Make a page on which the order's whole amount is paid by bank, once per reference.

    The first provider that takes the order's currency makes it; it may be paid for `open_for`.

    Raises:
        InvalidRequestError: the address is not on a trusted origin, the reference is malformed, or
            the provider does not take the amount.
        NotFoundError, ForbiddenError, ConflictError: see `lock_payable_order`; also when the
            provider refuses (`provider_refused`).
        InProgressError, ReferenceReusedError: see `idempotency.claim`.
        UnavailableError: the provider gave no clear answer; the same request again finds out.
    """
    urls = {"return_url": return_url}
    check_return_urls(urls, trusted_origins=trusted_origins)

    def prepare(session: Session) -> _Begun | Answered[CreatedLink]:
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
        takers = _takers(providers)
        order = lock_payable_order(
            session, caller=caller, order_id=order_id, payer="Bank transfers", currencies=takers
        )
        attempt = resume_payment(session, claim, operation=CALL, now=now) or begin_payment(
            session,
            claim,
            order,
            payment_id=payment_id,
            by_bank=ByBank(
                provider=takers[order.currency],
                bank_reference=new_reference(),
                expires_at=now + open_for,
            ),
            operation=CALL,
            request=urls,
            now=now,
        )
        return _begun(session, attempt, cipher=cipher)

    begun = _with_new_reference(lambda: in_transaction(engine, prepare))
    if isinstance(begun, Answered):
        return begun
    reach("create_bank_link.intent_committed")
    return _call_provider(engine, begun, now=now, cipher=cipher, providers=providers)


def repeat_create_bank_link(
    engine: Engine, call_id: str, *, now: dt.datetime, cipher: FieldCipher, providers: Providers
) -> None:
    """Make a call again that nobody heard back from: with its key, there is one page only.

    Raises:
        StrongroomError: as `create_bank_link`; what came of it is written.
    """
    begun = in_transaction(
        engine, lambda session: _begun(session, read_attempt(session, call_id), cipher=cipher)
    )
    _call_provider(engine, begun, now=now, cipher=cipher, providers=providers)


def _takers(providers: Providers) -> dict[str, str]:
    """Return the bank provider that takes each currency: the first that does."""
    takers: dict[str, str] = {}
    for name, bank in providers.banks.items():
        for currency in bank.capabilities.currencies:
            takers.setdefault(currency, name)
    return takers


def _with_new_reference(
    prepare: Callable[[], _Begun | Answered[CreatedLink]],
) -> _Begun | Answered[CreatedLink]:
    """Prepare again when another payment has the reference that was drawn."""
    for tried in range(1, _REFERENCES_TRIED + 1):
        try:
            return prepare()
        except IntegrityError as error:
            diagnosis = getattr(error.orig, "diag", None)
            if getattr(diagnosis, "constraint_name", None) != _ONE_REFERENCE:
                raise
            if tried == _REFERENCES_TRIED:
                raise
    raise AssertionError("unreachable")


def _call_provider(
    engine: Engine,
    begun: _Begun,
    *,
    now: dt.datetime,
    cipher: FieldCipher,
    providers: Providers,
) -> Answered[CreatedLink]:
    attempt = begun.attempt
    try:
        link = bank_of(providers, attempt.provider).create_link(begun.request)
    except StrongroomError as error:
        payment_id = attempt.payment.id
        note_not_started(engine, error, payment_id=payment_id, call_id=attempt.call_id, now=now)
        raise
    reach("create_bank_link.called")
    created = in_transaction(
        engine, lambda session: _note_created(session, attempt, link, now=now, cipher=cipher)
    )
    reach("create_bank_link.recorded")
    return created


def _begun(session: Session, attempt: Attempt, *, cipher: FieldCipher) -> _Begun:
    row = session.get_one(Payment, attempt.payment.id)
    buyer = session.get_one(Party, session.get_one(Order, row.order_id).buyer_id)
    payer = view_party(buyer, cipher=cipher)
    reference, expires_at = _terms(row)
    request = LinkRequest(
        payment_id=row.id,
        order_id=row.order_id,
        amount=row.amount,
        currency=row.currency,
        bank_reference=reference,
        payer_id=payer.id,
        payer_name=payer.name or payer.id,
        payer_email=payer.email,
        return_url=attempt.request["return_url"],
        expires_at=expires_at,
        idempotency_key=attempt.idempotency_key,
    )
    return _Begun(attempt, request)


def _note_created(
    session: Session, attempt: Attempt, link: Link, *, now: dt.datetime, cipher: FieldCipher
) -> Answered[CreatedLink]:
    url = cipher.encrypt(link.url, **_url_field(attempt.payment.id))
    at_provider = AtProvider(provider_ref=link.provider_ref, link_url_encrypted=url)
    row = note_started(session, attempt, at_provider, now=now)
    return Answered(_created(row, cipher=cipher), replayed=False)


def _created(row: Payment | Row[Any], *, cipher: FieldCipher) -> CreatedLink:
    payment = view_payment(row)
    url = cipher.decrypt_optional(row.link_url_encrypted, **_url_field(row.id))
    is_open = payment.status in (Status.CREATED, Status.REQUIRES_ACTION)
    reference, expires_at = _terms(row)
    return CreatedLink(payment, url if is_open else None, reference, expires_at)


def _terms(row: Payment | Row[Any]) -> tuple[str, dt.datetime]:
    """Return a bank payment's reference and deadline."""
    assert row.bank_reference is not None  # noqa: S101 - the table's CHECK
    assert row.expires_at is not None  # noqa: S101 - likewise
    return row.bank_reference, row.expires_at


def _url_field(payment_id: str) -> dict[str, str]:
    return {"table": "payments", "column": "link_url_encrypted", "row_id": payment_id}
