"""Has a provider pay a seller: an attempt is written down before the call, and closed after it."""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

import ledger
from payments.crash_points import reach
from payments.database import in_transaction
from payments.errors import StrongroomError
from payments.freezes.covering import covering
from payments.freezes.releases_lock import share_releases_lock
from payments.lifecycle.tables import Payment
from payments.log_lines import get_logger
from payments.payouts.choose_destination import destination_in_force
from payments.payouts.destinations import unseal
from payments.payouts.end_attempt import attempt_failed
from payments.payouts.payout_port import payout_port
from payments.payouts.queue_payout import queue_or_wait, reference_of
from payments.payouts.record_payout import record_payout
from payments.payouts.tables import PayoutAttempt, PayoutDestination, SellerPayout
from payments.payouts.when_to_ask import FIRST_LOOK, when_unknown
from payments.privacy.encryption import FieldCipher
from payments.providers.connect import Providers
from payments.providers.facts import PayoutReported
from payments.providers.outcome import OutcomeUnknownError
from payments.providers.ports import PayoutRequest
from payments.standstill.forgotten import ForgottenPayouts, claim_payout

_WHILE_FROZEN = dt.timedelta(minutes=1)

_log = get_logger(__name__)


@dataclass(frozen=True)
class Begun:
    """An attempt as committed before the call: enough to make it, now or after a crash."""

    provider: str
    request: PayoutRequest

    @property
    def name(self) -> tuple[str, int]:
        """What the attempt is known by here."""
        return self.request.payout_id, self.request.attempt


def begin_attempt(
    session: Session, payout_id: str, *, cipher: FieldCipher, now: dt.datetime
) -> Begun | None:
    """Write down an attempt about to be made; commit before making it.

    None: there is none to make now. Another worker has begun it, nowhere is in force to pay to, or
    the order is frozen: then it waits. Or a payout for this order left before a restore, and was
    forgotten: that is this one, if it is for the same amount; else a person must see to it first.

    Raises:
        DecryptionError: the destination was changed, or its key is gone.
    """
    share_releases_lock(session)
    payout = lock_due(session, payout_id, now=now)
    if payout is None or payout.status != "queued" or payout.hold_id is None:
        return None
    if covering(session, payout.order_id) is not None:
        payout.due_at = now + _WHILE_FROZEN
        return None
    destination = destination_in_force(
        session,
        party_id=payout.seller_id,
        provider=payout.provider,
        currency=payout.currency,
        now=now,
    )
    if destination is None:
        queue_or_wait(session, payout, now=now)
        return None
    amount = ledger.find_hold(session.connection(), payout.hold_id).amount
    forgotten = _forgotten(session, payout, amount=amount)
    if forgotten.same is None and forgotten.others:
        _log.error("payout_waits_for_forgotten_one", payout_id=payout.id, order_id=payout.order_id)
        payout.due_at = now + _WHILE_FROZEN
        return None
    payout.attempts += 1
    payout.status, payout.looks, payout.destination_id = "intent", 0, destination.id
    payout.due_at, payout.updated_at = now + FIRST_LOOK, now
    attempt = PayoutAttempt(
        payout_id=payout.id,
        number=payout.attempts,
        provider=payout.provider,
        provider_ref=forgotten.same,
        destination_id=destination.id,
        amount=amount,
        amount_returned=0,
        state="open",
        created_at=now,
    )
    session.add(attempt)
    session.flush()
    if forgotten.same is not None:  # it left before a restore: what is there is asked for
        payout.status, payout.due_at = "pending", now
        return None
    return begun_of(session, payout, attempt, cipher=cipher, now=now)


def _forgotten(session: Session, payout: SellerPayout, *, amount: int) -> ForgottenPayouts:
    return claim_payout(
        session,
        payout_id=payout.id,
        order_id=payout.order_id,
        provider=payout.provider,
        amount=amount,
        currency=payout.currency,
    )


