"""What an invoice or credit note says: frozen when it is issued, and all that a page or file shows.

Kept as JSON (encrypted: names and addresses are personal data), so a document of years ago reads
as it did, whatever orders and parties have become.
"""

import datetime as dt
import json
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any, Literal

VERSION = 1

Kind = Literal["invoice", "credit_note", "pro_forma"]
TaxCategory = Literal["standard", "zero_rated", "exempt", "reverse_charge"]


@dataclass(frozen=True)
class PartyContent:
    """A buyer or seller as they were; `address` is free text, one line a line."""

    id: str
    name: str
    address: str | None
    country: str | None
    tax_id: str | None
    email: str | None


@dataclass(frozen=True)
class LineContent:
    """One line, in minor units without tax; `net` is `quantity` times `unit_amount`."""

    description: str
    quantity: int
    unit_amount: int
    net: int
    tax_category: TaxCategory
    tax_rate: Decimal
    tax_note: str | None = None


@dataclass(frozen=True)
class TaxContent:
    """The lines of one category and rate together; `note` says why there is no tax."""

    category: TaxCategory
    rate: Decimal
    net: int
    tax: int
    note: str | None = None


@dataclass(frozen=True)
class PaymentContent:
    """How it was paid: `rail` is card, bank or crypto; `reference` is the payment's id."""

    rail: str
    reference: str
    paid_on: dt.date


@dataclass(frozen=True)
class CorrectedContent:
    """The invoice that a credit note corrects, and why."""

    number: str
    issued_on: dt.date
    reason: str | None = None


@dataclass(frozen=True)
class InvoiceContent:
    """A whole document; amounts in minor units of `currency`, positive on credit notes too.

    `number` is None on a pro forma only. `taxes` add up to `net` and `tax`, and `amount` is
    their sum.
    """

    kind: Kind
    number: str | None
    order_id: str
    issued_on: dt.date
    currency: str
    exponent: int
    seller: PartyContent
    buyer: PartyContent
    lines: tuple[LineContent, ...]
    taxes: tuple[TaxContent, ...]
    net: int
    tax: int
    amount: int
    payment: PaymentContent | None = None
    corrects: CorrectedContent | None = None
    notes: tuple[str, ...] = ()


def to_json(content: InvoiceContent) -> str:
    """Return the content as JSON, the same text for the same content."""
    return json.dumps(
        {"version": VERSION} | asdict(content),
        default=_plain,
        ensure_ascii=False,
        separators=(",", ":"),
        sort_keys=True,
    )


def from_json(text: str) -> InvoiceContent:
    """Return the content that `to_json` wrote.

    Raises:
        ValueError: it is of a version that this program does not know.
    """
    found: dict[str, Any] = json.loads(text)
    version = found.pop("version")
    if version != VERSION:
        raise ValueError(f"invoice content of version {version}")
    payment, corrects = found["payment"], found["corrects"]
    return InvoiceContent(
        **found
        | {
            "issued_on": dt.date.fromisoformat(found["issued_on"]),
            "seller": PartyContent(**found["seller"]),
            "buyer": PartyContent(**found["buyer"]),
            "lines": tuple(
                LineContent(**line | {"tax_rate": Decimal(line["tax_rate"])})
                for line in found["lines"]
            ),
            "taxes": tuple(
                TaxContent(**tax | {"rate": Decimal(tax["rate"])}) for tax in found["taxes"]
            ),
            "payment": payment
            and PaymentContent(**payment | {"paid_on": dt.date.fromisoformat(payment["paid_on"])}),
            "corrects": corrects
            and CorrectedContent(
                **corrects | {"issued_on": dt.date.fromisoformat(corrects["issued_on"])}
            ),
            "notes": tuple(found["notes"]),
        }
    )


def _plain(value: object) -> str:
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, dt.date):
        return value.isoformat()
    raise TypeError(type(value).__name__)
