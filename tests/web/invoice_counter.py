"""A counter for tests of documents over HTTP: what is sold is invoiced, rendered and refunded."""

import dataclasses
import datetime as dt
import io
from collections.abc import Mapping
from typing import Any

import pypdf
import pytest
from sqlalchemy import Engine, text

from payments.database import transaction
from payments.invoices.pro_forma import make_pro_forma
from payments.invoices.render_invoice import Press, render_invoice
from payments.orders.view import OrderView
from payments.parties.create_party import create_party
from payments.settings import Settings
from tests.conditions import wait_until
from tests.payments.invoices.desk import Desk, line
from tests.payments.shop import CIPHER, KEYSET, NOW, SERVICE, Shop, new_reference
from web.routes import invoices as routes

SELLER = {
    "name": "Müller Möbel GmbH",
    "email": "billing@mueller.example",
    "address": "Hauptstraße 1\n10115 Berlin",
    "country": "DE",
    "tax_id": "DE123456789",
}
BUYER = {
    "name": "Ann Bayer-Çelik",
    "email": "ann@buyer.example",
    "address": "1 rue de la Paix\n75002 Paris",
    "country": "FR",
}


class BlankPages:
    """A renderer of one blank page: what stands on pages is tested elsewhere."""

    name = "blank 1.0"

    def render(self, html: str, *, title: str) -> bytes:
        """Return the same PDF for the same title."""
        assert "<" in html
        writer, found = pypdf.PdfWriter(), io.BytesIO()
        writer.add_blank_page(595, 842)
        writer.add_metadata({"/Title": title})
        writer.write(found)
        return found.getvalue()


class Counter(Desk):
    """A desk whose documents are rendered, with parties of which everything is known."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine, dt.datetime.now(dt.UTC))  # noqa: TID251 - the application's clock is real here
        self.press = Press(BlankPages(), CIPHER, lambda: self.now)

    def party(self, **details: Any) -> str:
        with transaction(self.engine) as session:
            return create_party(
                session,
                caller=SERVICE,
                reference=new_reference(),
                now=NOW,
                cipher=CIPHER,
                **details,
            ).resource.id

    def sold(self, *lines: Any, seller: Mapping[str, Any] | None = None) -> OrderView:
        """Return a paid order of two people of its own."""
        buyer_id, seller_id = self.party(**BUYER), self.party(**SELLER | dict(seller or {}))
        self.shop = Shop(self.engine, buyer_id, seller_id)
        return super().sold(*lines)

    def invoiced(self, **sold: Any) -> OrderView:
        order = self.sold(**sold)
        self.issue(order)
        self.render_all(order)
        return order

    def render_all(self, order: OrderView) -> None:
        for document in self.issued(order):
            render_invoice(self.engine, self.press, invoice_id=document.id)

    def refunded(self, order: OrderView, amount: int) -> None:
        self.refund(order, amount)
        self.credit(order)
        self.render_all(order)

    def unpaid(self) -> OrderView:
        self.shop = Shop(self.engine, self.party(**BUYER), self.party(**SELLER))
        return self.order([line(10_000)])

    def make_wanted(self, order: OrderView) -> None:
        """Do what the jobs do that a request for a document stages."""
        if not make_pro_forma(self.engine, self.press, order_id=order.id, pay_url=None):
            self.issue(order)
            self.render_all(order)

    def swap_files(self, one: OrderView, other: OrderView) -> None:
        """Give the PDF of one order the content of another's, as a thief of rows would."""
        ids = {"one": self.issued(one)[0].id, "other": self.issued(other)[0].id}
        swap = """UPDATE strongroom.invoice_files a SET content_encrypted = b.content_encrypted
                    FROM strongroom.invoice_files b
                   WHERE a.invoice_id = :one AND b.invoice_id = :other
                     AND a.format = 'pdf' AND b.format = 'pdf'"""
        with transaction(self.engine) as session:
            session.execute(text(swap), ids)

    def wait_until_somebody_waits(self) -> None:
        wait_until(lambda: routes._seats._value < routes._MOST_WAITING, timeout_s=10)


@pytest.fixture(scope="module")
def counter(engine: Engine) -> Counter:
    return Counter(engine)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return dataclasses.replace(settings, encryption_keyset=KEYSET)  # the shop's
