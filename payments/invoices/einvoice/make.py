"""Makes the e-invoice of an issued document and lets none out that its schema refuses.

BT and BR numbers are those of EN 16931-1; the business rules themselves run in the tests, on
invoices of every kind.
"""

import functools
import io
from decimal import Decimal
from xml.etree import ElementTree as ET

from drafthorse.models.accounting import ApplicableTradeTax
from drafthorse.models.document import Document as Tree
from drafthorse.models.note import IncludedNote
from drafthorse.models.payment import PaymentMeans, PaymentTerms
from drafthorse.models.trade import TradeSettlement
from drafthorse.models.tradelines import LineItem
from lxml import etree

from payments.invoices.document import Document, DocumentLine, TaxShare
from payments.invoices.einvoice.amounts import plain_amount
from payments.invoices.einvoice.code_lists import SCHEMA_FOLDER
from payments.invoices.einvoice.obstacles import why_no_einvoice
from payments.invoices.einvoice.parties import fill_party
from payments.invoices.einvoice.plain_text import plain_text

PROFILE = "urn:cen.eu:en16931:2017"
_SCHEMA = "Factur-X_1.0.07_EN16931.xsd"
_TYPES = {"invoice": "380", "credit_note": "381"}  # UNTDID 1001
_CATEGORIES = {"standard": "S", "zero_rated": "Z", "exempt": "E", "reverse_charge": "AE"}
_NO_TAX_CODES = {"reverse_charge": "VATEX-EU-AE"}
# UNTDID 4461: bank card; online payment service; mutually defined.
_MEANS = {"card": "48", "bank": "68", "crypto": "ZZZ"}
_SEVERAL_MEANS = "ZZZ"  # CII-SR-467: all have one code
_PIECES = "C62"  # UN/ECE Recommendation 20: one


class EInvoiceError(Exception):
    """The document cannot be written as an e-invoice although nothing seemed to lack."""


def make_einvoice(document: Document) -> bytes | None:
    """Return the XML, the same bytes for the same document; None when `why_no_einvoice` says so.

    Raises:
        EInvoiceError: the schema refuses it.
    """
    if why_no_einvoice(document):
        return None
    tree = etree.fromstring(ET.tostring(_tree(document).to_etree()))
    schema = _schema()
    if not schema.validate(tree):
        fault = schema.error_log.last_error  # type: ignore[attr-defined] # lacking in lxml's stubs
        # Its message would quote the element, which may be a name or an address.
        raise EInvoiceError(f"the schema refuses the e-invoice at {fault.path}: {fault.type_name}")
    etree.cleanup_namespaces(tree)
    return etree.tostring(tree, pretty_print=True, xml_declaration=True, encoding="UTF-8")


@functools.cache
def _schema() -> etree.XMLSchema:
    name = SCHEMA_FOLDER / _SCHEMA
    return etree.XMLSchema(etree.parse(io.BytesIO(name.read_bytes()), base_url=str(name)))


def _tree(document: Document) -> Tree:
    tree = Tree()
    tree.context.guideline_parameter.id = PROFILE
    tree.header.id = document.number
    tree.header.type_code = _TYPES[document.kind]
    tree.header.issue_date_time = document.issued_on
    for text in document.notes:
        note = IncludedNote()
        note.content = plain_text(text)
        tree.header.notes.add(note)
    for line in document.lines:
        tree.trade.items.add(_line(line, document.exponent))
    fill_party(tree.trade.agreement.seller, document.seller, is_seller=True)
    fill_party(tree.trade.agreement.buyer, document.buyer, is_seller=False)
    tree.trade.agreement.seller_order.issuer_assigned_id = document.order_id
    _fill_settlement(tree.trade.settlement, document)
    return tree


def _line(line: DocumentLine, exponent: int) -> LineItem:
    item = LineItem()
    item.document.line_id = str(line.number)
    item.product.name = plain_text(line.description)
    item.agreement.net.amount = plain_amount(line.unit_amount, exponent)
    item.delivery.billed_quantity = (Decimal(line.quantity), _PIECES)
    item.settlement.trade_tax.type_code = "VAT"
    item.settlement.trade_tax.category_code = _category(line.tax_category, line.tax_rate)
    item.settlement.trade_tax.rate_applicable_percent = f"{line.tax_rate:f}"
    item.settlement.monetary_summation.total_amount = plain_amount(line.net, exponent)
    return item


def _fill_settlement(settlement: TradeSettlement, document: Document) -> None:
    exponent, currency = document.exponent, document.currency
    settlement.currency_code = currency
    if codes := {_MEANS[payment.rail] for payment in document.payments}:
        means = PaymentMeans()
        means.type_code = codes.pop() if len(codes) == 1 else _SEVERAL_MEANS
        settlement.payment_means.add(means)
    for share in document.taxes:
        settlement.trade_tax.add(_share(share, document))
    if document.due > 0:
        terms = PaymentTerms()
        terms.description = "Due at once."  # BR-CO-25
        settlement.terms.add(terms)
    totals = settlement.monetary_summation
    totals.line_total = plain_amount(document.net, exponent)
    totals.tax_basis_total = plain_amount(document.net, exponent)
    totals.tax_total = (plain_amount(document.tax, exponent), currency)
    totals.grand_total = plain_amount(document.amount, exponent)
    totals.prepaid_total = plain_amount(document.amount - document.due, exponent)
    totals.due_amount = plain_amount(document.due, exponent)
    if document.corrects is not None:
        earlier = settlement.invoice_referenced_document
        earlier.issuer_assigned_id = document.corrects.number
        earlier.issue_date_time = document.corrects.issued_on


def _share(share: TaxShare, document: Document) -> ApplicableTradeTax:
    tax = ApplicableTradeTax()
    tax.type_code = "VAT"
    tax.category_code = _category(share.category, share.rate)
    tax.rate_applicable_percent = f"{share.rate:f}"
    tax.basis_amount = plain_amount(share.net, document.exponent)
    tax.calculated_amount = plain_amount(share.tax, document.exponent)
    reason = _why_untaxed(share.category, document)
    if reason is not None:
        tax.exemption_reason = reason
        tax.exemption_reason_code = _NO_TAX_CODES.get(share.category, "")
    return tax


def _category(category: str, rate: Decimal) -> str:
    """Return the code of UNTDID 5305; standard means a rate above zero there (BR-S-05)."""
    return "Z" if category == "standard" and rate == 0 else _CATEGORIES[category]


def _why_untaxed(category: str, document: Document) -> str | None:
    if category not in {"exempt", "reverse_charge"}:
        return None  # BR-S-10, BR-Z-10: no reason there
    notes = [line.tax_note for line in document.lines if line.tax_category == category]
    said = dict.fromkeys(plain_text(note) for note in notes if note)
    return "; ".join(said) or ("Reverse charge" if category == "reverse_charge" else "Exempt")
