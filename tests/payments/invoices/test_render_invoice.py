"""Rendered files: kept once, served for ever, and never with boxes in place of letters."""

import datetime as dt
from decimal import Decimal

import pytest
from sqlalchemy import update

from payments.database import transaction
from payments.documents.renderer import RenderingError
from payments.invoices import draw
from payments.invoices.read_invoice import AlteredError, file_field, read_file
from payments.invoices.render_invoice import waiting_documents
from payments.invoices.tables import Invoice, InvoiceFile
from payments.orders.totals import LineInput
from payments.orders.view import OrderView
from tests.payments.invoices.desk import Desk
from tests.payments.invoices.stamp import Stamp
from tests.payments.shop import CIPHER, NOW


class Torn(Stamp):
    """A renderer whose page is always wrong."""

    def render(self, html: str, *, title: str) -> bytes:
        raise RenderingError(f"{len(html)} characters of {title} are too many")


def waits(desk: Desk, invoice_id: str, at: dt.datetime) -> bool:
    with transaction(desk.engine) as session:
        return invoice_id in waiting_documents(session, limit=1_000, now=at)


def served(desk: Desk, invoice_id: str) -> bytes | None:
    with transaction(desk.engine) as session:
        return read_file(session, invoice_id=invoice_id, format_name="pdf", cipher=CIPHER)


def test_what_was_served_first_is_served_for_ever(desk: Desk) -> None:
    invoice_id = desk.issue(desk.sold()) or ""
    assert served(desk, invoice_id) is None
    assert desk.render(invoice_id, Stamp("one"))
    first = served(desk, invoice_id)
    assert first is not None
    assert first.endswith(b"one")
    assert not desk.render(invoice_id, Stamp("two"))
    assert served(desk, invoice_id) == first


def test_of_two_that_render_at_once_the_first_is_kept(desk: Desk) -> None:
    order = desk.sold()
    invoice_id = desk.issue(order) or ""

    class Slow(Stamp):
        """Somebody else is done while it renders."""

        def render(self, html: str, *, title: str) -> bytes:
            assert desk.render(invoice_id, Stamp("first"))
            return super().render(html, title=title)

    assert not desk.render(invoice_id, Slow("second"))
    assert (served(desk, invoice_id) or b"").endswith(b"first")
    [issued] = desk.issued(order)
    assert issued.files["pdf"].size == len(served(desk, invoice_id) or b"")


@pytest.mark.parametrize("letter", ["S", "Ж"])  # of the seller's name, and of a line
def test_letters_without_a_font_are_told_and_wait(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, letter: str
) -> None:
    order = desk.sold(LineInput("A print of Ж", 1, 10_000, Decimal(19)))
    invoice_id = desk.issue(order) or ""
    monkeypatch.setattr(draw, "missing_characters", lambda text: set(text) & {letter})
    assert not desk.render(invoice_id)
    [issued] = desk.issued(order)
    assert (issued.rendering, issued.files) == ("waiting", {})
    assert f"U+{ord(letter):04X}" in (issued.problem or "")
    assert not waits(desk, invoice_id, NOW)
    monkeypatch.undo()  # a font was installed
    assert waits(desk, invoice_id, NOW + dt.timedelta(minutes=1))
    assert desk.render(invoice_id)
    assert desk.issued(order)[0].problem is None


def test_a_page_that_cannot_be_rendered_is_tried_less_and_less(desk: Desk) -> None:
    order = desk.sold()
    invoice_id = desk.issue(order) or ""
    for wait in (dt.timedelta(minutes=1), dt.timedelta(minutes=5), dt.timedelta(hours=1)):
        assert not desk.render(invoice_id, Torn())
        assert not waits(desk, invoice_id, NOW + wait - dt.timedelta(seconds=1))
        assert waits(desk, invoice_id, NOW + wait)
    assert "too many" in (desk.issued(order)[0].problem or "")


def test_without_a_renderer_it_waits(desk: Desk) -> None:
    drawn = draw.draw_document(desk.issued(_issued(desk))[0].document, None)
    assert drawn.problem is not None
    assert drawn.problem.event == "renderer_missing"
    assert drawn.files == {}


def test_an_altered_file_is_not_served(desk: Desk) -> None:
    order = _issued(desk)
    [issued] = desk.issued(order)
    desk.render(issued.id)
    forged = CIPHER.encrypt_bytes(b"%PDF-1.4 forged", **file_field(issued.id, "pdf"))
    with transaction(desk.engine) as session:
        session.execute(
            update(InvoiceFile)
            .where(InvoiceFile.invoice_id == issued.id, InvoiceFile.format == "pdf")
            .values(content_encrypted=forged)
        )
    with pytest.raises(AlteredError):
        served(desk, issued.id)


def _issued(desk: Desk) -> OrderView:
    order = desk.sold()
    desk.issue(order)
    return order


def test_an_altered_invoice_keeps_no_other_waiting(desk: Desk) -> None:
    order = _issued(desk)
    [issued] = desk.issued(order)
    field = {"table": "invoices", "column": "content_encrypted", "row_id": issued.id}
    with transaction(desk.engine) as session:
        forged = CIPHER.encrypt(issued.document.to_json() + " ", **field)
        session.execute(
            update(Invoice).where(Invoice.id == issued.id).values(content_encrypted=forged)
        )
    assert not desk.render(issued.id)
    assert not waits(desk, issued.id, NOW)
