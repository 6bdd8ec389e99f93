"""Documents of every look: long ones, other scripts, other currencies, every reason for no tax."""

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from payments.invoices.compose import notes_of, tax_shares
from payments.invoices.document import (
    Corrected,
    Document,
    DocumentLine,
    PartyDetails,
    PaymentDetails,
)

TODAY = dt.date(2026, 11, 23)
ORDER_ID = "ord_01KB2V6Q0R8Y4W5Z7X9A1C3E5G"
PAY_URL = f"https://shop.example/pay/{ORDER_ID}"

Line = tuple[str, int, int, str, str]
"""Description, quantity, unit amount, category and rate."""

DESK: tuple[Line, ...] = (
    ("Walnut desk, oiled, 160 by 80 cm", 1, 125_000, "standard", "19"),
    ("Handbook “Caring for solid wood”", 2, 1_495, "standard", "7"),
)


def party(name: str, address: str = "1 Road\nTown", country: str = "DE") -> PartyDetails:
    return PartyDetails(
        id="pty_1",
        name=name,
        address=address,
        country=country,
        tax_id=f"{country}123456789",
        email="office@company.example",
    )


def document(
    lines: Sequence[Line] = DESK,
    *,
    currency: str = "EUR",
    exponent: int = 2,
    is_paid: bool = True,
    **fields: Any,
) -> Document:
    rows = tuple(
        DocumentLine(
            number=number,
            description=description,
            quantity=quantity,
            unit_amount=unit,
            net=quantity * unit,
            tax_category=category,
            tax_rate=Decimal(rate),
            tax_note="training, § 4 No. 21 UStG" if category == "exempt" else None,
        )
        for number, (description, quantity, unit, category, rate) in enumerate(lines, start=1)
    )
    taxes = tax_shares(rows)
    net, tax = sum(share.net for share in taxes), sum(share.tax for share in taxes)
    paid = net + tax if is_paid else 0
    payment = PaymentDetails(id="pay_1", rail="card", amount=paid, paid_on=TODAY)
    made: dict[str, Any] = {
        "kind": "invoice" if is_paid else "pro_forma",
        "number": "S0042-2026-000117" if is_paid else None,
        "order_id": ORDER_ID,
        "ordered_on": TODAY,
        "issued_on": TODAY,
        "currency": currency,
        "exponent": exponent,
        "seller": party("Holzwerk Brandt GmbH"),
        "buyer": party("Ada Kowalska"),
        "lines": rows,
        "taxes": taxes,
        "net": net,
        "tax": tax,
        "amount": net + tax,
        "paid": paid,
        "due": net + tax - paid,
        "payments": (payment,) if paid else (),
        "notes": notes_of(rows),
        "pay_url": None if is_paid else PAY_URL,
    }
    return Document(**(made | fields))


_LONG = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"
_ROWS = [(f"Item {n}, ordinary", n, 999 + n, "standard", ("19", "7")[n % 2]) for n in range(1, 75)]
_RATES = [(f"Rate {n}", 1, 1_000_000, "standard", f"{n / 10}") for n in range(1, 90)]

SAMPLES: dict[str, Document] = {
    "plain": document(),
    "unpaid": document(is_paid=False),
    "many lines": document(_ROWS),
    "many rates": document(_RATES),
    "longest lines": document(
        [((_LONG * 7)[:500], 2**31 - 1, 1, "standard", "19"), ("W" * 500, 1, 1, "standard", "19")]
        * 12
    ),
    "longest names": document(
        seller=party("Ж" * 200, address="9 Long Street\n" * 60),
        buyer=party("W" * 200, address="W" * 1000),
    ),
    "right to left": document(
        [("כיסא עץ", 1, 5_000, "standard", "17"), ("كرسي خشبي", 4, 23_000, "standard", "17")],
        seller=party("נגריית הצפון בע״מ", "רחוב הרצל 12\nחיפה", "IL"),  # noqa: RUF001 - a name
        buyer=party("شركة النور للتجارة", "شارع الملك فهد ١٢\nالرياض", "SA"),  # noqa: RUF001 - a name
    ),
    "yen": document(
        [("Tea bowl", 2, 18_000, "standard", "10"), ("Tea", 3, 1_201, "standard", "8")],
        currency="JPY",
        exponent=0,
    ),
    "dinar": document([("Saffron", 12, 4_755, "standard", "5")], currency="KWD", exponent=3),
    "ether": document(
        [
            ("A name on chain", 1, 123_456_789_012_345_678, "zero_rated", "0"),
            ("Support", 3, 2 * 10**18, "standard", "20"),
        ],
        currency="ETH",
        exponent=18,
    ),
    "largest": document([("A ship", 1, 10**60 + 1, "standard", "20")], currency="ETH", exponent=18),
    "coin": document([("Sprint", 1, 12_500_000_000, "exempt", "0")], currency="USDC", exponent=6),
    "reverse charge": document([("Consulting", 38, 14_500, "reverse_charge", "0")]),
    "credit note": document(
        kind="credit_note",
        number="S0042C-2026-000007",
        payments=(),
        corrects=Corrected(number="S0042-2026-000117", issued_on=TODAY),
    ),
}
