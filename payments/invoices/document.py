"""What an invoice says: frozen when it is issued, kept as JSON; its page is made from it alone."""

import datetime as dt
import json
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any, Literal

VERSION = 1

Kind = Literal["invoice", "credit_note", "pro_forma"]


class UnknownVersionError(Exception):
    """A document was written by a newer version of this program."""


@dataclass(frozen=True, kw_only=True)
class PartyDetails:
    """A seller or buyer as they were when the document was issued; `country` is ISO 3166-1."""

    id: str
    name: str
    address: str | None
    country: str | None
    tax_id: str | None
    email: str | None


@dataclass(frozen=True, kw_only=True)
class DocumentLine:
    """One line; amounts in minor units without tax, `tax_rate` in percent."""

    number: int
    description: str
    quantity: int
    unit_amount: int
    net: int
    tax_category: str
    tax_rate: Decimal
    tax_note: str | None = None


@dataclass(frozen=True, kw_only=True)
class TaxShare:
    """The sum of the lines of one category and rate: EN 16931 calls it a VAT breakdown."""

    category: str
    rate: Decimal
    net: int
    tax: int

    @property
    def gross(self) -> int:
        """Net and tax together."""
        return self.net + self.tax


@dataclass(frozen=True, kw_only=True)
class PaymentDetails:
    """A payment that was made for the order by the time the document was issued."""

    id: str
    rail: str
    amount: int
    paid_on: dt.date


@dataclass(frozen=True, kw_only=True)
class Corrected:
    """The document that this one corrects."""

    number: str
    issued_on: dt.date


@dataclass(frozen=True, kw_only=True)
class Document:
    """An invoice, a credit note or a pro forma; amounts in minor units of `currency`.

    Amounts of a credit note are positive: they are what the buyer gets back. A pro forma has no
    number. `amount` is net and tax; `paid` is what of it was paid, `due` what is not.
    """

    kind: Kind
    number: str | None
    order_id: str
    ordered_on: dt.date
    issued_on: dt.date
    currency: str
    exponent: int
    seller: PartyDetails
    buyer: PartyDetails
    lines: tuple[DocumentLine, ...]
    taxes: tuple[TaxShare, ...]
    net: int
    tax: int
    amount: int
    paid: int
    due: int
    payments: tuple[PaymentDetails, ...] = ()
    corrects: Corrected | None = None
    notes: tuple[str, ...] = ()
    pay_url: str | None = None

    def to_json(self) -> str:
        """Return the document as text, the same text for the same document."""
        content = {"version": VERSION, **asdict(self)}
        return json.dumps(content, default=str, sort_keys=True, ensure_ascii=False)


def from_json(text: str) -> Document:
    """Return the document that `to_json` wrote.

    Raises:
        UnknownVersionError: this version of the program cannot read it.
    """
    content: dict[str, Any] = json.loads(text)
    if content.pop("version") != VERSION:
        raise UnknownVersionError("this document was written by another version")
    corrects = content["corrects"]
    return Document(
        **{
            **content,
            "ordered_on": dt.date.fromisoformat(content["ordered_on"]),
            "issued_on": dt.date.fromisoformat(content["issued_on"]),
            "seller": PartyDetails(**content["seller"]),
            "buyer": PartyDetails(**content["buyer"]),
            "lines": tuple(
                DocumentLine(**{**line, "tax_rate": Decimal(line["tax_rate"])})
                for line in content["lines"]
            ),
            "taxes": tuple(
                TaxShare(**{**share, "rate": Decimal(share["rate"])}) for share in content["taxes"]
            ),
            "payments": tuple(
                PaymentDetails(**{**one, "paid_on": dt.date.fromisoformat(one["paid_on"])})
                for one in content["payments"]
            ),
            "corrects": corrects
            and Corrected(
                number=corrects["number"], issued_on=dt.date.fromisoformat(corrects["issued_on"])
            ),
            "notes": tuple(content["notes"]),
        }
    )
