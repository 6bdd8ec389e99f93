"""The one door for truth: whatever a provider says about payments is recorded here, as a batch.

Its answer, its webhook and our own asking all come in as facts. A fact that cannot be right is
refused by name and changes nothing, while the others go through.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy.orm import Session

import ledger
from payments.accounting.charges import Charge, book_charges
from payments.lifecycle.locked_payments import LockedPayment, LockedPayments, lock_payments
from payments.lifecycle.stages import CHARGED
from payments.lifecycle.write_changes import write_changes
from payments.providers.facts import ChargeSucceeded, Fact


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

    `unknown_payment` may be cured by time. `reference_differs`, `amount_differs`,
    `currency_differs` and the ledger's own codes need a person.
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
    charges posted as one ledger batch. Returns what became of each fact, in the same order.
    """
    if not facts:
        return []
    payments = lock_payments(session, [sourced.fact for sourced in facts])
    judged = [_judge(sourced.fact, payments) for sourced in facts]
    booked = _book(session, facts, judged)
    outcomes = [
        _apply(sourced, judgement, booked, now=now)
        for sourced, judgement in zip(facts, judged, strict=True)
    ]
    write_changes(session, [payment for payment in payments.all if payment.steps], now=now)
    return outcomes


def _judge(fact: Fact, payments: LockedPayments) -> LockedPayment | Outcome:
    """Return the fact's payment, or why it must not touch any."""
    payment = payments.find(fact)
    if payment is None:
        return _refused(None, "unknown_payment", f"no payment has {fact.provider_ref}")
    view = payment.view
    if not payment.is_named_by(fact):
        detail = f"{fact.provider_ref} and {fact.payment_id} are not one payment"
        return _refused(view.id, "reference_differs", detail)
    if isinstance(fact, ChargeSucceeded):
        if fact.currency != view.currency:
            detail = f"paid in {fact.currency}, ours is in {view.currency}"
            return _refused(view.id, "currency_differs", detail)
        if fact.amount != view.amount:
            detail = f"paid {fact.amount}, ours is {view.amount} minor units"
            return _refused(view.id, "amount_differs", detail)
    payments.learn_reference(payment, fact)
    return payment


def _book(
    session: Session, facts: Sequence[SourcedFact], judged: Sequence[LockedPayment | Outcome]
) -> dict[str, ledger.Result]:
    """Post what was charged, once for each payment, and return what the ledger says to it."""
    charges: dict[str, Charge] = {}
    for sourced, payment in zip(facts, judged, strict=True):
        if not isinstance(payment, LockedPayment) or payment.stage.status in CHARGED:
            continue
        if isinstance(sourced.fact, ChargeSucceeded):
            charge = Charge(payment.view.id, payment.view.order_id, sourced.fact)
            charges.setdefault(charge.payment_id, charge)
    results = book_charges(session.connection(), list(charges.values()))
    return dict(zip(charges, results, strict=True))


def _apply(
    sourced: SourcedFact,
    payment: LockedPayment | Outcome,
    booked: Mapping[str, ledger.Result],
    *,
    now: dt.datetime,
) -> Outcome:
    if isinstance(payment, Outcome):
        return payment
    entry = booked.get(payment.view.id)
    if isinstance(sourced.fact, ChargeSucceeded) and isinstance(entry, ledger.Refused):
        return _refused(payment.view.id, entry.reason_code, entry.detail)
    is_news = payment.take(sourced.fact, cause=sourced.cause, now=now)
    return Outcome(payment.view.id, Result.APPLIED if is_news else Result.UNCHANGED)


def _refused(payment_id: str | None, reason: str, detail: str) -> Outcome:
    return Outcome(payment_id, Result.REFUSED, reason, detail)
