"""Orders and their lines; totals are computed once, when the order is made."""

import datetime as dt
from decimal import Decimal

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship

from payments.database import Base, MinorUnits


class Order(Base):
    """What a buyer owes a seller; amounts in minor units of `currency`."""

    __tablename__ = "orders"

    id: Mapped[str] = mapped_column(primary_key=True)
    buyer_id: Mapped[str] = mapped_column(ForeignKey("strongroom.parties.id"))
    seller_id: Mapped[str] = mapped_column(ForeignKey("strongroom.parties.id"))
    currency: Mapped[str]
    amount: Mapped[int] = mapped_column(MinorUnits)
    tax_amount: Mapped[int] = mapped_column(MinorUnits)
    platform_fee: Mapped[int] = mapped_column(MinorUnits)
    status: Mapped[str]
    created_at: Mapped[dt.datetime]
    updated_at: Mapped[dt.datetime]
    lines: Mapped[list["OrderLine"]] = relationship(order_by="OrderLine.line", lazy="selectin")


class OrderLine(Base):
    """One line; `tax_rate` in percent, `unit_amount` without tax, `tax_note` why it is exempt."""

    __tablename__ = "order_lines"

    order_id: Mapped[str] = mapped_column(ForeignKey("strongroom.orders.id"), primary_key=True)
    line: Mapped[int] = mapped_column(primary_key=True)
    description: Mapped[str]
    quantity: Mapped[int]
    unit_amount: Mapped[int] = mapped_column(MinorUnits)
    tax_rate: Mapped[Decimal]
    tax_category: Mapped[str]
    tax_note: Mapped[str | None]
