"""The page of a document: everything is on it, exactly, and what people entered is only text."""

import io
from dataclasses import replace
from decimal import Decimal

import pypdf
import pytest
import segno

from payments.documents.renderer import choose_renderer
from payments.documents.weasyprint_renderer import find_weasyprint
from payments.invoices.amounts import Amounts, written_rate
from payments.invoices.document import from_json
from payments.invoices.page import document_page, document_title, shown_text
from payments.invoices.sheets import lay_out
from tests.payments.invoices.samples import PAY_URL, SAMPLES, document, party


@pytest.mark.parametrize("name", SAMPLES)
def test_it_is_frozen_as_text_and_read_back(name: str) -> None:
    text = SAMPLES[name].to_json()
    assert from_json(text) == SAMPLES[name]
    assert from_json(text).to_json() == text


@pytest.mark.parametrize("name", SAMPLES)
def test_every_line_tax_and_note_is_on_one_sheet(name: str) -> None:
    drawn = SAMPLES[name]
    sheets = lay_out(drawn, drawn.notes, tells_taxes=True)
    assert [line for sheet in sheets for line in sheet.lines] == list(drawn.lines)
    assert [share for sheet in sheets for share in sheet.taxes] == list(drawn.taxes)
    assert [note for sheet in sheets for note in sheet.notes] == list(drawn.notes)
    assert sum(sheet.has_totals for sheet in sheets) == 1
    assert [sheet.number for sheet in sheets] == list(range(1, len(sheets) + 1))


@pytest.mark.parametrize("engine", ["usual", "weasyprint"])
@pytest.mark.parametrize("name", [name for name in SAMPLES if name != "longest names"])
def test_no_sheet_runs_over_its_end(name: str, engine: str) -> None:
    """As many pages as sheets, each with its own foot: nothing was too long for its sheet."""
    renderer = choose_renderer() if engine == "usual" else find_weasyprint()
    if renderer is None:
        pytest.skip("no renderer is installed")
    drawn = SAMPLES[name]
    pdf = renderer.render(document_page(drawn), title=document_title(drawn))
    texts = [page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf)).pages]
    pages = ["".join(text.split()) for text in texts]
    feet = [f"Page{number}of{len(pages)}" for number in range(1, len(pages) + 1)]
    assert [foot for foot, page in zip(feet, pages, strict=True) if foot in page] == feet


def test_what_people_entered_is_only_text() -> None:
    bad = '<meta name="pdfkit-allow" content="/"><script>x()</script>"\'{{ 7*7 }}{% raw %}'
    drawn = document(
        [(bad, 1, 1, "standard", "19")], seller=party(bad, bad, "DE"), buyer=party(bad, bad)
    )
    page = document_page(drawn)
    assert "<meta name" not in page
    assert "<script" not in page
    assert page.count("&lt;meta name=&#34;pdfkit-allow&#34;") == 6
    assert "{{ 7*7 }}" in page


def test_it_fetches_nothing() -> None:
    for drawn in SAMPLES.values():
        page = document_page(drawn)
        assert "src=" not in page.replace('src="data:', "")
        assert "url(" not in page
        assert "<link" not in page


def test_an_unpaid_one_shows_where_to_pay() -> None:
    page = document_page(SAMPLES["unpaid"])
    assert segno.make(PAY_URL, error="m", micro=False).png_data_uri(scale=8, border=0) in page
    assert f'<a href="{PAY_URL}">' in page
    assert "This is not an invoice" in page
    paid = document_page(SAMPLES["plain"])
    assert "data:" not in paid
    assert "Paid in full" in paid


def test_a_credit_note_names_what_it_corrects() -> None:
    page = document_page(SAMPLES["credit note"])
    assert "S0042-2026-000117" in page
    assert "Total credited" in page
    assert "Paid" not in page


@pytest.mark.parametrize(
    ("name", "total"),
    [
        ("yen", "43,491"),
        ("dinar", "59.913"),
        ("ether", "7.323456789012345678"),
        ("coin", "12,500.00"),
        ("plain", "1,519.49"),
        ("reverse charge", "5,510.00"),
    ],
)
def test_amounts_are_exact_in_every_currency(name: str, total: str) -> None:
    drawn = SAMPLES[name]
    assert Amounts.of(drawn).written(drawn.amount) == total
    assert f"</span> {total}</td>" in document_page(drawn)


def test_decimals_that_no_amount_needs_are_left_out_together() -> None:
    drawn = document([("x", 1, 15 * 10**17, "zero_rated", "0")], currency="ETH", exponent=18)
    assert Amounts.of(drawn).written(drawn.amount) == "1.50"
    finer = document(
        [("x", 1, 15 * 10**17, "zero_rated", "0"), ("y", 1, 10**13, "zero_rated", "0")],
        currency="ETH",
        exponent=18,
    )
    assert Amounts.of(finer).written(15 * 10**17) == "1.50000"


@pytest.mark.parametrize(("rate", "text"), [("19", "19"), ("7.500", "7.5"), ("100", "100")])
def test_rates_are_written_plainly(rate: str, text: str) -> None:
    assert written_rate(Decimal(rate)) == f"{text}\N{NO-BREAK SPACE}%"


def test_why_there_is_no_tax_is_told() -> None:
    assert "Article 196 of Directive 2006/112/EC" in document_page(SAMPLES["reverse charge"])
    assert "Exempt from tax: training, § 4 No. 21 UStG" in document_page(SAMPLES["coin"])


def test_all_that_people_entered_is_looked_up_in_the_fonts() -> None:
    drawn = replace(SAMPLES["right to left"], notes=("Ж",))
    assert set("נגרييتЖ@") <= set(shown_text(drawn))
