"""Documents to make e-invoices of: one by hand, and all that hypothesis can think of."""

import datetime as dt
from collections import defaultdict
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from payments.invoices.document import (
    Corrected,
    Document,
    DocumentLine,
    PartyDetails,
    PaymentDetails,
    TaxShare,
)
from payments.orders.totals import tax_of

TODAY = dt.date(2026, 11, 23)
CURRENCIES = {"EUR": 2, "USD": 2, "GBP": 2, "CHF": 2, "PLN": 2, "JPY": 0, "KRW": 0}

SELLER = PartyDetails(
    id="pty_seller",
    name="Möbel Müller GmbH",
    address="Hauptstraße 1\n10115 Berlin",
    country="DE",
    tax_id="DE123456789",
    email="billing@mueller.example",
)
BUYER = PartyDetails(
    id="pty_buyer",
    name="Ann Buyer",
    address="1 rue de la Paix\n2e étage\n75002 Paris\nFrance",
    country="FR",
    tax_id="FR40303265045",
    email="ann@buyer.example",
)


def line(number: int = 1, **changes: Any) -> DocumentLine:
    """Return a line; `net` follows from quantity and unit amount."""
    said = {
        "number": number,
        "description": "Walnut desk",
        "quantity": 1,
        "unit_amount": 12_500,
        "tax_category": "standard",
        "tax_rate": Decimal(19),
        **changes,
    }
    return DocumentLine(net=said["quantity"] * said["unit_amount"], **said)


def document(*lines: DocumentLine, **changes: Any) -> Document:
    """Return a paid invoice over the lines; totals as an order computes them."""
    lines = lines or (line(),)
    nets: dict[tuple[str, Decimal], int] = defaultdict(int)
    for one in lines:
        nets[one.tax_category, one.tax_rate] += one.net
    taxes = tuple(
        TaxShare(category=category, rate=rate, net=net, tax=tax_of(net, rate))
        for (category, rate), net in nets.items()
    )
    net, tax = sum(nets.values()), sum(share.tax for share in taxes)
    said = {
        "kind": "invoice",
        "number": "S0001-2026-000001",
        "order_id": "ord_01KB2V6Q0R8Y4W5Z7X9A1C3E5G",
        "ordered_on": TODAY,
        "issued_on": TODAY,
        "currency": "EUR",
        "exponent": 2,
        "seller": SELLER,
        "buyer": BUYER,
        "lines": lines,
        "taxes": taxes,
        "net": net,
        "tax": tax,
        "amount": net + tax,
        "paid": net + tax,
        "due": 0,
        "payments": (PaymentDetails(id="pay_1", rail="card", amount=net + tax, paid_on=TODAY),),
        **changes,
    }
    return Document(**said)


_NAMES = st.text(min_size=1, max_size=60).filter(lambda text: text.strip())
_RATES = st.sampled_from(["19", "7", "5.5", "20", "21", "25", "0.5", "99.999", "8.875"])
_SELLERS_TAX = {
    "DE": "DE 123.456.789",
    "GR": "EL094259216",
    "US": "12-3456789",
    "CH": "CHE-123.456.788 MWST",
    "GB": "GB123456789",
    "IN": "27AAPFU0939F1ZV",
}


@st.composite
def _parties(draw: st.DrawFn, name: str) -> PartyDetails:
    country = draw(st.sampled_from(sorted(_SELLERS_TAX)))
    return PartyDetails(
        id=f"pty_{name}",
        name=draw(_NAMES),
        address=draw(st.none() | st.text(max_size=200)),
        country=country,
        tax_id=_SELLERS_TAX[country],
        email=draw(st.none() | st.just("someone@example.org")),
    )


@st.composite
def _lines(draw: st.DrawFn, number: int) -> DocumentLine:
    category = draw(st.sampled_from(["standard", "zero_rated", "exempt", "reverse_charge"]))
    rate = Decimal(draw(_RATES)) if category == "standard" else Decimal(0)
    return line(
        number,
        description=draw(_NAMES),
        quantity=draw(st.integers(1, 10_000)),
        unit_amount=draw(st.integers(0, 10**9)),
        tax_category=category,
        tax_rate=rate,
        tax_note=draw(_NAMES) if category == "exempt" else None,
    )


@st.composite
def documents(draw: st.DrawFn) -> Document:
    """Draw an invoice or a credit note that has all EN 16931 asks for."""
    count = draw(st.integers(1, 6))
    lines = [draw(_lines(number)) for number in range(1, count + 1)]
    currency = draw(st.sampled_from(sorted(CURRENCIES)))
    kind = draw(st.sampled_from(["invoice", "credit_note"]))
    whole = document(*lines)
    paid = draw(st.sampled_from([0, whole.amount // 3, whole.amount]))
    return document(
        *lines,
        kind=kind,
        currency=currency,
        exponent=CURRENCIES[currency],
        seller=draw(_parties("seller")),
        buyer=draw(_parties("buyer")),
        paid=paid,
        due=whole.amount - paid,
        payments=tuple(
            PaymentDetails(id="pay_1", rail=rail, amount=1, paid_on=TODAY)
            for rail in draw(st.lists(st.sampled_from(["card", "bank", "crypto"]), max_size=3))
        ),
        corrects=Corrected(number="S0001-2026-000001", issued_on=TODAY)
        if kind == "credit_note"
        else None,
        notes=tuple(draw(st.lists(_NAMES, max_size=2))),
    )
