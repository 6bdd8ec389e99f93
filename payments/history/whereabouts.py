"""Where a payment's money is now, in sentences that support can read out."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from payments.lifecycle.stages import Status
from payments.lifecycle.view import PaymentView
from payments.payouts.tables import SellerPayout
from payments.releases.tables import Release

_NOT_TAKEN = {Status.FAILED, Status.EXPIRED, Status.CANCELED}
_UNDER_WAY = ("waiting", "queued", "intent", "unknown", "pending")

_AWAITED = {
    "card": "The payer has not confirmed the payment yet; nothing was taken.",
    "bank": "The payer has not sent the money yet; we wait for the bank to report it.",
    "crypto": "The payer's wallet has not sent the deposit yet.",
}
_PROCESSING = {
    "card": "The card's bank has agreed; the money is reserved or on its way, not ours yet.",
    "bank": "The payer's bank was told to send it; it has not arrived yet.",
    "crypto": "The deposit is on the chain, and has too few confirmations to count yet.",
}


class Place(NamedTuple):
    """Some of the money, and where it is; `amount` in minor units, None: nothing was taken."""

    text: str
    amount: int | None
    tone: str


def whereabouts(
    payment: PaymentView, releases: Sequence[Release], payouts: Sequence[SellerPayout]
) -> list[Place]:
    """Return where the money of a payment is, the buyer's end first."""
    if payment.status in _NOT_TAKEN:
        return [Place(_why_not(payment), None, "plain")]
    if payment.status in (Status.CREATED, Status.REQUIRES_ACTION):
        return [Place(_AWAITED[payment.rail], None, "wait")]
    if payment.status is Status.PROCESSING:
        return [Place(_PROCESSING[payment.rail], payment.amount, "wait")]
    return list(_taken(payment, releases, payouts))


def _taken(
    payment: PaymentView, releases: Sequence[Release], payouts: Sequence[SellerPayout]
) -> Iterator[Place]:
    released = sum(row.amount for row in releases if row.status == "posted")
    asked = sum(
        row.amount for row in releases if row.status not in ("posted", "failed", "canceled")
    )
    held = payment.amount_captured - payment.amount_refunded - released
    if payment.status is Status.DISPUTED:
        yield Place("The buyer's bank has asked for it back: it is disputed.", None, "bad")
    if payment.amount_refunded:
        yield Place(
            "went back to the buyer, or is on its way there.", payment.amount_refunded, "plain"
        )
    if held > 0:
        waits = " A release of it is on its way." if asked else ""
        yield Place(f"is held for the order, safe with us.{waits}", held, "good")
    if released:
        yield Place("was released to the seller, fee and tax included.", released, "good")
    paid = sum(row.amount_paid for row in payouts)
    if paid:
        yield Place("of that has arrived at the seller's.", paid, "good")
    under_way = [row for row in payouts if row.status in _UNDER_WAY]
    if under_way:
        yield Place(_way_of(under_way), sum(row.amount for row in under_way), "wait")
    failed = [row for row in payouts if row.status == "failed"]
    if failed:
        total = sum(row.amount for row in failed)
        yield Place("could not be paid out: the seller's account refused it.", total, "bad")


def _way_of(payouts: Sequence[SellerPayout]) -> str:
    if any(row.status == "unknown" for row in payouts):
        return "was sent to the seller, and the provider has not said what became of it."
    if all(row.status == "waiting" for row in payouts):
        return "waits for the seller to name an account."
    return "is on its way to the seller's account."


def _why_not(payment: PaymentView) -> str:
    if payment.failure is not None:
        return f"No money was taken. The payer was told: {payment.failure.message}"
    if payment.status is Status.EXPIRED:
        return "No money was taken: it was not paid in time."
    return "No money was taken: the payment was given up."
