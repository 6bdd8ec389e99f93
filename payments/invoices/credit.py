"""Shares out what was refunded over the rates of an invoice: cumulatively, so that it adds up.

After every refund the credit notes together hold each rate's part of all that was refunded so far;
when all was, they hold exactly what the invoice does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from payments.invoices.document import TaxShare

Key = tuple[str, Decimal]


def key_of(share: TaxShare) -> Key:
    """Return what a share is the share of."""
    return share.category, share.rate


def credit_shares(
    invoiced: Sequence[TaxShare], credited: Mapping[Key, TaxShare], amount: int
) -> tuple[TaxShare, ...]:
    """Return the shares of the next credit note over `amount` minor units.

    `credited` is what credit notes hold so far, less what was invoiced again. Shares of nothing
    are left out.

    Raises:
        ValueError: more would be credited than was invoiced.
    """
    before = {key_of(share): credited.get(key_of(share), _nothing(share)) for share in invoiced}
    so_far, whole = sum(s.gross for s in before.values()), sum(s.gross for s in invoiced)
    if not 0 < amount <= whole - so_far:
        raise ValueError(f"{amount} cannot be credited: {so_far} of {whole} are already")
    wanted = _split(invoiced, so_far + amount, whole)
    parts = [
        min(max(0, want - before[key_of(share)].gross), share.gross - before[key_of(share)].gross)
        for share, want in zip(invoiced, wanted, strict=True)
    ]
    _settle(parts, [s.gross - before[key_of(s)].gross for s in invoiced], amount)
    return tuple(
        _share(share, before[key_of(share)], part)
        for share, part in zip(invoiced, parts, strict=True)
        if part
    )


def _split(invoiced: Sequence[TaxShare], amount: int, whole: int) -> list[int]:
    """Split an amount in proportion to the shares; the parts add up to it."""
    parts, upto, given = [], 0, 0
    for share in invoiced:
        upto += share.gross
        parts.append(upto * amount // whole - given)
        given += parts[-1]
    return parts


def _settle(parts: list[int], room: Sequence[int], amount: int) -> None:
    """Move parts, within what is left of each share, until they add up to the amount."""
    for index in range(len(parts)):
        missing = amount - sum(parts)
        parts[index] += max(-parts[index], min(missing, room[index] - parts[index]))


def _share(invoiced: TaxShare, before: TaxShare, part: int) -> TaxShare:
    """Return net and tax of one more part; the tax is exact over all parts of a share so far."""
    after = before.gross + part
    tax_after = (2 * after * invoiced.tax + invoiced.gross) // (2 * invoiced.gross)
    tax = min(max(0, tax_after - before.tax), part)
    return replace(invoiced, net=part - tax, tax=tax)


def _nothing(share: TaxShare) -> TaxShare:
    return replace(share, net=0, tax=0)
