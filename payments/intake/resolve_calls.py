"""Finds out what became of calls whose outcome nobody learnt, by looking and never by charging.

Confirming, capturing and canceling are looked up at the provider. What only makes something to be
paid later is asked for again, under the same key, so that the provider makes it once.
"""

import datetime as dt
from collections import Counter
from collections.abc import Mapping

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from payments.calls import open_calls
from payments.calls.tables import ProviderCall
from payments.database import in_transaction, transaction
from payments.errors import ConflictError, StrongroomError, UnavailableError
from payments.intake import create_bank_link, create_checkout, create_intent
from payments.intake.at_provider import look_up_cancel
from payments.intake.begun_calls import Begun, Seen, begun_of
from payments.intake.look_up import look_up_intent
from payments.intake.one_by_one import work_one_by_one
from payments.intake.outcome_of_call import CANCEL, CAPTURE, CONFIRM, Verdict
from payments.intake.start_payment import note_not_started
from payments.lifecycle.record_seen import record_seen
from payments.lifecycle.tables import Payment
from payments.privacy.encryption import FieldCipher
from payments.providers.connect import Providers
from payments.providers.facts import Failure, PaymentFailed
from payments.providers.stripe.intent_facts import PROVIDER as STRIPE

KEYS_REMEMBERED = dt.timedelta(hours=23)
"""Stripe remembers idempotency keys for a day: under one that is forgotten, nothing is repeated.

What bank providers remember them for is not documented to be less.
"""

_LOOKS_UNTIL_SURE = 2
"""Not seen at the second look, minutes later: then the call never reached the provider."""

_REPEATED = (create_intent.CALL, create_checkout.CALL, create_bank_link.CALL)
OPERATIONS = (CONFIRM, CAPTURE, CANCEL, *_REPEATED)


def resolve_calls(
    engine: Engine, *, limit: int, now: dt.datetime, cipher: FieldCipher, providers: Providers
) -> Mapping[str, int]:
    """Look up to `limit` due calls to each provider up, and return how many ended how.

    One that fails does not stop the others; when a provider does not answer, its rest waits.
    """

    def resolve(call_id: str) -> str:
        with transaction(engine) as session:
            call = open_calls.find(session, call_id)
            row = session.get_one(Payment, call.payment_id)
            begun = begun_of(session, call, row, is_resumed=True)
        if call.operation in _REPEATED:
            return _repeat(engine, call, now=now, cipher=cipher, providers=providers)
        seen = _look(providers, call, begun, now=now)
        return in_transaction(engine, lambda session: _settle(session, call_id, seen, now=now))

    def put_off(call_id: str) -> None:
        in_transaction(engine, lambda session: open_calls.put_off(session, call_id, now=now))

    outcomes: Counter[str] = Counter()
    for provider in (STRIPE, *providers.banks):
        with transaction(engine) as session:
            due = open_calls.list_due(
                session, operations=OPERATIONS, provider=provider, now=now, limit=limit
            )
        outcomes.update(work_one_by_one([call.id for call in due], resolve, put_off=put_off))
    return outcomes


def _repeat(
    engine: Engine,
    call: ProviderCall,
    *,
    now: dt.datetime,
    cipher: FieldCipher,
    providers: Providers,
) -> str:
    if now - call.created_at >= KEYS_REMEMBERED:
        error = ConflictError("The provider gave no answer for a day.", code="provider_refused")
        note_not_started(engine, error, payment_id=call.payment_id, call_id=call.id, now=now)
        return "refused"
    try:
        _make_again(engine, call, now=now, cipher=cipher, providers=providers)
    except UnavailableError:
        raise
    except StrongroomError:
        return "refused"
    return "done"


def _make_again(
    engine: Engine,
    call: ProviderCall,
    *,
    now: dt.datetime,
    cipher: FieldCipher,
    providers: Providers,
) -> None:
    stripe = providers.stripe
    if call.operation == create_intent.CALL:
        create_intent.repeat_create_intent(engine, call.id, now=now, cipher=cipher, stripe=stripe)
    elif call.operation == create_checkout.CALL:
        repeat = create_checkout.repeat_create_checkout
        repeat(engine, call.id, now=now, cipher=cipher, stripe=stripe)
    else:
        create_bank_link.repeat_create_bank_link(
            engine, call.id, now=now, cipher=cipher, providers=providers
        )


def _look(providers: Providers, call: ProviderCall, begun: Begun, *, now: dt.datetime) -> Seen:
    if call.operation == CANCEL:
        return look_up_cancel(providers, begun, now=now)
    return look_up_intent(providers.stripe, begun, operation=call.operation, now=now)


def _settle(session: Session, call_id: str, seen: Seen, *, now: dt.datetime) -> str:
    """Write what the provider shows, and close the call if that tells its outcome."""
    record_seen(session, seen.facts, cause="poll", now=now)
    call = open_calls.find(session, call_id)
    if call.due_at is None or call.due_at > now:
        return "taken_up"  # by the caller, who asks again at this very moment
    if seen.verdict is Verdict.DONE:
        open_calls.close(session, call_id, state="done", now=now)
        return "done"
    if seen.verdict is Verdict.DECLINED:
        failure = _failure(seen)
        open_calls.close(session, call_id, state="declined", failure=failure, now=now)
        return "declined"
    is_sure = seen.verdict is Verdict.NEVER or call.attempts + 1 >= _LOOKS_UNTIL_SURE
    if not is_sure:
        open_calls.postpone(session, call_id, now=now)
        return "still_unknown"
    error = "The provider shows that it did not happen."
    open_calls.close(session, call_id, state="refused", error=error, now=now)
    return "refused"


def _failure(seen: Seen) -> Failure:
    return next(fact.failure for fact in seen.facts if isinstance(fact, PaymentFailed))
