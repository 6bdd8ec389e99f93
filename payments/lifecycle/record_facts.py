"""The one door for truth: whatever a provider says about payments is recorded here, as a batch.

Its answer, its webhook and our own asking all come in as facts. A fact that cannot be right is
refused by name and changes nothing, while the others go through.
"""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy.orm import Session

import ledger
from ledger.errors import LedgerError
from payments.accounting.authorizations import (
    Reserved,
    book_authorization,
    book_capture,
    book_given_up,
)
from payments.accounting.charges import Charge, book_charges
from payments.lifecycle.contradiction import Contradiction
from payments.lifecycle.deadlines import extended_until
from payments.lifecycle.givebacks import book_givebacks, take_giveback
from payments.lifecycle.locked_payment import LockedPayment
from payments.lifecycle.locked_payments import LockedPayments, lock_payments
from payments.lifecycle.note_decline import note_decline
from payments.lifecycle.receipts import reckon_shares, take_receipt
from payments.lifecycle.refusals import refusal_of
from payments.lifecycle.stages import GivebackFact
from payments.lifecycle.taken_back import take_back, take_failure
from payments.lifecycle.write_changes import write_changes
from payments.log_lines import get_logger
from payments.providers.facts import (
    Authorized,
    Canceled,
    ChargeSucceeded,
    Expired,
    Fact,
    MoneyReceived,
    PaymentFailed,
    RefundReported,
)

_log = get_logger(__name__)


class Result(StrEnum):
    """What became of a fact."""

    APPLIED = "applied"
    UNCHANGED = "unchanged"  # known already, or overtaken by what happened later
    REFUSED = "refused"


@dataclass(frozen=True)
class SourcedFact:
    """A fact and who told it, such as `stripe:evt_…`."""

    fact: Fact
    cause: str


@dataclass(frozen=True)
class Outcome:
    """What became of one fact; `reason` is a stable code when it was refused.

    `unknown_payment` may be cured by time, `deadline_extended` is our own doing.
    `reference_differs`, `rail_differs`, `amount_differs`, `currency_differs`, `receipt_differs`,
    `refund_exceeds_payment`, `dispute_closed_twice` and the ledger's own codes need a person.
    """

    payment_id: str | None
    result: Result
    reason: str | None = None
    detail: str | None = None


def record_facts(
    session: Session, facts: Sequence[SourcedFact], *, now: dt.datetime
) -> list[Outcome]:
    """Record facts in the order given, as part of the caller's transaction.

    Payments are locked in the order of their ids, moved along their life, and the entries of all
    plain charges posted as one ledger batch; captures, refunds and disputes one by one. Returns
    what became of each fact, in the same order.
    """
    if not facts:
        return []
    payments = lock_payments(session, [sourced.fact for sourced in facts])
    judged = [_judge(sourced.fact, payments) for sourced in facts]
    booked = _book_plain_charges(session, facts, judged)
    outcomes = [
        _apply(session, sourced, judgement, booked, now=now)
        for sourced, judgement in zip(facts, judged, strict=True)
    ]
    for sourced, outcome in zip(facts, outcomes, strict=True):
        if isinstance(sourced.fact, PaymentFailed) and outcome.result is not Result.REFUSED:
            note_decline(session, outcome.payment_id, sourced.fact, cause=sourced.cause, now=now)
    write_changes(session, [payment for payment in payments.all if payment.is_changed], now=now)
    return outcomes


def _judge(fact: Fact, payments: LockedPayments) -> LockedPayment | Outcome:
    """Return the fact's payment, or why it must not touch any."""
    payment = payments.find(fact)
    if payment is None:
        return _refused(None, "unknown_payment", f"no payment has {fact.provider_ref}")
    refusal = refusal_of(fact, payment, payments)
    if refusal is not None:
        return _refused(payment.view.id, *refusal)
    payments.learn_reference(payment, fact)
    return payment


def _book_plain_charges(
    session: Session, facts: Sequence[SourcedFact], judged: Sequence[LockedPayment | Outcome]
) -> dict[str, ledger.Result]:
    """Post what was charged, once for each payment, and return what the ledger says to it."""
    charges: dict[str, Charge] = {}
    for sourced, payment in zip(facts, judged, strict=True):
        if not isinstance(payment, LockedPayment) or payment.is_charged or payment.is_manual:
            continue
        if isinstance(sourced.fact, ChargeSucceeded):
            charge = Charge(payment.view.id, payment.view.order_id, sourced.fact)
            charges.setdefault(charge.payment_id, charge)
    results = book_charges(session.connection(), list(charges.values()))
    return dict(zip(charges, results, strict=True))


def _apply(
    session: Session,
    sourced: SourcedFact,
    payment: LockedPayment | Outcome,
    booked: Mapping[str, ledger.Result],
    *,
    now: dt.datetime,
) -> Outcome:
    if isinstance(payment, Outcome):
        return payment
    fact = sourced.fact
    entry = booked.get(payment.view.id)
    if isinstance(fact, ChargeSucceeded) and isinstance(entry, ledger.Refused):
        return _refused(payment.view.id, entry.reason_code, entry.detail)
    outcome = _act(session, sourced, payment, now=now)
    is_told = outcome.result is not Result.REFUSED and not isinstance(fact, RefundReported)
    if is_told and payment.hear_status(fact, now=now):
        return _outcome(payment, is_news=True)
    return outcome


