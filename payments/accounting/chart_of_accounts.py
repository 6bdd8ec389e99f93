"""The names of our ledger accounts, and how each is kept; the ledger itself knows none of them.

Deferred: hot, without a floor. Strict with a floor of 0: no more leaves than came in.
"""

from ledger import AccountSpec


def stripe_pending(currency: str) -> AccountSpec:
    """Money Stripe took for us and has not made available: one account for all, hence deferred."""
    return AccountSpec("assets:stripe:pending", currency, mode="deferred")


def stripe_available(currency: str) -> AccountSpec:
    """Money at Stripe that it would pay out today."""
    return AccountSpec("assets:stripe:available", currency, mode="deferred")


def bank_clearing(currency: str) -> AccountSpec:
    """Money on its way to or from our bank account, not on a statement yet."""
    return AccountSpec("assets:bank:clearing", currency, mode="deferred")


def incoming(provider: str, currency: str, *, provider_ref: str | None = None) -> AccountSpec:
    """Where the money of a provider's payments comes in, and their refunds go out.

    Stripe keeps it for us until it pays out; a bank provider has it sent to our bank account; on
    chain it lies in the escrow's contract, which the payment's `provider_ref` names.

    Raises:
        ValueError: no contract is named.
    """
    if provider == "evm":
        chain, _, contract = (provider_ref or "").partition(":")
        if not contract:
            raise ValueError(f"{provider_ref} names no contract of a chain")
        return chain_escrow(chain, contract, currency)
    return stripe_pending(currency) if provider == "stripe" else bank_clearing(currency)


def chain_escrow(chain: str, contract: str, asset: str) -> AccountSpec:
    """Money in an escrow's contract; never less than nothing, as on chain."""
    return AccountSpec(f"assets:chain:{chain}:escrow:{contract}", asset, floor=0)


def chain_gas(chain: str, operator: str, asset: str) -> AccountSpec:
    """The coin our operator pays its transactions with: what was put there less what was used."""
    return AccountSpec(f"assets:chain:{chain}:operator:{operator}", asset, mode="deferred")


def suspense_unmatched(currency: str) -> AccountSpec:
    """Money that came in and that nothing explains yet: normally below zero, for it is not ours."""
    return AccountSpec("assets:suspense:unmatched", currency, mode="deferred")


def order_escrow(order_id: str, currency: str) -> AccountSpec:
    """What is held for an order; never less than nothing, so no more leaves than came in."""
    return AccountSpec(f"liabilities:escrow:{order_id}", currency, mode="strict", floor=0)


def card_authorization(payment_id: str, currency: str) -> AccountSpec:
    """What is reserved on a card and not captured: a memo, nothing together with its contra."""
    return AccountSpec(f"assets:card-authorizations:{payment_id}", currency, floor=0)


def card_authorizations_contra(currency: str) -> AccountSpec:
    """The other side of every authorization, since reserving moves no money."""
    return AccountSpec("assets:card-authorizations:contra", currency, mode="deferred")


def disputed(payment_id: str, currency: str) -> AccountSpec:
    """What a buyer's bank took back and may yet return."""
    return AccountSpec(f"assets:disputes:{payment_id}", currency, floor=0)


def seller_debt(seller_id: str, currency: str) -> AccountSpec:
    """What a seller owes us: money given back to a buyer after it had been released."""
    return AccountSpec(f"assets:debts:{seller_id}", currency, mode="deferred")


def seller_payable(seller_id: str, currency: str) -> AccountSpec:
    """What was released to a seller and not paid out yet; never less than nothing."""
    return AccountSpec(f"liabilities:seller:{seller_id}", currency, floor=0)


def taxes(currency: str) -> AccountSpec:
    """Tax of what was released, owed to the tax office: one account for all, hence deferred."""
    return AccountSpec("liabilities:tax", currency, mode="deferred")


def platform_fees(currency: str) -> AccountSpec:
    """What the platform earns by releases."""
    return AccountSpec("income:platform-fees", currency, mode="deferred")


def processing_fees(provider: str, currency: str) -> AccountSpec:
    """What a provider keeps for its work."""
    return AccountSpec(f"expenses:processing:{provider}", currency, mode="deferred")
