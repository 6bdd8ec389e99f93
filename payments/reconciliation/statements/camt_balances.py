"""Which of a camt statement's balances are the booked ones at its beginning and its end."""

import datetime as dt
from collections.abc import Sequence
from typing import NamedTuple

from payments.reconciliation.statements.errors import OtherAccountError, refuse_at

_OPENING = ("OPBD", "PRCD")
_CLOSING = "CLBD"
_INTERIM = "ITBD"


class Balance(NamedTuple):
    """A balance of the file: its ISO code (OPBD, CLBD, …) and minor units, credit positive."""

    kind: str
    amount: int
    currency: str
    date: dt.date


def opening_and_closing(
    balances: Sequence[Balance], *, is_final: bool, currency: str, moved: int, where: str
) -> tuple[Balance, Balance] | None:
    """Return the opening and the closing booked balance, or None where there are not both.

    Pages of one statement, and reports during the day, begin or end with interim balances. A
    report (not `is_final`) may begin later than its opening balance: it is then taken without.

    Raises:
        StatementError: a booked balance is in another currency than the account.
    """
    booked = [found for found in balances if found.kind in (*_OPENING, _CLOSING, _INTERIM)]
    for found in booked:
        if found.currency != currency:
            told = f"It is in {found.currency}, the account in {currency}."
            raise refuse_at(where, f"balance {found.kind}", told, error=OtherAccountError)
    interim = [found for found in booked if found.kind == _INTERIM]
    opening = _first_of(booked, *_OPENING)
    closing = _first_of(booked, _CLOSING)
    is_certain = is_final or (opening is not None and closing is not None)
    if opening is None and len(interim) > (closing is None):
        opening = interim.pop(0)
    if closing is None and interim:
        closing = interim[-1]
    if opening is None or closing is None:
        return None
    if not is_certain and opening.amount + moved != closing.amount:
        return None
    return opening, closing


def _first_of(balances: Sequence[Balance], *kinds: str) -> Balance | None:
    return next((found for kind in kinds for found in balances if found.kind == kind), None)
