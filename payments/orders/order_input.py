"""An order as asked for, and what must be true of it before it is placed."""

from collections import defaultdict
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

import ledger
from payments.errors import InvalidRequestError
from payments.orders.totals import (
    EXEMPT,
    REVERSE_CHARGE,
    STANDARD,
    TAX_CATEGORIES,
    LineInput,
    Totals,
    category_of,
    compute_totals,
    plain_rate,
)
from payments.parties.tables import Party

MAX_LINES = 500
MAX_QUANTITY = 2**31 - 1
MAX_AMOUNT = 10**78 - 1
_SMALLEST_RATE = Decimal("0.001")
_Faults = dict[str, list[str]]


@dataclass(frozen=True)
class OrderInput:
    """What is ordered; amounts in minor units of `currency`."""

    buyer_id: str
    seller_id: str
    currency: str
    lines: tuple[LineInput, ...]
    platform_fee: int

    def content(self) -> dict[str, Any]:
        """Return what makes two requests the same, whether a rate reads `19` or `19.000`.

        A category that goes without saying is left out, so that a request of before there were
        any is still the same.
        """
        return asdict(self) | {"lines": [_line_content(line) for line in self.lines]}


def _line_content(line: LineInput) -> dict[str, Any]:
    content = asdict(line) | {"tax_rate": str(plain_rate(line.tax_rate))}
    if line.category == category_of(line.tax_rate):
        del content["tax_category"]
    if line.tax_note is None:
        del content["tax_note"]
    return content


def check_order(session: Session, order: OrderInput) -> Totals:
    """Return the order's totals.

    Raises:
        InvalidRequestError: names every field that is wrong, and what is wrong with it.
    """
    faults: _Faults = defaultdict(list)
    _check_lines(order, faults)
    _check_parties(session, order, faults)
    if order.currency not in ledger.assets(session.connection()):
        faults["currency"].append("This currency is not known to the ledger.")
    _raise_any(faults)
    totals = compute_totals(order.lines)
    if not 0 < totals.amount <= MAX_AMOUNT:
        faults["lines"].append("The total must be above zero and at most 78 digits long.")
    if not 0 <= order.platform_fee <= totals.net:
        faults["platform_fee"].append("The fee must lie between zero and the net amount.")
    _raise_any(faults)
    return totals


def _check_lines(order: OrderInput, faults: _Faults) -> None:
    if not 1 <= len(order.lines) <= MAX_LINES:
        faults["lines"].append(f"Give 1 to {MAX_LINES} lines.")
    for number, line in enumerate(order.lines):
        field = f"lines.{number}"
        if not line.description.strip():
            faults[f"{field}.description"].append("Say what is sold.")
        if not 1 <= line.quantity <= MAX_QUANTITY:
            faults[f"{field}.quantity"].append("Give a whole number from 1.")
        if not 0 <= line.unit_amount <= MAX_AMOUNT:
            faults[f"{field}.unit_amount"].append("Give minor units from 0.")
        if not _is_rate(line.tax_rate):
            faults[f"{field}.tax_rate"].append("Give 0 to 100 percent, with at most 3 decimals.")
        else:
            _check_category(line, field, faults)


def _check_category(line: LineInput, field: str, faults: _Faults) -> None:
    # Rules BR-S-5, BR-Z-5, BR-E-5, BR-AE-5 and BR-E-10 of EN 16931.
    if line.category not in TAX_CATEGORIES:
        faults[f"{field}.tax_category"].append(f"Use one of {', '.join(TAX_CATEGORIES)}.")
    elif (line.category == STANDARD) != (line.tax_rate > 0):
        fault = "A standard line has a rate above zero, and a line of any other category has none."
        faults[f"{field}.tax_category"].append(fault)
    note = (line.tax_note or "").strip()
    if line.category == EXEMPT and not note:
        faults[f"{field}.tax_note"].append("Say why the line is exempt; the invoice must tell it.")
    if line.category not in (EXEMPT, REVERSE_CHARGE) and line.tax_note is not None:
        faults[f"{field}.tax_note"].append("Only of exempt or reverse-charge lines.")


def _is_rate(rate: Decimal) -> bool:
    return rate.is_finite() and 0 <= rate <= 100 and rate % _SMALLEST_RATE == 0  # noqa: PLR2004 - percent


def _check_parties(session: Session, order: OrderInput, faults: _Faults) -> None:
    if order.buyer_id == order.seller_id:
        faults["seller_id"].append("Buyer and seller must be two parties.")
    wanted = {"buyer_id": order.buyer_id, "seller_id": order.seller_id}
    # Locked as the order's foreign keys would: nobody is erased between this look and the order.
    found = select(Party.id).where(Party.id.in_(wanted.values()), Party.erased_at.is_(None))
    known = set(session.scalars(found.with_for_update(read=True, key_share=True)))
    for field, party_id in wanted.items():
        if party_id not in known:
            faults[field].append("There is no such party.")


def _raise_any(faults: _Faults) -> None:
    if faults:
        raise InvalidRequestError("The order is not valid.", errors=faults)
