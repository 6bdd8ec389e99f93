"""Money that left before a restore and was forgotten: what asks for it again is answered with it.

A caller whose request was forgotten sends it again, in good faith, and it looks new. So the first
that asks for what was found at a provider gets that, and nothing new is sent.
"""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

_UNCLAIMED_REFUND = text("""
    SELECT f.id, r.id AS refund_id FROM strongroom.restore_findings f
      JOIN strongroom.refunds r ON r.provider_ref = f.provider_ref AND r.provider = f.provider
     WHERE f.kind = 'refund' AND f.status = 'adopted' AND f.claimed_by IS NULL
       AND f.payment_id = :payment_id AND f.amount = :amount AND r.payment_id = f.payment_id
     ORDER BY f.id LIMIT 1 FOR UPDATE OF f
""")
_UNCLAIMED_RELEASE = text("""
    SELECT f.id, r.id AS release_id FROM strongroom.restore_findings f
      JOIN strongroom.releases r ON r.operation_id = f.provider_ref AND r.payment_id = f.payment_id
       AND r.amount = f.amount AND r.origin = 'chain' AND r.status = 'posted'
     WHERE f.kind = 'release' AND f.status = 'adopted' AND f.claimed_by IS NULL
       AND f.amount = :amount AND (r.order_id = :order_id OR r.escrow_id = :escrow_id)
     ORDER BY f.id LIMIT 1 FOR UPDATE OF f
""")
_UNCLAIMED_PAYOUTS = text("""
    SELECT id, provider, provider_ref, amount, currency FROM strongroom.restore_findings
     WHERE kind = 'payout' AND status = 'awaiting' AND claimed_by IS NULL
       AND (order_id = :order_id OR (order_id IS NULL AND provider = :provider))
     ORDER BY id FOR UPDATE
""")
_CLAIM = text("UPDATE strongroom.restore_findings SET claimed_by = :by WHERE id = :id")


@dataclass(frozen=True)
class ForgottenPayouts:
    """What left for an order without our knowing to whose payout it belongs.

    `same` is the provider's id of one for just this amount; `others` says that there are more.
    """

    same: str | None
    others: bool


def claim_refund(session: Session, *, payment_id: str, amount: int, by: str) -> str | None:
    """Return the refund of this payment and amount that was forgotten, for the first who asks."""
    named = {"payment_id": payment_id, "amount": amount}
    found = session.execute(_UNCLAIMED_REFUND, named).first()
    if found is None:
        return None
    session.execute(_CLAIM, {"by": by, "id": found.id})
    refund_id: str = found.refund_id
    return refund_id


def claim_release(
    session: Session, *, order_id: str | None, escrow_id: str | None, amount: int, by: str
) -> str | None:
    """Return the release on chain of this amount that was forgotten, for the first who asks."""
    named = {"order_id": order_id, "escrow_id": escrow_id, "amount": amount}
    found = session.execute(_UNCLAIMED_RELEASE, named).first()
    if found is None:
        return None
    session.execute(_CLAIM, {"by": by, "id": found.id})
    release_id: str = found.release_id
    return release_id


def claim_payout(
    session: Session, *, payout_id: str, order_id: str, provider: str, amount: int, currency: str
) -> ForgottenPayouts:
    """Give a payout what left for its order before, if it is for the same amount, once."""
    of_order = {"order_id": order_id, "provider": provider}
    rows = session.execute(_UNCLAIMED_PAYOUTS, of_order).all()
    for row in rows:
        if (row.provider, row.amount, row.currency) == (provider, amount, currency):
            session.execute(_CLAIM, {"by": payout_id, "id": row.id})
            return ForgottenPayouts(row.provider_ref, others=len(rows) > 1)
    return ForgottenPayouts(None, others=bool(rows))
