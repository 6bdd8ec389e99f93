"""Asks providers about payments that nobody told the end of, and gives up those that were left.

Money under way is never given up: only what its payer may still begin to pay.
"""

import datetime as dt
from collections import Counter
from collections.abc import Mapping

from sqlalchemy import Engine, Select, select
from sqlalchemy.orm import Session

from payments.calls import open_calls
from payments.crash_points import reach
from payments.database import in_transaction, transaction
from payments.errors import StrongroomError
from payments.intake.at_provider import ask, end_of, give_up
from payments.intake.begun_calls import Begun, begun_of
from payments.intake.one_by_one import work_one_by_one
from payments.intake.outcome_of_call import CANCEL
from payments.intake.payable_order import is_superseded
from payments.intake.poll_schedule import GIVEN_UP_AFTER, next_poll_at
from payments.lifecycle.deadlines import effective_deadline
from payments.lifecycle.record_seen import record_seen
from payments.lifecycle.stages import FINAL, Status
from payments.lifecycle.tables import Payment
from payments.log_lines import go_on_about
from payments.orders.tables import Order
from payments.providers.connect import Providers
from payments.providers.facts import (
    ActionRequired,
    Authorized,
    Fact,
    PaymentFailed,
    Processing,
)
from payments.providers.outcome import OutcomeUnknownError
from payments.providers.stripe.intent_facts import PROVIDER as STRIPE
from payments.providers.stripe.intents import CancelReason

CAUSE = "poll"
_LEFT_OPEN = (Status.CREATED, Status.REQUIRES_ACTION, Status.FAILED)
_ATTEMPTS: Mapping[type[Fact], Status] = {
    ActionRequired: Status.REQUIRES_ACTION,
    Processing: Status.PROCESSING,
    PaymentFailed: Status.FAILED,
}
_NO_ANSWER_WAIT = dt.timedelta(minutes=1)


def poll_payments(
    engine: Engine, *, limit: int, now: dt.datetime, providers: Providers
) -> Mapping[str, int]:
    """Ask about up to `limit` due payments of each provider, and return how many ended how.

    One that fails does not stop the others; when a provider does not answer, its rest waits.
    """
    outcomes: Counter[str] = Counter()
    for provider in (STRIPE, *providers.banks):
        with transaction(engine) as session:
            due = session.scalars(_due_of(provider, now=now).limit(limit)).all()
        outcomes.update(
            work_one_by_one(
                due,
                lambda payment_id: poll_payment(engine, payment_id, now=now, providers=providers),
                put_off=lambda payment_id: _put_off(engine, payment_id, now=now),
            )
        )
    return outcomes


def _due_of(provider: str, *, now: dt.datetime) -> Select[str]:
    return (
        select(Payment.id)
        .where(Payment.provider == provider, Payment.poll_at <= now)
        .order_by(Payment.poll_at)
    )


def _put_off(engine: Engine, payment_id: str, *, now: dt.datetime) -> None:
    with transaction(engine) as session:
        session.get_one(Payment, payment_id).poll_at = now + _NO_ANSWER_WAIT


def poll_payment(engine: Engine, payment_id: str, *, now: dt.datetime, providers: Providers) -> str:
    """Ask the provider about one payment, due or not, and return how that ended.

    Raises:
        UnavailableError: the provider did not answer.
    """
    go_on_about(payment_id=payment_id)
    with transaction(engine) as session:
        row = session.get_one(Payment, payment_id)
    facts = () if row.status in FINAL else ask(providers, row, now=now)

    def write(session: Session) -> Begun | str:
        news = [fact for fact in facts if _is_news(row, fact)]
        record_seen(session, news, cause=CAUSE, now=now)
        return _go_on(session, payment_id, now=now)

    begun = in_transaction(engine, write)
    if isinstance(begun, str):
        return begun
    return _give_up(engine, begun, now=now, providers=providers)


def _is_news(row: Payment, fact: Fact) -> bool:
    """Whether the fact says more than we know: dated by our asking, it always looks newer."""
    if row.rail == "bank":
        return _tells_more(row, fact)
    if isinstance(fact, ActionRequired):
        asked = None if fact.next_action is None else dict(fact.next_action)
        return row.status != Status.REQUIRES_ACTION or row.next_action != asked
    return not isinstance(fact, Processing | Authorized) or row.status != Status.PROCESSING


def _tells_more(row: Payment, fact: Fact) -> bool:
    attempt = _ATTEMPTS.get(type(fact))
    if attempt is None:
        return True
    return (row.status, row.provider_status) != (attempt, fact.provider_status)


def _go_on(session: Session, payment_id: str, *, now: dt.datetime) -> Begun | str:
    """Say when to ask again, or begin to give the payment up."""
    row = session.get_one(
        Payment, payment_id, with_for_update={"key_share": True}, populate_existing=True
    )
    row.polls += 1
    if row.status in FINAL:
        row.poll_at = None
        return "final"
    deadline = _deadline(session, row)
    row.poll_at = next_poll_at(row.created_at, now=now, not_after=deadline)
    reason = _reason_to_give_up(session, row, deadline, now=now)
    if reason is None or open_calls.has_open(session, payment_id):
        return "open"
    if row.rail == "bank" and row.status == Status.FAILED:  # it has ended there already
        record_seen(session, [end_of(row, reason=reason, now=now)], cause=CAUSE, now=now)
        return "given_up"
    call = open_calls.begin(
        session,
        payment_id=row.id,
        operation=CANCEL,
        request={"reason": reason},
        claim=None,
        now=now,
    )
    return begun_of(session, call, row, is_resumed=False)


def _deadline(session: Session, row: Payment) -> dt.datetime:
    """Return when a payment that was not begun is given up."""
    if row.rail == "bank":
        return effective_deadline(session, row)
    return row.created_at + GIVEN_UP_AFTER


def _reason_to_give_up(
    session: Session, row: Payment, deadline: dt.datetime, *, now: dt.datetime
) -> CancelReason | None:
    at_provider = row.provider_ref is not None or row.checkout_session_ref is not None
    if row.status not in _LEFT_OPEN or not at_provider:
        return None
    if is_superseded(session, row) or session.get_one(Order, row.order_id).status != "open":
        return "duplicate"
    return "abandoned" if now >= deadline else None


def _give_up(engine: Engine, begun: Begun, *, now: dt.datetime, providers: Providers) -> str:
    """Have the provider take no money for the payment any more."""
    reach("give_up.intent_committed")
    try:
        facts = give_up(providers, begun, reason=begun.request["reason"], now=now)
    except OutcomeUnknownError as error:
        detail = error.detail
        in_transaction(
            engine,
            lambda session: open_calls.leave_unknown(session, begun.call_id, error=detail, now=now),
        )
        raise
    except StrongroomError as error:  # it went on meanwhile: the next poll sees how
        refusal = error.detail

        def note_refused(session: Session) -> None:
            open_calls.close(session, begun.call_id, state="refused", error=refusal, now=now)
            session.get_one(Payment, begun.payment_id).poll_at = now + _NO_ANSWER_WAIT

        in_transaction(engine, note_refused)
        return "went_on"

    def note_given_up(session: Session) -> None:
        record_seen(session, facts, cause=CAUSE, now=now)
        open_calls.close(session, begun.call_id, state="done", now=now)

    reach("give_up.called")
    in_transaction(engine, note_given_up)
    reach("give_up.recorded")
    return "given_up"
