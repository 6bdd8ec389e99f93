"""An order's money, told by everybody who counts it: what must be equal, and is or is not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.errors import NotFoundError
from payments.orders.tables import Order

_SUMS = text("""
    SELECT coalesce(sum(p.amount_captured), 0) AS paid_in,
           coalesce(sum(p.amount_captured) FILTER (WHERE p.provider = 'stripe'), 0) AS by_stripe,
           coalesce(sum(p.amount_captured) FILTER (WHERE p.rail = 'bank'), 0) AS by_bank,
           (SELECT coalesce(sum(amount), 0) FROM strongroom.releases
             WHERE order_id = :id AND status = 'posted') AS released,
           (SELECT coalesce(sum(platform_fee), 0) FROM strongroom.releases
             WHERE order_id = :id AND status = 'posted') AS platform_fee,
           (SELECT coalesce(sum(tax), 0) FROM strongroom.releases
             WHERE order_id = :id AND status = 'posted') AS tax,
           (SELECT coalesce(sum(set_off), 0) FROM strongroom.releases
             WHERE order_id = :id AND status = 'posted') AS set_off,
           (SELECT coalesce(sum(amount), 0) FROM strongroom.seller_payouts
             WHERE order_id = :id) AS owed_to_seller,
           (SELECT coalesce(sum(amount_paid), 0) FROM strongroom.seller_payouts
             WHERE order_id = :id) AS paid_out
      FROM strongroom.payments p WHERE p.order_id = :id
""")
_GIVEN_BACK = text("""
    SELECT coalesce(sum(r.amount - r.owed) FILTER (WHERE r.booked = 'refunded'
                                                     AND r.receipt_id IS NULL), 0) AS refunded,
           coalesce(sum(r.amount - r.owed) FILTER (WHERE r.booked = 'held'), 0) AS refunding,
           (SELECT coalesce(sum(d.amount - d.owed), 0) FROM strongroom.disputes d
              JOIN strongroom.payments q ON q.id = d.payment_id
             WHERE q.order_id = :id AND d.booked = 'lost') AS lost
      FROM strongroom.refunds r JOIN strongroom.payments p ON p.id = r.payment_id
     WHERE p.order_id = :id
""")
_BOOKS = text("""
    SELECT coalesce(sum(-ledger.balance_now(a.id)), 0) AS held,
           coalesce(sum((SELECT held FROM ledger.balances b WHERE b.account_id = a.id)), 0)
             AS reserved
      FROM ledger.accounts a JOIN ledger.assets s ON s.id = a.asset_id
     WHERE a.path = 'liabilities:escrow:' || :id AND s.code = :asset
""")
_RELEASES_POSTED = text("""
    SELECT count(*) FROM strongroom.releases WHERE order_id = :id AND status = 'posted'
""")
_RELEASES_BOOKED = text("""
    SELECT count(*) FROM ledger.entries e
      JOIN strongroom.releases r ON e.effect_key >= r.id || '\\:' AND e.effect_key < r.id || ';'
     WHERE r.order_id = :id AND e.kind = 'release'
       AND NOT EXISTS (SELECT FROM ledger.reversals v WHERE v.reverses_id = e.id)
""")
_AT_STRIPE = text("""
    SELECT coalesce(sum(coalesce(t.source_amount, t.amount)) FILTER (WHERE t.awaits = 'charge'), 0)
             AS charged,
           coalesce(sum(-t.amount) FILTER (WHERE t.awaits IN ('payout', 'payout_returned')), 0)
             AS transferred,
           count(*) FILTER (WHERE t.awaits = 'charge') AS charges
      FROM strongroom.balance_transactions t JOIN strongroom.payments p ON p.id = t.payment_id
     WHERE p.order_id = :id
""")
_AT_BANK = text("""
    SELECT coalesce(sum(r.amount_applied), 0) AS applied,
           coalesce(sum(r.amount - r.amount_applied - r.amount_returned), 0) AS in_suspense
      FROM strongroom.bank_receipts r JOIN strongroom.payments p ON p.id = r.payment_id
     WHERE p.order_id = :id
""")
_ON_CHAIN = text("""
    SELECT coalesce(sum(amount_deposited), 0) AS deposited,
           coalesce(sum(amount_released), 0) AS released,
           coalesce(sum(amount_refunded), 0) AS refunded,
           coalesce(sum(amount_stray), 0) AS stray, count(*) AS escrows
      FROM strongroom.escrows WHERE order_id = :id
""")


@dataclass(frozen=True)
class Check:
    """Two figures that must be the same, in minor units: ours, and whoever else counts it."""

    name: str
    ours: int
    theirs: int
    source: str

    @property
    def agrees(self) -> bool:
        """Whether they are."""
        return self.ours == self.theirs


@dataclass(frozen=True)
class OrderBalances:
    """What came in, went out and is held for an order, in minor units of `asset`."""

    order_id: str
    asset: str
    amount: int
    figures: Mapping[str, int]
    checks: Sequence[Check]

    @property
    def agrees(self) -> bool:
        """Whether everybody says the same."""
        return all(check.agrees for check in self.checks)


def read_order_balances(session: Session, order_id: str) -> OrderBalances:
    """Return the balances of an order, each with what it must be equal to.

    Raises:
        NotFoundError: there is no such order.
    """
    order = session.get(Order, order_id)
    if order is None:
        raise NotFoundError("There is no such order.")
    figures = _figures(session, order)
    return OrderBalances(
        order_id=order_id,
        asset=order.currency,
        amount=order.amount,
        figures=figures,
        checks=_checks(session, order_id, figures),
    )


def _figures(session: Session, order: Order) -> dict[str, int]:
    names = {"id": order.id}
    found: dict[str, int] = {}
    for query in (_SUMS, _GIVEN_BACK):
        found |= {
            name: int(value)
            for name, value in session.execute(query, names).mappings().one().items()
        }
    books = session.execute(_BOOKS, names | {"asset": order.currency}).one()
    return found | {"held": int(books.held), "reserved": int(books.reserved)}


def _checks(session: Session, order_id: str, figures: Mapping[str, int]) -> list[Check]:
    names = {"id": order_id}
    gone = figures["released"] + figures["refunded"] + figures["lost"]
    checks = [
        Check(
            "held is what was paid, less what was released and given back",
            figures["paid_in"] - gone,
            figures["held"],
            "ledger",
        ),
        Check(
            "each posted release has one entry",
            session.scalar(_RELEASES_POSTED, names) or 0,
            session.scalar(_RELEASES_BOOKED, names) or 0,
            "ledger",
        ),
    ]
    stripe = session.execute(_AT_STRIPE, names).one()
    if stripe.charges:  # Stripe's balance tells it minutes after the charge itself
        checks.append(
            Check("paid by card", figures["by_stripe"], int(stripe.charged), "Stripe's balance")
        )
    bank = session.execute(_AT_BANK, names).one()
    if figures["by_bank"]:
        checks.append(
            Check("paid by bank", figures["by_bank"], int(bank.applied), "what arrived at the bank")
        )
    chain = session.execute(_ON_CHAIN, names).one()
    if chain.escrows:
        left = int(chain.deposited) - int(chain.released) - int(chain.refunded)
        checks.append(Check("held on chain", figures["held"], left, "the escrow's contract"))
    return checks