def make_attempt(engine: Engine, begun: Begun, *, providers: Providers, now: dt.datetime) -> bool:
    """Have the provider make an attempt that was written down; return whether its end is known."""
    try:
        made = payout_port(providers, begun.provider).create_payout(begun.request)
    except OutcomeUnknownError as error:
        _log.warning("payout_not_answered", payout_id=begun.request.payout_id, error=error.detail)
        leave_unknown(engine, begun, now=now)
        return False
    except StrongroomError as error:
        note_refused(engine, begun, error=error, now=now)
        return True
    reach("payout.called")
    note_seen(engine, begun, made, now=now)
    reach("payout.recorded")
    return True


def begun_of(
    session: Session,
    payout: SellerPayout,
    attempt: PayoutAttempt,
    *,
    cipher: FieldCipher,
    now: dt.datetime,
) -> Begun:
    """Return what it takes to make an attempt that was written down, or to ask about it.

    Raises:
        DecryptionError: the destination was changed, or its key is gone.
    """
    payment = session.get_one(Payment, payout.payment_id)
    row = session.get_one(PayoutDestination, attempt.destination_id)
    details = unseal(row, cipher=cipher)
    again = "" if attempt.number == 1 else f":{attempt.number}"
    request = PayoutRequest(
        payout_id=payout.id,
        attempt=attempt.number,
        order_id=payout.order_id,
        payment_ref=payment.provider_ref or "",
        amount=attempt.amount,
        currency=payout.currency,
        account=details.account,
        iban=details.iban,
        holder=details.holder,
        reference=reference_of(payout.id),
        idempotency_key=f"{payout.id}{again}",
        began_at=attempt.created_at,
        asked_at=now,
    )
    return Begun(payout.provider, request)


def lock_due(session: Session, payout_id: str, *, now: dt.datetime) -> SellerPayout | None:
    """Return a payout, locked, if there still is something to do about it by now."""
    payout = session.get_one(SellerPayout, payout_id, with_for_update=True, populate_existing=True)
    is_due = payout.due_at is not None and payout.due_at <= now
    return payout if is_due else None


def latest_to_ask(session: Session, payout: SellerPayout) -> PayoutAttempt | None:
    """Return the attempt to ask about: the one that is open, else the newest a provider knows."""
    found = (
        select(PayoutAttempt)
        .where(
            PayoutAttempt.payout_id == payout.id,
            (PayoutAttempt.state == "open") | PayoutAttempt.provider_ref.is_not(None),
        )
        .order_by((PayoutAttempt.state == "open").desc(), PayoutAttempt.number.desc())
        .limit(1)
    )
    return session.scalars(found).first()


def note_seen(engine: Engine, begun: Begun, told: PayoutReported, *, now: dt.datetime) -> None:
    """Record a payout as its provider shows it; what cannot be right is asked about again."""
    recorded = in_transaction(engine, lambda session: record_payout(session, told, now=now))
    if recorded.refusal is not None:
        leave_unknown(engine, begun, now=now)


def note_refused(engine: Engine, begun: Begun, *, error: StrongroomError, now: dt.datetime) -> None:
    """Let an attempt fail that was not made, unless another run learned otherwise."""

    def note(session: Session) -> None:
        open_now = _open(session, begun)
        if open_now is not None:
            attempt_failed(session, *open_now, code=error.code, now=now)

    in_transaction(engine, note)
    _log.warning(
        "payout_refused",
        payout_id=begun.request.payout_id,
        reason=error.code,
        detail=error.detail,
    )


def leave_unknown(engine: Engine, begun: Begun, *, now: dt.datetime) -> None:
    """Write down that a call got no answer: it is looked up, ever later."""

    def note(session: Session) -> None:
        open_now = _open(session, begun)
        if open_now is None:
            return
        payout, _ = open_now
        if payout.status in ("intent", "unknown"):
            payout.status, payout.updated_at = "unknown", now
        payout.due_at = when_unknown(payout.looks, now=now)
        payout.looks += 1

    in_transaction(engine, note)


def _open(session: Session, begun: Begun) -> tuple[SellerPayout, PayoutAttempt] | None:
    payout = session.get_one(
        SellerPayout, begun.request.payout_id, with_for_update=True, populate_existing=True
    )
    attempt = session.get_one(PayoutAttempt, begun.name, populate_existing=True)
    return (payout, attempt) if attempt.state == "open" else None
