"""Refunds shared out over the rates of an invoice: whatever the parts, they add up to the whole."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.invoices.credit import credit_shares, key_of
from payments.invoices.document import TaxShare
from payments.orders.totals import tax_of

RATES = [Decimal(0), Decimal(5), Decimal("7.5"), Decimal(19), Decimal(100)]


def share(net: int, rate: Decimal) -> TaxShare:
    category = "standard" if rate else "zero_rated"
    return TaxShare(category=category, rate=rate, net=net, tax=tax_of(net, rate))


@st.composite
def invoices_and_refunds(draw: st.DrawFn) -> tuple[list[TaxShare], list[int]]:
    rates = draw(st.lists(st.sampled_from(RATES), min_size=1, unique=True))
    invoiced = [share(draw(st.integers(0, 10**20)), rate) for rate in rates]
    parts: list[int] = []
    left = sum(one.gross for one in invoiced)
    while left and len(parts) < 6:
        parts.append(draw(st.integers(1, left)))
        left -= parts[-1]
    return invoiced, [*parts, left] if left else parts


@given(invoices_and_refunds())
def test_credit_notes_add_up_to_the_invoice(case: tuple[list[TaxShare], list[int]]) -> None:
    invoiced, refunds = case
    credited: dict[tuple[str, Decimal], TaxShare] = {}
    for refund in refunds:
        shares = credit_shares(invoiced, credited, refund)
        assert sum(one.gross for one in shares) == refund
        for one in shares:
            assert one.net >= 0 <= one.tax
            assert abs(one.tax - tax_of(one.net, one.rate)) <= 2
            before = credited.get(key_of(one), share(0, one.rate))
            credited[key_of(one)] = TaxShare(
                category=one.category,
                rate=one.rate,
                net=before.net + one.net,
                tax=before.tax + one.tax,
            )
    for one in invoiced:
        assert credited.get(key_of(one), share(0, one.rate)) == one


def test_nothing_is_credited_twice() -> None:
    invoiced = [share(100, Decimal(19))]
    [whole] = credit_shares(invoiced, {}, 119)
    for amount in (120, 0, -1):
        with pytest.raises(ValueError, match="cannot be credited"):
            credit_shares(invoiced, {}, amount)
    with pytest.raises(ValueError, match="119 of 119 are already"):
        credit_shares(invoiced, {key_of(whole): whole}, 1)


@given(invoices_and_refunds(), st.data())
def test_what_came_back_can_be_credited_again(
    case: tuple[list[TaxShare], list[int]], data: st.DataObject
) -> None:
    """Any note may be taken back; its amount is shared out anew within what is left of each."""
    invoiced, refunds = case
    notes: list[tuple[TaxShare, ...]] = []
    for refund in refunds[:-1]:
        notes.append(credit_shares(invoiced, _sum(invoiced, notes), refund))
    if notes:
        notes.pop(data.draw(st.integers(0, len(notes) - 1)))
    left = sum(one.gross for one in invoiced) - sum(o.gross for note in notes for o in note)
    if left:
        notes.append(credit_shares(invoiced, _sum(invoiced, notes), left))
    assert [one for one in _sum(invoiced, notes).values() if one.gross] == [
        one for one in invoiced if one.gross
    ]


def _sum(
    invoiced: list[TaxShare], notes: list[tuple[TaxShare, ...]]
) -> dict[tuple[str, Decimal], TaxShare]:
    return {
        key_of(one): TaxShare(
            category=one.category,
            rate=one.rate,
            net=sum(o.net for note in notes for o in note if key_of(o) == key_of(one)),
            tax=sum(o.tax for note in notes for o in note if key_of(o) == key_of(one)),
        )
        for one in invoiced
    }
