"""Invoices: issued once when an order is paid, with the next number, and never changed."""

import datetime as dt

import pytest
from sqlalchemy import Engine, text, update
from sqlalchemy.exc import DBAPIError

from payments.database import transaction
from payments.invoices.read_invoice import AlteredError
from payments.invoices.tables import Invoice
from payments.lifecycle.write_changes import ISSUE_INVOICE
from payments.parties.tables import Party
from tests.payments.invoices.desk import Desk, due, line, staged
from tests.payments.shop import CIPHER, NOW


def test_a_paid_order_has_its_invoice_due_and_the_job_woken(desk: Desk) -> None:
    order = desk.sold()
    assert order.id in due(desk.engine, ISSUE_INVOICE)
    assert {} in staged(desk.engine, ISSUE_INVOICE)


def test_it_is_issued_once_with_the_next_number(desk: Desk) -> None:
    first, second = desk.sold(), desk.sold()
    assert desk.issue(first) is not None
    assert desk.issue(second) is not None
    assert desk.issue(first) is None
    [one], [two] = desk.issued(first), desk.issued(second)
    assert one.number.endswith("-2026-000001")
    assert two.number.endswith("-2026-000002")
    assert one.number[:5] == two.number[:5]
    assert (one.amount, one.tax_amount) == (first.amount, first.tax_amount)


def test_an_unpaid_order_has_none(desk: Desk) -> None:
    order = desk.order([line(10_000)])
    assert desk.issue(order) is None
    assert desk.issued(order) == ()


def test_it_says_what_was_true_when_it_was_issued(desk: Desk) -> None:
    order = desk.sold(line(10_000), line(2_000, "7"))
    desk.issue(order)
    with transaction(desk.engine) as session:
        name = CIPHER.encrypt(
            "Another Name", table="parties", column="name_encrypted", row_id=order.buyer_id
        )
        session.execute(update(Party).where(Party.id == order.buyer_id).values(name_encrypted=name))
    [issued] = desk.issued(order)
    document = issued.document
    assert document.buyer.name == "Ada Buyer"
    assert [(s.category, str(s.rate), s.net, s.tax) for s in document.taxes] == [
        ("standard", "19", 10_000, 1_900),
        ("standard", "7", 2_000, 140),
    ]
    assert (document.paid, document.due) == (order.amount, 0)
    assert [payment.rail for payment in document.payments] == ["card"]


def test_numbers_begin_anew_each_year_of_utc(desk: Desk) -> None:
    new_year = dt.datetime(2027, 1, 1, tzinfo=dt.UTC)
    numbers = []
    for at in (new_year - dt.timedelta(seconds=1), new_year, new_year):
        order = desk.sold()
        desk.issue(order, now=at)
        numbers.append(desk.issued(order)[0].number[6:])
    assert numbers == ["2026-000001", "2027-000001", "2027-000002"]


def test_a_later_number_never_has_an_earlier_moment(desk: Desk) -> None:
    first, second = desk.sold(), desk.sold()
    desk.issue(first, now=NOW)
    desk.issue(second, now=NOW - dt.timedelta(seconds=3))
    assert desk.issued(second)[0].issued_at == NOW


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE strongroom.invoices SET number_text = 'X' WHERE id = :id",
        "UPDATE strongroom.invoices SET amount = 1 WHERE id = :id",
        "DELETE FROM strongroom.invoices WHERE id = :id",
        "TRUNCATE strongroom.invoices CASCADE",
    ],
)
def test_nobody_changes_or_deletes_it(
    desk: Desk, owner_engine: Engine, engine: Engine, statement: str
) -> None:
    order = desk.sold()
    invoice_id = desk.issue(order)
    for one in (owner_engine, engine):
        with pytest.raises(DBAPIError), one.begin() as connection:
            connection.execute(text(statement), {"id": invoice_id})
    assert len(desk.issued(order)) == 1


def test_content_of_another_invoice_is_noticed(desk: Desk) -> None:
    order, other = desk.sold(), desk.sold()
    invoice_id, other_id = desk.issue(order), desk.issue(other)
    assert invoice_id is not None
    said = desk.issued(other)[0].document.to_json()
    field = {"table": "invoices", "column": "content_encrypted", "row_id": invoice_id}
    with transaction(desk.engine) as session:
        session.execute(
            update(Invoice)
            .where(Invoice.id == invoice_id)
            .values(content_encrypted=CIPHER.encrypt(said, **field))
        )
    assert other_id is not None
    with pytest.raises(AlteredError):
        desk.issued(order)