def _act(
    session: Session, sourced: SourcedFact, payment: LockedPayment, *, now: dt.datetime
) -> Outcome:
    fact = sourced.fact
    if isinstance(fact, GivebackFact):
        return _as_a_whole(
            session, payment, lambda: _apply_giveback(session, sourced, fact, payment, now=now)
        )
    if isinstance(fact, MoneyReceived):
        return _as_a_whole(
            session, payment, lambda: _apply_receipt(session, sourced, fact, payment, now=now)
        )
    if payment.view.bank is not None:
        return _act_by_bank(session, sourced, payment, now=now)
    if payment.is_manual:  # the ledger follows each of its stages
        return _as_a_whole(
            session, payment, lambda: _apply_stage(session, sourced, payment, now=now)
        )
    return _outcome(payment, is_news=_apply_stage(session, sourced, payment, now=now))


def _act_by_bank(
    session: Session, sourced: SourcedFact, payment: LockedPayment, *, now: dt.datetime
) -> Outcome:
    fact = sourced.fact
    if isinstance(fact, PaymentFailed) and fact.takes_back:
        return _as_a_whole(
            session,
            payment,
            lambda: take_failure(session, payment, fact, cause=sourced.cause, now=now),
        )
    if isinstance(fact, Expired) and payment.is_moved_by(fact):
        until = extended_until(
            session, payment_id=payment.view.id, provider=payment.provider, now=now
        )
        if until is not None:
            detail = f"it may be paid until {until.isoformat()}"
            return _refused(payment.view.id, "deadline_extended", detail)
    is_news = _apply_stage(session, sourced, payment, now=now)
    reckon_shares(payment, now=now)  # what came after an end that is told only now was late
    return _outcome(payment, is_news=is_news)


def _apply_stage(
    session: Session, sourced: SourcedFact, payment: LockedPayment, *, now: dt.datetime
) -> bool:
    fact = sourced.fact
    if not payment.is_moved_by(fact):
        return False
    if payment.is_manual:
        _book_reserved(session, payment, fact, now=now)
    payment.take(fact, cause=sourced.cause, now=now)
    if isinstance(fact, ChargeSucceeded) and (payment.refunds or payment.disputes):
        _catch_up(session, sourced, payment, now=now)
    return True


def _book_reserved(
    session: Session, payment: LockedPayment, fact: Fact, *, now: dt.datetime
) -> None:
    """Book what a fact means for money reserved on the card."""
    view, connection, at = payment.view, session.connection(), fact.occurred_at
    reserved = Reserved(view.id, view.amount, view.currency)
    if isinstance(fact, ChargeSucceeded):
        if not payment.stage.authorized:  # told before its authorization: that came first
            book_authorization(connection, reserved, occurred_at=at, now=now)
        charge = Charge(view.id, view.order_id, fact)
        book_capture(connection, charge, authorized=view.amount, now=now)
    elif isinstance(fact, Authorized):
        book_authorization(connection, reserved, occurred_at=at, now=now)
    elif isinstance(fact, Canceled | Expired) and payment.stage.authorized:
        book_given_up(connection, reserved, occurred_at=at, now=now)


def _catch_up(
    session: Session, sourced: SourcedFact, payment: LockedPayment, *, now: dt.datetime
) -> None:
    """Book what was told before the charge; what cannot be booked does not keep the charge out."""

    def book_all() -> bool:
        at = sourced.fact.occurred_at
        book_givebacks(session, payment, occurred_at=at, now=now)
        payment.reckon(occurred_at=at, cause=sourced.cause, now=now)
        return True

    outcome = _as_a_whole(session, payment, book_all)
    if outcome.result is Result.REFUSED:
        _log.error(
            "giveback_not_booked",
            payment_id=payment.view.id,
            reason=outcome.reason,
            detail=outcome.detail,
        )


def _apply_receipt(
    session: Session,
    sourced: SourcedFact,
    fact: MoneyReceived,
    payment: LockedPayment,
    *,
    now: dt.datetime,
) -> bool:
    was_charged = payment.is_charged
    if not take_receipt(session, payment, fact, cause=sourced.cause, now=now):
        return False
    if payment.is_charged and not was_charged and (payment.refunds or payment.disputes):
        _catch_up(session, sourced, payment, now=now)
    take_back(session, payment, cause=sourced.cause, now=now)
    return True


def _apply_giveback(
    session: Session,
    sourced: SourcedFact,
    fact: GivebackFact,
    payment: LockedPayment,
    *,
    now: dt.datetime,
) -> bool:
    if not take_giveback(session, payment, fact, now=now):
        return False
    payment.reckon(occurred_at=fact.occurred_at, cause=sourced.cause, now=now)
    return True


def _as_a_whole(session: Session, payment: LockedPayment, act: Callable[[], bool]) -> Outcome:
    """Do it completely or not at all, so that what is refused leaves no half of it behind."""
    before = payment.copy()
    try:
        with session.begin_nested():
            is_news = act()
    except (LedgerError, Contradiction) as error:
        vars(payment).update(vars(before))
        return _refused(payment.view.id, error.code, str(error))
    return _outcome(payment, is_news=is_news)


def _outcome(payment: LockedPayment, *, is_news: bool) -> Outcome:
    return Outcome(payment.view.id, Result.APPLIED if is_news else Result.UNCHANGED)


def _refused(payment_id: str | None, reason: str, detail: str) -> Outcome:
    return Outcome(payment_id, Result.REFUSED, reason, detail)
