"""What we write beside payments and refunds at GoCardless, so that its events tell whose they are.

Events hold neither an amount nor an id of ours, but the metadata of what they are about: at most
three keys, of up to 50 characters, with values of up to 500.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_PAYMENT_ID_BEGINS = "pay_"
_DUE = re.compile(r"([1-9][0-9]{0,17}) ([A-Z]{3})")


@dataclass(frozen=True)
class Due:
    """An amount in minor units of a currency."""

    amount: int
    currency: str


def of_payment(*, payment_id: str, order_id: str, due: Due) -> dict[str, str]:
    """Return the metadata of a payment."""
    return {"payment_id": payment_id, "order_id": order_id, "due": _written(due)}


def of_refund(*, refund_id: str, payment_id: str, due: Due) -> dict[str, str]:
    """Return the metadata of a refund."""
    return {"refund_id": refund_id, "payment_id": payment_id, "due": _written(due)}


def payment_id_in(metadata: Mapping[str, Any]) -> str | None:
    """Return our payment's id; None when whatever carries this metadata is not ours."""
    payment_id = metadata.get("payment_id")
    is_ours = isinstance(payment_id, str) and payment_id.startswith(_PAYMENT_ID_BEGINS)
    return payment_id if is_ours else None


def due_in(metadata: Mapping[str, Any]) -> Due:
    """Return the amount it is about.

    Raises:
        KeyError, TypeError, ValueError: it is not there as we wrote it.
    """
    found = _DUE.fullmatch(metadata["due"])
    if found is None:
        raise ValueError("the metadata says no amount")
    return Due(int(found[1]), found[2])


def _written(due: Due) -> str:
    return f"{due.amount} {due.currency}"
