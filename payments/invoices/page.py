"""The page of a document as HTML: one file with everything in it, so that nothing is fetched."""

import datetime as dt

import segno

from payments.documents.templates import page_style, page_template
from payments.invoices.amounts import Amounts, written_rate
from payments.invoices.document import Document, TaxShare
from payments.invoices.sheets import MOST_TAXES_IN_TOTALS, address_lines, lay_out
from payments.invoices.text_size import has_ideographs

TITLES = {"invoice": "Invoice", "credit_note": "Credit note", "pro_forma": "Pro forma invoice"}
RAILS = {"card": "Card", "bank": "Bank transfer", "crypto": "On chain"}
CATEGORIES = {
    "standard": "Standard",
    "zero_rated": "Zero-rated",
    "exempt": "Exempt",
    "reverse_charge": "Reverse charge",
}
SHORT_CATEGORIES = {
    "zero_rated": "0\N{NO-BREAK SPACE}%",
    "exempt": "exempt",
    "reverse_charge": "reverse",
}
NOT_AN_INVOICE = (
    "This is not an invoice. The invoice follows, with its number, once the order is paid."
)
_QR_MODULE_PX = 4


def document_title(document: Document) -> str:
    """Return what the file is called in a viewer."""
    named = document.number or f"of order {document.order_id}"
    return f"{TITLES[document.kind]} {named}"


def document_page(document: Document) -> str:
    """Return the document as an HTML page; what people entered is escaped wherever it stands."""
    amounts = Amounts.of(document)
    tells_taxes = len(document.taxes) > 1 or document.tax == 0
    notes = document.notes if document.kind != "pro_forma" else (*document.notes, NOT_AN_INVOICE)
    return page_template("invoice").render(
        doc=document,
        title=TITLES[document.kind],
        css=page_style("invoice"),
        money=amounts.written,
        unit=document.currency,
        rate=written_rate,
        day=written_day,
        share_name=share_name,
        address_lines=address_lines,
        rails=RAILS,
        has_ideographs=has_ideographs,
        categories=CATEGORIES,
        short_categories=SHORT_CATEGORIES,
        sheets=lay_out(document, notes, tells_taxes=tells_taxes),
        listed_taxes=document.taxes if len(document.taxes) <= MOST_TAXES_IN_TOTALS else (),
        qr=None if document.pay_url is None else qr_code(document.pay_url),
        width=amounts.width,
    )


def shown_text(document: Document) -> str:
    """Return every text on the page that people entered: a font must have all its letters."""
    parties = [
        text
        for party in (document.seller, document.buyer)
        for text in (party.name, party.address, party.tax_id, party.email, party.country)
        if text
    ]
    lines = [line.description for line in document.lines]
    return "\n".join([*parties, *lines, *document.notes, document.pay_url or ""])


def written_day(day: dt.date) -> str:
    """Return a day in words, which no country reads another way: `3 November 2026`."""
    return f"{day.day} {day:%B %Y}"


def share_name(share: TaxShare) -> str:
    """Return what a tax is called beside its amount: `Tax 19 %`, or why there is none."""
    if share.category == "standard":
        return f"Tax {written_rate(share.rate)}"
    return CATEGORIES[share.category]


def qr_code(text: str) -> str:
    """Return a QR code of a link as a `data:` URI (level M, ISO/IEC 18004)."""
    code = segno.make(text, error="m", micro=False)
    return str(code.png_data_uri(scale=_QR_MODULE_PX * 2, border=0))
