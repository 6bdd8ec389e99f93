"""Why a document cannot be an e-invoice: what EN 16931 demands and we were never told."""

from collections.abc import Iterator

from payments.invoices.document import Document, PartyDetails
from payments.invoices.einvoice.amounts import MOST_DECIMALS, tax_follows_rate
from payments.invoices.einvoice.code_lists import countries, currencies


def why_no_einvoice(document: Document) -> tuple[str, ...]:
    """Return each reason as a sentence without personal data; none: it can be made."""
    return tuple(_reasons(document))


def _reasons(document: Document) -> Iterator[str]:
    if document.number is None:
        yield "A pro forma is no invoice."
    if document.currency not in currencies():
        yield f"{document.currency} is no currency of ISO 4217."
    elif document.exponent > MOST_DECIMALS:
        yield f"EN 16931 has two decimals, and {document.currency} has {document.exponent}."
    yield from _lacks_country("seller", document.seller)
    yield from _lacks_country("buyer", document.buyer)
    if not (document.seller.tax_id or "").strip():
        yield "The seller has no tax number."  # BR-S-02, BR-Z-02, BR-E-02, BR-AE-02
    if not (document.buyer.tax_id or "").strip() and any(
        share.category == "reverse_charge" for share in document.taxes
    ):
        yield "The buyer owes the tax and has no tax number."  # BR-AE-02
    for share in document.taxes:
        if not tax_follows_rate(share, exponent=document.exponent):
            yield f"The tax of {share.rate} % is not that share of its net amount (BR-CO-17)."


def _lacks_country(who: str, party: PartyDetails) -> Iterator[str]:
    if party.country is None:
        yield f"The {who} has no country."  # BR-09, BR-11
    elif party.country not in countries():
        yield f"The {who}'s country is none of ISO 3166-1."  # BR-CL-14
