"""What we write beside payments, refunds and payouts at TrueLayer, for its webhooks to tell us.

A webhook says neither an amount nor a currency, but it has the metadata of what it is about: up to
ten pairs of short texts.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_PAYMENT_ID_BEGINS = "pay_"
_MINOR_UNITS = re.compile(r"[1-9][0-9]{0,17}")
_CURRENCY = re.compile(r"[A-Z]{3}")


@dataclass(frozen=True)
class Due:
    """An amount in minor units of a currency."""

    amount: int
    currency: str


def of_payment(*, payment_id: str, order_id: str, due: Due) -> dict[str, str]:
    """Return the metadata of a payment."""
    return {"payment_id": payment_id, "order_id": order_id, **_written(due)}


def of_refund(*, refund_id: str, payment_id: str, due: Due) -> dict[str, str]:
    """Return the metadata of a refund."""
    return {"refund_id": refund_id, "payment_id": payment_id, **_written(due)}


def of_payout(*, payout_id: str, attempt: int, order_id: str, due: Due) -> dict[str, str]:
    """Return the metadata of a payout to a seller."""
    return {
        "payout_id": payout_id,
        "attempt": str(attempt),
        "order_id": order_id,
        **_written(due),
    }


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
    amount, currency = metadata["amount_in_minor"], metadata["currency"]
    if not _MINOR_UNITS.fullmatch(amount) or not _CURRENCY.fullmatch(currency):
        raise ValueError("the metadata says no amount")
    return Due(int(amount), currency)


def _written(due: Due) -> dict[str, str]:
    return {"amount_in_minor": str(due.amount), "currency": due.currency}
