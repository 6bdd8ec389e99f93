"""Where a payment is paid, and so how it is asked about and given up: the one place that knows.

A card payment is an intent at Stripe or a checkout page of Stripe's; a bank payment is a link of
a bank provider's.
"""

import datetime as dt
from collections.abc import Sequence

from payments.errors import ConflictError
from payments.intake.begun_calls import Begun, Seen
from payments.intake.look_up import look_up_intent, look_up_session, require_ref
from payments.intake.outcome_of_call import CANCEL, Verdict
from payments.lifecycle.tables import Payment
from payments.providers.connect import Providers
from payments.providers.facts import (
    Authorized,
    Canceled,
    ChargeSucceeded,
    Expired,
    Fact,
    MoneyReceived,
    PaymentFailed,
    Processing,
)
from payments.providers.outcome import OutcomeUnknownError, UnexpectedStateError
from payments.providers.ports import BankProvider
from payments.providers.stripe import checkout, intents
from payments.providers.stripe.client import StripeClient
from payments.providers.stripe.intent_facts import PROVIDER as STRIPE
from payments.providers.stripe.intent_facts import facts_of_intent
from payments.providers.stripe.intents import CancelReason

_UNDER_WAY = (Processing, Authorized, ChargeSucceeded, MoneyReceived)
_OVER = (Canceled, Expired, PaymentFailed)


def bank_of(providers: Providers, name: str) -> BankProvider:
    """Return a bank provider.

    Raises:
        OutcomeUnknownError: it is not set up here, or not any more.
    """
    bank = providers.banks.get(name)
    if bank is None:
        raise OutcomeUnknownError(f"{name} is not set up here.")
    return bank


def ask(providers: Providers, row: Payment, *, now: dt.datetime) -> Sequence[Fact]:
    """Return where a payment stands, as its provider shows it.

    Raises:
        ConflictError: the provider does not know it.
        OutcomeUnknownError: no answer.
    """
    if row.checkout_session_ref is not None:
        page = checkout.retrieve(providers.stripe, session_ref=row.checkout_session_ref)
        return checkout.facts_of_session(page.shown, seen_at=now)
    if row.provider_ref is None:
        return ()  # whether its provider knows it at all is found out where its call is resolved
    if row.provider != STRIPE:
        return bank_of(providers, row.provider).get_status(row.provider_ref, seen_at=now)
    intent = intents.retrieve(providers.stripe, provider_ref=row.provider_ref)
    return facts_of_intent(intent.shown, seen_at=now)


def give_up(
    providers: Providers, begun: Begun, *, reason: CancelReason, now: dt.datetime
) -> Sequence[Fact]:
    """Have the provider take no money for a payment any more, and return where it stands then.

    Raises:
        ConflictError: it went on meanwhile, or the provider refuses.
        OutcomeUnknownError: no clear answer.
    """
    if begun.provider != STRIPE:
        return _close_link(bank_of(providers, begun.provider), begun, reason=reason, now=now)
    if begun.session_ref is not None:
        return _close_page(providers.stripe, begun, reason=reason, now=now)
    intent = intents.cancel(
        providers.stripe,
        provider_ref=require_ref(begun),
        reason=reason,
        idempotency_key=begun.idempotency_key,
    )
    return facts_of_intent(intent.shown, seen_at=now)


def look_up_cancel(providers: Providers, begun: Begun, *, now: dt.datetime) -> Seen:
    """Return what the provider shows of a payment that was to be given up.

    Raises:
        OutcomeUnknownError: no answer.
    """
    if begun.provider != STRIPE:
        return _look_up_link(bank_of(providers, begun.provider), begun, now=now)
    if begun.session_ref is not None:
        return look_up_session(providers.stripe, begun, now=now)
    return look_up_intent(providers.stripe, begun, operation=CANCEL, now=now)


def end_of(
    row: Payment | Begun, *, reason: CancelReason, now: dt.datetime, shown: Sequence[Fact] = ()
) -> Fact:
    """Return that we ended a bank payment: its time was over, or it was canceled.

    `shown` is what its provider says of it, which knows no difference between the two.
    """
    ended = Expired if reason == "abandoned" else Canceled
    return ended(
        provider=row.provider,
        provider_ref=row.provider_ref,
        payment_id=row.payment_id if isinstance(row, Begun) else row.id,
        occurred_at=now,
        provider_status=shown[-1].provider_status if shown else None,
    )


def _close_page(
    stripe: StripeClient, begun: Begun, *, reason: CancelReason, now: dt.datetime
) -> Sequence[Fact]:
    """Close the checkout page: Stripe then gives up its intent itself."""
    page = checkout.expire(
        stripe, session_ref=begun.session_ref or "", idempotency_key=begun.idempotency_key
    )
    return checkout.facts_of_session(page.shown, canceled=reason != "abandoned", seen_at=now)


def _close_link(
    bank: BankProvider, begun: Begun, *, reason: CancelReason, now: dt.datetime
) -> Sequence[Fact]:
    """Cancel the link where that can be done; else it is over for us alone.

    Money that comes all the same is late, and waits in suspense.
    """
    shown: Sequence[Fact] = ()
    if bank.capabilities.cancels:
        ref = require_ref(begun)
        try:
            shown = bank.cancel(ref, idempotency_key=begun.idempotency_key, seen_at=now)
        except ConflictError as error:
            shown = bank.get_status(ref, seen_at=now)
            if any(isinstance(fact, _UNDER_WAY) for fact in shown):
                raise UnexpectedStateError(error.detail) from error
    if any(isinstance(fact, _UNDER_WAY) for fact in shown):
        return shown
    return [end_of(begun, reason=reason, now=now, shown=shown)]


def _look_up_link(bank: BankProvider, begun: Begun, *, now: dt.datetime) -> Seen:
    shown = bank.get_status(require_ref(begun), seen_at=now)
    if any(isinstance(fact, _UNDER_WAY) for fact in shown):
        return Seen(shown, Verdict.NEVER)
    if any(isinstance(fact, _OVER) for fact in shown):
        reason: CancelReason = begun.request["reason"]
        return Seen([end_of(begun, reason=reason, now=now, shown=shown)], Verdict.DONE)
    return Seen(shown, Verdict.NOT_YET)
