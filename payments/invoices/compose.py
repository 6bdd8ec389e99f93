"""Puts together what an invoice says: order, parties and payments as they are at that moment."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

import ledger
from payments.invoices.document import (
    Document,
    DocumentLine,
    Kind,
    PartyDetails,
    PaymentDetails,
    TaxShare,
)
from payments.lifecycle.stages import CHARGED
from payments.lifecycle.tables import Payment, PaymentEvent
from payments.orders.tables import Order
from payments.orders.totals import EXEMPT, REVERSE_CHARGE, TAX_CATEGORIES, tax_of
from payments.orders.view import view_order
from payments.parties.tables import Party
from payments.parties.view import view_party
from payments.privacy.encryption import FieldCipher

REVERSE_CHARGE_NOTE = (
    "Reverse charge: the recipient is liable for the tax (Article 196 of Directive 2006/112/EC)."
)


def compose(
    session: Session,
    order: Order,
    *,
    kind: Kind,
    number: str | None,
    issued_on: dt.date,
    pay_url: str | None,
    cipher: FieldCipher,
) -> Document:
    """Return the document of an order; `pay_url` is shown while something is due."""
    lines = tuple(_lines(order))
    taxes = tax_shares(lines)
    payments = tuple(_payments_for(session, order.id))
    net, tax = sum(share.net for share in taxes), sum(share.tax for share in taxes)
    paid = min(net + tax, sum(payment.amount for payment in payments))
    return Document(
        kind=kind,
        number=number,
        order_id=order.id,
        ordered_on=order.created_at.astimezone(dt.UTC).date(),
        issued_on=issued_on,
        currency=order.currency,
        exponent=ledger.assets(session.connection())[order.currency].exponent,
        seller=_details(session, order.seller_id, cipher=cipher),
        buyer=_details(session, order.buyer_id, cipher=cipher),
        lines=lines,
        taxes=taxes,
        net=net,
        tax=tax,
        amount=net + tax,
        paid=paid,
        due=net + tax - paid,
        payments=payments,
        notes=notes_of(lines),
        pay_url=pay_url if paid < net + tax else None,
    )


def tax_shares(lines: Iterable[DocumentLine]) -> tuple[TaxShare, ...]:
    """Add up lines by category and rate; the tax is rounded once for each, as in the order."""
    nets: dict[tuple[str, Decimal], int] = defaultdict(int)
    for line in lines:
        nets[line.tax_category, line.tax_rate] += line.net
    return tuple(
        TaxShare(category=category, rate=rate, net=net, tax=tax_of(net, rate))
        for (category, rate), net in sorted(nets.items(), key=_category_then_rate)
    )


def notes_of(lines: Sequence[DocumentLine]) -> tuple[str, ...]:
    """Return the texts that the law wants to read: why there is no tax on some lines."""
    notes = [
        f"Exempt from tax: {line.tax_note}" if line.tax_category == EXEMPT else line.tax_note
        for line in lines
        if line.tax_note
    ]
    if any(line.tax_category == REVERSE_CHARGE for line in lines):
        notes.insert(0, REVERSE_CHARGE_NOTE)
    return tuple(dict.fromkeys(notes))


def _category_then_rate(item: tuple[tuple[str, Decimal], int]) -> tuple[int, Decimal]:
    (category, rate), _net = item
    return TAX_CATEGORIES.index(category), -rate


def _lines(order: Order) -> Iterable[DocumentLine]:
    for number, line in enumerate(view_order(order).lines, start=1):
        yield DocumentLine(
            number=number,
            description=line.description,
            quantity=line.quantity,
            unit_amount=line.unit_amount,
            net=line.net,
            tax_category=line.category,
            tax_rate=line.tax_rate,
            tax_note=line.tax_note,
        )


def _details(session: Session, party_id: str, *, cipher: FieldCipher) -> PartyDetails:
    party = view_party(session.get_one(Party, party_id), cipher=cipher)
    return PartyDetails(
        id=party.id,
        name=party.name or party.id,  # an erased party: nothing else is known of them
        address=party.address,
        country=party.country,
        tax_id=party.tax_id,
        email=party.email,
    )


def _payments_for(session: Session, order_id: str) -> Iterable[PaymentDetails]:
    rows = session.execute(
        select(
            Payment.id, Payment.rail, Payment.amount_captured, func.min(PaymentEvent.occurred_at)
        )
        .join(PaymentEvent, PaymentEvent.payment_id == Payment.id)
        .where(Payment.order_id == order_id, Payment.amount_captured > 0)
        .where(PaymentEvent.to_status.in_([status.value for status in CHARGED]))
        .group_by(Payment.id)
        .order_by(func.min(PaymentEvent.occurred_at), Payment.id)
    )
    for payment_id, rail, captured, at in rows:
        yield PaymentDetails(
            id=payment_id, rail=rail, amount=captured, paid_on=at.astimezone(dt.UTC).date()
        )
