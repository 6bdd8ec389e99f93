"""The PDF carries the e-invoice as Factur-X says, and stays the same PDF otherwise."""

import io

import facturx
import pypdf
import pytest
import weasyprint
from lxml import etree
from pypdf.generic import StreamObject

from payments.invoices.einvoice import NotEmbeddableError, embed_einvoice, make_einvoice
from tests.payments.invoices.einvoice.documents import document


@pytest.fixture(scope="module")
def xml() -> bytes:
    made = make_einvoice(document())
    assert made is not None
    return made


@pytest.fixture(scope="module")
def pdf() -> bytes:
    page = "<h1 id=top>Invoice</h1><p style='break-before: page'><a href='#top'>Up</a>"
    return bytes(weasyprint.HTML(string=page).write_pdf())


def test_programs_find_the_einvoice_in_the_pdf(pdf: bytes, xml: bytes) -> None:
    whole = embed_einvoice(pdf, xml)
    name, found = facturx.get_facturx_xml_from_pdf(whole, check_xsd=True, check_schematron=False)
    assert (name, found) == ("factur-x.xml", xml)
    assert facturx.get_level(etree.fromstring(found)) == "en16931"


def test_pages_stay_as_they_were(pdf: bytes, xml: bytes) -> None:
    before, after = (
        [page.extract_text() for page in pypdf.PdfReader(io.BytesIO(one)).pages]
        for one in (pdf, embed_einvoice(pdf, xml))
    )
    assert before == after
    assert len(after) > 1


def test_pdf_a_is_not_claimed(pdf: bytes, xml: bytes) -> None:
    root = pypdf.PdfReader(io.BytesIO(embed_einvoice(pdf, xml))).root_object
    metadata = root["/Metadata"].get_object()
    assert isinstance(metadata, StreamObject)
    said = metadata.get_data()
    assert b"EN 16931" in said
    assert b"pdfaid" not in said


def test_same_parts_give_the_same_bytes(pdf: bytes, xml: bytes) -> None:
    assert embed_einvoice(pdf, xml) == embed_einvoice(pdf, xml)


def test_what_is_no_pdf_takes_no_attachment(xml: bytes) -> None:
    with pytest.raises(NotEmbeddableError):
        embed_einvoice(b"no pdf", xml)
