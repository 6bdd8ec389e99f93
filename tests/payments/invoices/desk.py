"""Orders that are paid and refunded, and what is issued for them, as the product makes them."""

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal

from sqlalchemy import Engine, select, text

from payments.database import in_transaction, transaction
from payments.delivery.tables import OutboxRow
from payments.documents.renderer import Renderer
from payments.invoices.issue_credit_note import issue_credit_notes
from payments.invoices.issue_invoice import issue_invoice
from payments.invoices.read_invoice import IssuedDocument, read_invoice
from payments.invoices.render_invoice import Press, render_invoice
from payments.orders.create_order import create_order
from payments.orders.totals import LineInput
from payments.orders.view import OrderView
from tests.payments.invoices.stamp import Stamp
from tests.payments.releases.till import Till
from tests.payments.shop import CIPHER, NOW, SERVICE, new_reference


def line(
    net: int, rate: str = "19", category: str | None = None, note: str | None = None
) -> LineInput:
    return LineInput("A print", 1, net, Decimal(rate), category, note)


class Desk(Till):
    """A till whose orders have lines of every kind, and that issues for them."""

    def __init__(self, engine: Engine, now: dt.datetime = NOW) -> None:
        super().__init__(engine)
        self.now = now

    def order(self, lines: Sequence[LineInput], currency: str = "EUR") -> OrderView:
        with transaction(self.engine) as session:
            return create_order(
                session,
                caller=SERVICE,
                reference=new_reference(),
                buyer_id=self.shop.buyer_id,
                seller_id=self.shop.seller_id,
                currency=currency,
                lines=lines,
                platform_fee=0,
                now=NOW,
            ).resource

    def sold(self, *lines: LineInput) -> OrderView:
        """Return an order of these lines (default: one) that was paid."""
        order = self.order(lines or (line(10_000),))
        self.charge(order)
        return order

    def issue(self, order: OrderView, now: dt.datetime | None = None) -> str | None:
        return in_transaction(
            self.engine,
            lambda session: issue_invoice(
                session, order_id=order.id, now=now or self.now, cipher=CIPHER
            ),
        )

    def credit(self, order: OrderView, now: dt.datetime | None = None) -> list[str]:
        return in_transaction(
            self.engine,
            lambda session: issue_credit_notes(
                session, order_id=order.id, now=now or self.now, cipher=CIPHER
            ),
        )

    def render(self, invoice_id: str, renderer: Renderer | None = None) -> bool:
        press = Press(renderer or Stamp(), CIPHER, lambda: self.now)
        return render_invoice(self.engine, press, invoice_id=invoice_id)

    def issued(self, order: OrderView) -> tuple[IssuedDocument, ...]:
        with transaction(self.engine) as session:
            return read_invoice(session, order_id=order.id, cipher=CIPHER)


def staged(engine: Engine, job: str) -> list[dict[str, str]]:
    with transaction(engine) as session:
        return list(session.scalars(select(OutboxRow.args).where(OutboxRow.job == job)))


def due(engine: Engine, job: str) -> list[str]:
    """Return the orders that a job has to issue for, now or later."""
    found = text("SELECT order_id FROM strongroom.documents_due WHERE job = :job ORDER BY order_id")
    with transaction(engine) as session:
        return list(session.scalars(found, {"job": job}))
