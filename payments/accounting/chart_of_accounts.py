"""The names of our ledger accounts, and how each is kept; the ledger itself knows none of them."""

from ledger import AccountSpec


def stripe_pending(currency: str) -> AccountSpec:
    """Money Stripe took for us and has not made available: one account for all, hence deferred."""
    return AccountSpec("assets:stripe:pending", currency, mode="deferred")


def order_escrow(order_id: str, currency: str) -> AccountSpec:
    """What is held for an order; never less than nothing, so no more leaves than came in."""
    return AccountSpec(f"liabilities:escrow:{order_id}", currency, mode="strict", floor=0)
