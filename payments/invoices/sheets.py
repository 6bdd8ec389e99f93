"""Lays a document out on sheets: which lines stand on which, with a heading and a number on each.

The old WebKit neither repeats a table's head nor keeps rows whole, so no engine is left to choose
where a page ends. All measures are in millimetres, and those of payments/documents/pages/
invoice.css: what is changed there is changed here.
"""

from dataclasses import dataclass, field

from payments.invoices.amounts import Amounts
from payments.invoices.document import Document, DocumentLine, PartyDetails, TaxShare
from payments.invoices.text_size import text_lines

MOST_TAXES_IN_TOTALS = 6
"""More rates than so many are told in their own table only."""

MOST_ADDRESS_LINES = 8

_SHEET = 245.0
_CONTINUED = 13.0
_BODY_PT, _LINE = 8.5, 4.35
_LINES_HEAD = 6.2
_CONTENT_WIDTH = 174.0
_ROW_SPACE = 4.4
# What of the width the description has, by how wide the amounts are.
_DESCRIPTION_WIDTH = {"": 67.0, "wide": 45.0, "widest": 29.0}


@dataclass
class Sheet:
    """What stands on one sheet; the document's own heading is on the first."""

    number: int
    lines: list[DocumentLine] = field(default_factory=list)
    has_totals: bool = False
    taxes: list[TaxShare] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def lay_out(document: Document, notes: tuple[str, ...], *, tells_taxes: bool) -> list[Sheet]:
    """Return the sheets of a document, in order; there is at least one."""
    room = _SHEET - _heading(document)
    pile = _Pile([Sheet(1)], room)
    width = _DESCRIPTION_WIDTH[Amounts.of(document).width]
    pile.take(_LINES_HEAD)
    for line in document.lines:
        height = text_lines(line.description, width_mm=width, size_pt=_BODY_PT) * _LINE + _ROW_SPACE
        pile.take(height, on_new_sheet=_LINES_HEAD)
        pile.sheet.lines.append(line)
    pile.take(_totals(document))
    pile.sheet.has_totals = True
    if tells_taxes:
        for share in document.taxes:
            pile.take(_LINE + 1.8 + (0 if pile.sheet.taxes else 15), on_new_sheet=15)
            pile.sheet.taxes.append(share)
    for note in notes:
        height = text_lines(note, width_mm=_CONTENT_WIDTH, size_pt=_BODY_PT) * _LINE + 1.6
        pile.take(height + (0 if pile.sheet.notes else 8), on_new_sheet=8)
        pile.sheet.notes.append(note)
    return pile.sheets


def address_lines(party: PartyDetails) -> list[str]:
    """Return an address line by line; of a very long one, the last lines run on."""
    lines = [line.strip() for line in (party.address or "").splitlines() if line.strip()]
    kept, rest = lines[: MOST_ADDRESS_LINES - 1], lines[MOST_ADDRESS_LINES - 1 :]
    return [*kept, ", ".join(rest)] if rest else kept


@dataclass
class _Pile:
    """Sheets that are being filled, and how much room the last of them has left."""

    sheets: list[Sheet]
    room: float

    @property
    def sheet(self) -> Sheet:
        return self.sheets[-1]

    def take(self, height: float, *, on_new_sheet: float = 0.0) -> bool:
        """Use up room; True when that began a new sheet, whose heading takes more of it."""
        if height <= self.room:
            self.room -= height
            return False
        self.sheets.append(Sheet(len(self.sheets) + 1))
        self.room = _SHEET - _CONTINUED - height - on_new_sheet
        return True


def _heading(document: Document) -> float:
    issuer = text_lines(document.seller.name, width_mm=88, size_pt=13, is_bold=True) * 5.8
    parties = max(_party(document.seller), _party(document.buyer), 34.0)
    return max(issuer, 14.5) + 4.5 + 8 + parties + 9


def _party(party: PartyDetails) -> float:
    texts = [*address_lines(party), party.country, party.tax_id and f"Tax ID {party.tax_id}"]
    lines = text_lines(party.name, width_mm=49, size_pt=_BODY_PT, is_bold=True)
    lines += sum(text_lines(t, width_mm=49, size_pt=_BODY_PT) for t in [*texts, party.email] if t)
    return 5.0 + lines * _LINE


def _totals(document: Document) -> float:
    taxes = len(document.taxes) if len(document.taxes) <= MOST_TAXES_IN_TOTALS else 1
    sums = 5 + (taxes + 4) * 6.2 + 11
    link = text_lines(document.pay_url or "", width_mm=45, size_pt=_BODY_PT) * _LINE
    return max(sums, 5 + 5 + (len(document.payments) + 1) * _LINE, 5 + 14 + link, 35)
