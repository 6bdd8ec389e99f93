"""Numbers have no gap and no double: many issue at once, and some die between the steps."""

import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments.database import transaction
from payments.invoices.numbering import take_number
from payments.invoices.tables import Invoice
from payments.orders.tables import Order
from tests.architecture.sources import ROOT, crash_points
from tests.payments.invoices.desk import Desk
from tests.payments.shop import KEYSET, NOW

ISSUERS = 12
ORDERS = 60
ISSUING = ("invoice.numbered", "invoice.inserted")
RENDERING = ("invoice.read", "invoice.drawn")


def numbers_of(desk: Desk) -> list[int]:
    found = (
        select(Invoice.number)
        .join(Order, Order.id == Invoice.order_id)
        .where(Order.seller_id == desk.seller_id, Invoice.kind == "invoice")
        .order_by(Invoice.number)
    )
    with transaction(desk.engine) as session:
        return list(session.scalars(found))


def test_many_issuers_leave_no_gap_and_no_double(desk: Desk) -> None:
    """Every order is issued by three at once; the first invoice of the series is among them."""
    orders = [desk.sold() for _ in range(ORDERS)]
    start = threading.Barrier(ISSUERS)

    def issue(worker: int) -> int:
        start.wait(timeout=30)
        mine = [orders[(worker * 5 + n) % ORDERS] for n in range(ORDERS * 3 // ISSUERS)]
        return sum(desk.issue(order) is not None for order in mine)

    with ThreadPoolExecutor(ISSUERS) as pool:
        issued = sum(pool.map(issue, range(ISSUERS)))
    with ThreadPoolExecutor(ISSUERS) as pool:
        issued += sum(one is not None for one in pool.map(desk.issue, orders))
    assert issued == ORDERS
    assert numbers_of(desk) == list(range(1, ORDERS + 1))
    desk.assert_sound()


def test_what_is_rolled_back_gives_its_number_back(desk: Desk) -> None:
    with Session(desk.engine) as session:
        taken = take_number(session, seller_id=desk.seller_id, kind="invoice", now=NOW)
        session.rollback()
    assert taken.number == 1
    desk.issue(desk.sold())
    assert numbers_of(desk) == [1]


@pytest.mark.parametrize("point", ISSUING)
def test_killed_between_the_steps_it_leaves_no_gap(
    desk: Desk, database_url: str, tmp_path: Path, point: str
) -> None:
    desk.issue(desk.sold())
    order = desk.sold()
    die(database_url, tmp_path, point, "issue", order.id)
    assert desk.issued(order) == ()
    desk.issue(desk.sold())
    assert desk.issue(order) is not None
    assert numbers_of(desk) == [1, 2, 3]
    desk.assert_sound()


def test_killed_between_two_credit_notes_neither_is_issued(
    desk: Desk, database_url: str, tmp_path: Path
) -> None:
    order = desk.sold()
    desk.issue(order)
    for amount in (1_000, 2_000):
        desk.refund(order, amount)
    die(database_url, tmp_path, "invoice.inserted", "credit", order.id)
    assert [one.kind for one in desk.issued(order)] == ["invoice"]
    assert len(desk.credit(order)) == 2
    assert sorted(one.amount for one in desk.issued(order)[1:]) == [1_000, 2_000]
    desk.assert_sound()


@pytest.mark.parametrize("point", RENDERING)
def test_killed_while_it_renders_it_is_rendered_again(
    desk: Desk, database_url: str, tmp_path: Path, point: str
) -> None:
    order = desk.sold()
    invoice_id = desk.issue(order)
    assert invoice_id is not None
    die(database_url, tmp_path, point, "render", invoice_id)
    [issued] = desk.issued(order)
    assert (issued.rendering, issued.files) == ("waiting", {})
    assert desk.render(invoice_id)
    desk.assert_sound()


def test_every_point_of_invoices_is_tried() -> None:
    assert crash_points("invoice") == {*ISSUING, *RENDERING}


def die(database_url: str, folder: Path, point: str, what: str, subject: str) -> None:
    file = folder / "crash"
    file.write_text(point, encoding="utf-8")
    ended = subprocess.run(
        [sys.executable, "-m", "tests.payments.invoices.dying", database_url, file, what, subject],
        cwd=ROOT,
        input=KEYSET.encode(),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()
