"""Issues credit notes for what was refunded of an invoice, and invoices again what came back.

What counts is how much of the order's money is still here: the refund of a payment that was one
too many takes nothing off the invoice.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.invoices.credit import Key, credit_shares, key_of
from payments.invoices.document import Corrected, Document, DocumentLine, TaxShare
from payments.invoices.issue_invoice import freeze, have_rendered, invoice_of, lock_order
from payments.invoices.numbering import take_number
from payments.invoices.read_invoice import read_document
from payments.invoices.tables import Invoice
from payments.lifecycle.tables import Payment, Refund
from payments.privacy.encryption import FieldCipher

CREDIT_NOTE_TEXT = "Refund in part of invoice {number}"
CAME_BACK_TEXT = "Credited before (last by {number}), and not refunded after all"
CAME_BACK_NOTE = "Takes back credit note {number}: its refund came back to us."


def issue_credit_notes(
    session: Session, *, order_id: str, now: dt.datetime, cipher: FieldCipher
) -> list[str]:
    """Issue what the order's refunds call for and return the ids; empty: all is issued.

    An order without an invoice gets none: its invoice comes first.
    """
    order = lock_order(session, order_id)
    invoice = invoice_of(session, order_id)
    if order is None or invoice is None:
        return []
    refunds = _refunds_of(session, order_id)
    issued = list(_invoice_again(session, invoice, refunds, now=now, cipher=cipher))
    issued += _credit(session, invoice, refunds, now=now, cipher=cipher)
    if issued:
        have_rendered(session, now=now)
    return issued


def _refunds_of(session: Session, order_id: str) -> Sequence[Refund]:
    """Return the refunds of what was paid, those of payments that were one too many last."""
    found = (
        select(Refund)
        .join(Payment, Payment.id == Refund.payment_id)
        .where(Payment.order_id == order_id, Refund.receipt_id.is_(None))
        .where(Refund.booked.in_(["refunded", "returned"]))
        .order_by(Refund.reason.is_not_distinct_from("duplicate"), Refund.occurred_at, Refund.id)
    )
    return session.scalars(found).all()


def _corrections(session: Session, invoice: Invoice) -> Sequence[Invoice]:
    found = select(Invoice).where(
        Invoice.order_id == invoice.order_id, Invoice.corrects.is_not(None)
    )
    return session.scalars(found.order_by(Invoice.issued_at, Invoice.id)).all()


def _credit(
    session: Session,
    invoice: Invoice,
    refunds: Iterable[Refund],
    *,
    now: dt.datetime,
    cipher: FieldCipher,
) -> list[str]:
    corrections = _corrections(session, invoice)
    told = {row.refund_id for row in corrections if row.kind == "credit_note"}
    original = read_document(invoice, cipher=cipher)
    credited = _credited(corrections, cipher=cipher)
    issued = []
    for refund in refunds:
        if refund.booked != "refunded" or refund.id in told:
            continue
        so_far = sum(share.gross for share in credited.values())
        amount = min(refund.amount, _gone(session, invoice) - so_far)
        if amount <= 0:
            continue
        shares = credit_shares(original.taxes, credited, amount)
        number = take_number(session, seller_id=original.seller.id, kind="credit_note", now=now)
        document = _credit_note(
            original,
            shares,
            number=number.text,
            issued_on=number.issued_at.astimezone(dt.UTC).date(),
        )
        issued.append(
            freeze(
                session,
                document,
                number=number,
                now=now,
                cipher=cipher,
                corrects=invoice.id,
                refund_id=refund.id,
            )
        )
        _add(credited, shares)
    return issued


def _gone(session: Session, invoice: Invoice) -> int:
    """Return how much of the invoiced amount is not here any more, in minor units."""
    payments = select(Payment).where(
        Payment.order_id == invoice.order_id, Payment.amount_captured > 0
    )
    rows = session.scalars(payments.execution_options(populate_existing=True))
    here = sum(row.amount_captured - row.amount_refunded for row in rows)
    return max(0, invoice.amount - here)


def _credited(corrections: Iterable[Invoice], *, cipher: FieldCipher) -> dict[Key, TaxShare]:
    credited: dict[Key, TaxShare] = {}
    for row in corrections:
        sign = 1 if row.kind == "credit_note" else -1
        _add(credited, read_document(row, cipher=cipher).taxes, sign=sign)
    return credited


def _add(credited: dict[Key, TaxShare], shares: Iterable[TaxShare], *, sign: int = 1) -> None:
    for share in shares:
        known = credited.get(key_of(share), replace(share, net=0, tax=0))
        credited[key_of(share)] = replace(
            known, net=known.net + sign * share.net, tax=known.tax + sign * share.tax
        )


def _credit_note(
    original: Document, shares: Sequence[TaxShare], *, number: str, issued_on: dt.date
) -> Document:
    """Return a credit note: all lines of the invoice when all of it goes back, else one a rate."""
    is_whole = tuple(shares) == tuple(share for share in original.taxes if share.gross)
    net, tax = sum(share.net for share in shares), sum(share.tax for share in shares)
    return replace(
        original,
        kind="credit_note",
        number=number,
        issued_on=issued_on,
        lines=original.lines if is_whole else tuple(_lines(original, shares, CREDIT_NOTE_TEXT)),
        taxes=original.taxes if is_whole else tuple(shares),
        net=net,
        tax=tax,
        amount=net + tax,
        paid=net + tax,
        due=0,
        payments=(),
        corrects=Corrected(number=original.number or "", issued_on=original.issued_on),
        pay_url=None,
    )


def _lines(original: Document, shares: Sequence[TaxShare], text: str) -> Iterable[DocumentLine]:
    description = text.format(number=original.number)
    for number, share in enumerate(shares, start=1):
        notes = (
            line.tax_note
            for line in original.lines
            if (line.tax_category, line.tax_rate) == key_of(share) and line.tax_note
        )
        yield DocumentLine(
            number=number,
            description=description,
            quantity=1,
            unit_amount=share.net,
            net=share.net,
            tax_category=share.category,
            tax_rate=share.rate,
            tax_note=next(notes, None),
        )


def _invoice_again(
    session: Session,
    invoice: Invoice,
    refunds: Iterable[Refund],
    *,
    now: dt.datetime,
    cipher: FieldCipher,
) -> Iterable[str]:
    """Invoice what is credited and here all the same, since a refund came back.

    Mostly that is what its own credit note gave back. Where an order was paid more than once, the
    note may be another refund's, or the money may be gone by another one: it stays credited then.
    """
    corrections = _corrections(session, invoice)
    notes = {row.refund_id: row for row in corrections if row.kind == "credit_note"}
    done = {row.refund_id for row in corrections if row.kind == "invoice"}
    credited = _credited(corrections, cipher=cipher)
    for refund in refunds:
        excess = sum(share.gross for share in credited.values()) - _gone(session, invoice)
        amount = min(excess, refund.amount)
        if refund.booked != "returned" or refund.id in done or amount <= 0:
            continue
        note = notes.get(refund.id) or list(notes.values())[-1]
        document = _taken_back(read_document(note, cipher=cipher), credited, amount)
        number = take_number(session, seller_id=document.seller.id, kind="invoice", now=now)
        document = replace(
            document, number=number.text, issued_on=number.issued_at.astimezone(dt.UTC).date()
        )
        yield freeze(
            session,
            document,
            number=number,
            now=now,
            cipher=cipher,
            corrects=note.id,
            refund_id=refund.id,
        )
        _add(credited, document.taxes, sign=-1)


def _taken_back(note: Document, credited: Mapping[Key, TaxShare], amount: int) -> Document:
    """Return an invoice over `amount` of what is credited: over the whole note where it is that."""
    noted = replace(
        note,
        kind="invoice",
        corrects=Corrected(number=note.number or "", issued_on=note.issued_on),
        notes=(CAME_BACK_NOTE.format(number=note.number), *note.notes),
    )
    if amount == note.amount:
        return noted
    shares = credit_shares([share for share in credited.values() if share.gross], {}, amount)
    tax = sum(share.tax for share in shares)
    return replace(
        noted,
        lines=tuple(_lines(note, shares, CAME_BACK_TEXT)),
        taxes=shares,
        net=amount - tax,
        tax=tax,
        amount=amount,
        paid=amount,
    )
