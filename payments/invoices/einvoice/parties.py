"""Seller and buyer as EN 16931 describes them (BG-4 to BG-8)."""

from drafthorse.models.party import TaxRegistration, TradeParty

from payments.invoices.document import PartyDetails
from payments.invoices.einvoice.plain_text import plain_lines, plain_text
from payments.invoices.einvoice.tax_ids import vat_id

_VAT, _OTHER_TAX = "VA", "FC"
_EMAIL = "EM"  # the scheme of electronic addresses, EAS code list
_ADDRESS_LINES = 3


def fill_party(node: TradeParty, party: PartyDetails, *, is_seller: bool) -> None:
    """Write name, address, email and tax number.

    Our addresses are free text: their lines go into the three that there are, the rest into the
    last; town and postcode are not told apart, which the standard allows.
    """
    node.id = party.id  # BR-CO-26: the seller has an identifier
    node.name = plain_text(party.name)
    lines = plain_lines(party.address)
    head, rest = lines[: _ADDRESS_LINES - 1], lines[_ADDRESS_LINES - 1 :]
    names = ("line_one", "line_two", "line_three")
    for name, line in zip(names, [*head, ", ".join(rest)] if rest else head, strict=False):
        setattr(node.address, name, line)
    node.address.country_id = party.country or ""
    if email := "".join(plain_lines(party.email)):
        node.electronic_address.uri_ID = (_EMAIL, email)
    _fill_tax_number(node, party, is_seller=is_seller)


def _fill_tax_number(node: TradeParty, party: PartyDetails, *, is_seller: bool) -> None:
    number = "".join(plain_lines(party.tax_id))
    if not number:
        return
    registration = TaxRegistration()
    found = vat_id(number, country=party.country)
    if found is not None:
        registration.id = (_VAT, found)
    elif is_seller:
        registration.id = (_OTHER_TAX, number)
    else:
        node.legal_organization.id = number  # BT-47: a buyer has no place for other tax numbers
        return
    node.tax_registrations.add(registration)
