"""Has the books know a payout that a provider made and that they had forgotten."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.payouts.choose_destination import destination_in_force
from payments.payouts.queue_payout import queue_or_wait
from payments.payouts.record_payout import record_payout
from payments.payouts.tables import PayoutAttempt, PayoutDestination, SellerPayout
from payments.providers.facts import PayoutReported
from payments.restores.look import Look

_UNDER_WAY = ("waiting", "queued")


def adopt_payout(
    look: Look, session: Session, told: PayoutReported, *, order_id: str | None
) -> None:
    """Record a payout of ours as its provider shows it, or note that we do not know whose it is.

    What is not of a payout that is known `awaits` whoever is released its order's money: that one
    is this, and no other payout of the order is sent meanwhile.
    """
    if _is_known(session, told):
        _record(look, session, told, order_id=order_id)
        return
    payout = None
    if told.payout_id is not None:
        payout = session.get(SellerPayout, told.payout_id, with_for_update=True)
    if payout is None or payout.provider != told.provider:
        _note(look, session, told, "awaiting", "the release it was for is forgotten", order_id)
        return
    if payout.status not in _UNDER_WAY or told.attempt is None or told.attempt <= payout.attempts:
        _note(look, session, told, "open", f"our payout is {payout.status}", payout.order_id)
        return
    if not _begin(look, session, payout, told):
        _note(look, session, told, "awaiting", "where it went is forgotten", payout.order_id)
        return
    _record(look, session, told, order_id=payout.order_id, was="it was forgotten")


def _is_known(session: Session, told: PayoutReported) -> bool:
    named = select(PayoutAttempt.number).where(
        PayoutAttempt.provider == told.provider,
        (PayoutAttempt.provider_ref == told.payout_ref)
        | (
            (PayoutAttempt.payout_id == told.payout_id)
            & (PayoutAttempt.number == told.attempt)
            & PayoutAttempt.provider_ref.is_(None)
        ),
    )
    return session.execute(named.limit(1)).first() is not None


def _begin(look: Look, session: Session, payout: SellerPayout, told: PayoutReported) -> bool:
    """Write down the attempt as it was before it was forgotten; False: it went nowhere we know."""
    now = look.clock()
    if payout.status == "waiting":
        queue_or_wait(session, payout, now=now)
    destination_id = payout.destination_id or _any_destination(session, payout)
    if destination_id is None:
        return False
    assert told.attempt is not None  # noqa: S101 - the caller asked
    payout.attempts = told.attempt
    payout.status, payout.destination_id, payout.looks = "pending", destination_id, 0
    payout.due_at, payout.updated_at = now, now
    session.add(
        PayoutAttempt(
            payout_id=payout.id,
            number=told.attempt,
            provider=told.provider,
            provider_ref=told.payout_ref,
            destination_id=destination_id,
            amount=told.amount,
            amount_returned=0,
            state="open",
            created_at=told.occurred_at,
        )
    )
    session.flush()
    return True


def _any_destination(session: Session, payout: SellerPayout) -> str | None:
    """Return where a payout that waits was sent: the destination was forgotten, too."""
    found = destination_in_force(
        session,
        party_id=payout.seller_id,
        provider=payout.provider,
        currency=payout.currency,
        now=payout.updated_at,
    )
    if found is not None:
        return found.id
    wanted = select(PayoutDestination.id).filter_by(party_id=payout.seller_id)
    return session.scalars(wanted.order_by(PayoutDestination.id.desc()).limit(1)).first()


def _record(
    look: Look,
    session: Session,
    told: PayoutReported,
    *,
    order_id: str | None,
    was: str = "it was made",
) -> None:
    recorded = record_payout(session, told, now=look.clock())
    if recorded.refusal is not None:
        _note(look, session, told, "open", f"{recorded.refusal}: {recorded.detail}", order_id)
    elif recorded.is_news:
        _note(look, session, told, "adopted", f"{was}, and is booked now", order_id)


def _note(
    look: Look,
    session: Session,
    told: PayoutReported,
    status: str,
    detail: str,
    order_id: str | None,
) -> None:
    look.note(
        session,
        "payout",
        provider=told.provider,
        provider_ref=told.payout_ref,
        status=status,  # type: ignore[arg-type] # one of the three
        detail=detail,
        order_id=order_id,
        our_id=told.payout_id,
        money=(told.amount, told.currency),
    )
