"""The one door for what providers say of payouts: their answer, their webhook and our own asking.

What is paid is booked, what came back is owed to the seller again, and what cannot be right is
refused by name and changes nothing.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

import ledger
from ledger.errors import LedgerError
from payments.accounting.payouts import book_paid_out, book_payout_returned, hold_payable
from payments.log_lines import get_logger
from payments.payouts.end_attempt import attempt_failed, settle_status
from payments.payouts.queue_payout import money_of
from payments.payouts.tables import PayoutAttempt, SellerPayout
from payments.payouts.when_to_ask import when_paid, when_pending
from payments.providers.facts import MoneyReturned, PayoutReported, PayoutStatus

_log = get_logger(__name__)


@dataclass(frozen=True)
class Recorded:
    """What became of what was told: whether it was news, and why it was refused, if it was.

    `unknown_payout` may be cured by time; `amount_differs`, `reference_differs`,
    `attempt_given_up` and the ledger's own codes need a person.
    """

    payout_id: str | None
    is_news: bool = False
    refusal: str | None = None
    detail: str | None = None


def record_payout(session: Session, told: PayoutReported, *, now: dt.datetime) -> Recorded:
    """Record what a provider says of a payout, completely or not at all, once for ever."""
    payout, attempt = _lock(session, told)
    if payout is None or attempt is None:
        detail = f"no payout of ours is {told.payout_ref}"
        return _refused(told.payout_id, "unknown_payout", detail)
    refusal = _refusal_of(told, payout, attempt)
    if refusal is not None:
        return _refused(payout.id, *refusal)
    try:
        with session.begin_nested():
            is_news = _apply(session, told, payout, attempt, now=now)
    except LedgerError as error:
        session.refresh(payout)
        session.refresh(attempt)
        return _refused(payout.id, error.code, str(error))
    return Recorded(payout.id, is_news=is_news)


def _lock(
    session: Session, told: PayoutReported
) -> tuple[SellerPayout | None, PayoutAttempt | None]:
    """Lock the payout, found by the provider's id of it or by ours, and the attempt it is about."""
    known = select(PayoutAttempt.payout_id, PayoutAttempt.number).filter_by(
        provider=told.provider, provider_ref=told.payout_ref
    )
    name = session.execute(known).first()
    payout_id, number = (told.payout_id, told.attempt) if name is None else name
    if payout_id is None or number is None:
        return None, None
    locked = select(SellerPayout).filter_by(id=payout_id, provider=told.provider)
    payout = session.scalars(
        locked.with_for_update().execution_options(populate_existing=True)
    ).one_or_none()
    attempt = session.get(PayoutAttempt, (payout_id, number), populate_existing=True)
    return payout, attempt


def _refusal_of(
    told: PayoutReported, payout: SellerPayout, attempt: PayoutAttempt
) -> tuple[str, str] | None:
    """Say why this cannot be about this attempt; None: it can."""
    if attempt.provider_ref not in (None, told.payout_ref):
        return "reference_differs", f"it is known as {attempt.provider_ref}"
    if (told.amount, told.currency) != (attempt.amount, payout.currency):
        said = f"{told.amount} {told.currency}"
        return "amount_differs", f"{said} told, {attempt.amount} {payout.currency} asked for"
    if sum(returned.amount for returned in told.returns) > told.amount:
        return "amount_differs", "more came back than was paid"
    was_given_up = attempt.state == "failed" and told.status is PayoutStatus.PAID
    if was_given_up and attempt.number != payout.attempts:
        return "attempt_given_up", f"attempt {attempt.number} had failed, and another was made"
    return None


def _apply(
    session: Session,
    told: PayoutReported,
    payout: SellerPayout,
    attempt: PayoutAttempt,
    *,
    now: dt.datetime,
) -> bool:
    is_news = attempt.provider_ref is None
    attempt.provider_ref = told.payout_ref
    attempt.source_ref = attempt.source_ref or told.source_ref
    session.flush()
    if attempt.state != "paid" and told.status is PayoutStatus.PAID:
        _pay(session, told, payout, attempt, now=now)
        is_news = True
    elif attempt.state == "open" and told.status is PayoutStatus.FAILED:
        attempt_failed(session, payout, attempt, code=told.failure_code, now=now)
        is_news = True
    elif attempt.state == "open":
        is_news |= payout.status != "pending"
        payout.status, payout.updated_at = "pending", now
        payout.due_at = when_pending(attempt.created_at, now=now)
    for returned in _returns(told, attempt):
        is_news |= _take_back(session, returned, payout, attempt, now=now)
    session.flush()
    return is_news


def _pay(
    session: Session,
    told: PayoutReported,
    payout: SellerPayout,
    attempt: PayoutAttempt,
    *,
    now: dt.datetime,
) -> None:
    money = money_of(
        payout, number=attempt.number, amount=attempt.amount, provider_ref=told.payout_ref
    )
    hold_id = payout.hold_id
    if attempt.state == "failed":  # we had given it up; the money is the seller's, so take it
        if hold_id is not None:  # and what it was to be sent with once more is not needed
            ledger.void_hold(session.connection(), hold_id, now=now)
        hold_id = hold_payable(session.connection(), money, effect="held_late", now=now)
    if hold_id is None:
        raise AssertionError("an open attempt has its money held")
    book_paid_out(
        session.connection(), money, hold_id=hold_id, occurred_at=told.occurred_at, now=now
    )
    attempt.state, attempt.failure_code, attempt.ended_at = "paid", None, told.occurred_at
    payout.hold_id = None
    payout.amount_paid += attempt.amount
    settle_status(payout, code="returned", paid_at=told.occurred_at, now=now)
    payout.due_at = when_paid(payout.provider, told.occurred_at, now=now)


def _returns(told: PayoutReported, attempt: PayoutAttempt) -> Iterator[MoneyReturned]:
    """Yield what came back; a bank that calls a paid payout failed has sent all of it back."""
    yield from told.returns
    came_back = attempt.state == "paid" and told.status is PayoutStatus.FAILED
    if came_back and not told.returns:
        yield MoneyReturned(told.payout_ref, attempt.amount, told.occurred_at)


def _take_back(
    session: Session,
    returned: MoneyReturned,
    payout: SellerPayout,
    attempt: PayoutAttempt,
    *,
    now: dt.datetime,
) -> bool:
    money = money_of(
        payout, number=attempt.number, amount=attempt.amount, provider_ref=attempt.provider_ref
    )
    if not book_payout_returned(session.connection(), money, returned):
        return False
    attempt.amount_returned += returned.amount
    payout.amount_paid -= returned.amount
    if payout.hold_id is None:  # else another attempt is under way, and its end tells
        settle_status(payout, code="returned", paid_at=None, now=now)
        payout.due_at = None
    _log.warning("payout_returned", payout_id=payout.id, amount=returned.amount)
    return True


def _refused(payout_id: str | None, refusal: str, detail: str) -> Recorded:
    _log.error("payout_fact_refused", payout_id=payout_id, reason=refusal, detail=detail)
    return Recorded(payout_id, refusal=refusal, detail=detail)
