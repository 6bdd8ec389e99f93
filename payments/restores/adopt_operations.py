"""Has whoever asks again for a release or refund on chain get the one that was made of it.

Whoever watches the chain has booked it by then, as one that nobody here asked for. But it is our
operator who sent it: so somebody did, and may ask again.
"""

from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.database import in_transaction
from payments.escrow.tables import Escrow, EscrowEffect
from payments.lifecycle.tables import Payment, Refund
from payments.providers.evm.addresses import keccak_of
from payments.releases.tables import Release
from payments.restores.look import Look
from payments.watching import chain_refunds, chain_releases

_OPERATIONS = ("released", "refunded")


def adopt_operations(look: Look, chain: str) -> None:
    """Note the releases and refunds that our operators made and the books had forgotten.

    One that is not final yet is `open`: a later look finds it booked.
    """
    in_transaction(look.engine, partial(_adopt, look, chain))


def _adopt(look: Look, chain: str, session: Session) -> None:
    made = (
        select(EscrowEffect, Escrow)
        .join(Escrow, Escrow.id == EscrowEffect.escrow_id)
        .where(
            Escrow.chain == chain,
            EscrowEffect.kind.in_(_OPERATIONS),
            EscrowEffect.actor == Escrow.operator,
            EscrowEffect.state != "orphaned",
            EscrowEffect.created_at >= look.since,
        )
        .order_by(EscrowEffect.id)
    )
    for effect, escrow in session.execute(made).all():
        is_release = effect.kind == "released"
        if is_release and not _is_known_release(session, effect):
            _note(look, session, escrow, effect, named=(chain, str(effect.operation_id)))
        elif not is_release and not _is_known_refund(session, escrow, effect):
            payment = session.get_one(Payment, escrow.payment_id)
            ref = chain_refunds.ref_of(escrow, effect)
            _note(look, session, escrow, effect, named=(payment.provider, ref))


def _is_known_release(session: Session, effect: EscrowEffect) -> bool:
    asked = select(Release.id).where(
        Release.escrow_id == effect.escrow_id,
        Release.operation_id == effect.operation_id,
        Release.amount == effect.amount,
        Release.origin != chain_releases.BY_OTHERS,
    )
    return session.execute(asked.limit(1)).first() is not None


def _is_known_refund(session: Session, escrow: Escrow, effect: EscrowEffect) -> bool:
    asked = select(Refund.id).filter_by(payment_id=escrow.payment_id, amount=effect.amount)
    ours = asked.where(Refund.origin != chain_refunds.BY_OTHERS)
    return any(keccak_of(refund_id) == effect.operation_id for refund_id in session.scalars(ours))


def _note(
    look: Look, session: Session, escrow: Escrow, effect: EscrowEffect, *, named: tuple[str, str]
) -> None:
    provider, provider_ref = named
    is_final = effect.state == "final"
    look.note(
        session,
        "release" if effect.kind == "released" else "refund",
        provider=provider,
        provider_ref=provider_ref,
        status="adopted" if is_final else "open",
        detail="we had sent it, it was forgotten, and is booked now"
        if is_final
        else "we had sent it, and it is not final yet: reconcile again",
        order_id=escrow.order_id,
        payment_id=escrow.payment_id,
        money=(effect.amount, escrow.asset),
    )
