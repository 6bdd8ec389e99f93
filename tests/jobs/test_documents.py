"""The jobs that issue and render: an order is paid, and its invoice is there to be fetched."""

import dataclasses
import datetime as dt
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from jobs import press
from jobs.context import JobContext, connect_context
from jobs.registry import find_job
from payments.database import transaction
from payments.delivery.tables import OutboxRow
from payments.invoices.issue_invoice import RENDER_ALL, have_rendered
from payments.invoices.numbering import take_number
from payments.invoices.pro_forma import read_pro_forma
from payments.invoices.read_invoice import read_file
from payments.invoices.want_document import RENDER_ONE, want_document
from payments.lifecycle.write_changes import ISSUE_CREDIT_NOTE, ISSUE_INVOICE
from tests.conditions import wait_until
from tests.jobs.environment import make_settings, owner_of
from tests.payments.invoices.desk import Desk, due, line, staged
from tests.payments.invoices.stamp import Stamp
from tests.payments.shop import CIPHER, NOW


@pytest.fixture
def context(
    fresh_database_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[JobContext]:
    settings = make_settings(database_url=fresh_database_url, redis_url=redis_url)
    made = connect_context(settings)
    monkeypatch.setattr(press, "_renderer", Stamp)
    yield dataclasses.replace(made, cipher=CIPHER, clock=lambda: NOW)
    made.engine.dispose()
    made.bell.close()


def run(context: JobContext, job: str, args: Mapping[str, str] | None = None) -> int:
    done, *_failed = find_job(job).run(context, args or {}).values()
    return done


def test_a_paid_order_becomes_a_stored_pdf(context: JobContext) -> None:
    desk = Desk(owner_of(context.engine))
    order = desk.sold(line(10_000))
    assert staged(context.engine, ISSUE_INVOICE) == [{}]
    assert run(context, ISSUE_INVOICE) == 1
    assert run(context, ISSUE_INVOICE) == 0
    assert staged(context.engine, RENDER_ALL) == [{}]
    assert run(context, RENDER_ALL) == 1
    assert run(context, RENDER_ALL) == 0
    [issued] = desk.issued(order)
    assert (issued.rendering, issued.files["pdf"].renderer) == ("ready", "stamp 1")
    with transaction(context.engine) as session:
        pdf = read_file(session, invoice_id=issued.id, format_name="pdf", cipher=CIPHER)
    assert pdf is not None
    assert pdf.startswith(f"%PDF-1.4 Invoice {issued.number} ".encode())


def test_the_sweeps_find_what_lacks(context: JobContext) -> None:
    desk = Desk(owner_of(context.engine))
    paid, refunded, twice = desk.sold(), desk.sold(), desk.sold()
    desk.issue(refunded)
    desk.refund(refunded, 500)
    first, second = desk.payment_of(twice), desk.charge(twice)
    desk.payments[twice.id] = second
    desk.refund(twice, twice.amount)
    desk.payments[twice.id] = first
    assert run(context, ISSUE_INVOICE) == 2
    assert run(context, ISSUE_CREDIT_NOTE) == 1
    later = dataclasses.replace(context, clock=lambda: NOW + dt.timedelta(hours=3))
    for job in (ISSUE_INVOICE, ISSUE_CREDIT_NOTE):
        assert due(context.engine, job) == []
        assert run(later, job) == 0
    assert [one.kind for one in desk.issued(refunded)] == ["invoice", "credit_note"]
    assert [one.kind for one in desk.issued(twice)] == ["invoice"]
    assert len(desk.issued(paid)) == 1


def test_a_refund_that_is_told_before_its_order_is_issued_after_it(context: JobContext) -> None:
    desk = Desk(owner_of(context.engine))
    order = desk.sold()
    desk.refund(order, 500)
    assert run(context, ISSUE_CREDIT_NOTE, {"order_id": order.id}) == 1
    assert [one.kind for one in desk.issued(order)] == ["invoice", "credit_note"]


def test_who_has_staged_a_rendering_waits_for_no_number(context: JobContext) -> None:
    desk = Desk(owner_of(context.engine))
    desk.issue(desk.sold())  # opens the seller's series
    order = desk.sold()
    desk.refund(order, 500)
    with ThreadPoolExecutor(1) as pool:
        with Session(context.engine) as other:  # in the midst of a credit note of the same seller
            take_number(other, seller_id=desk.seller_id, kind="credit_note", now=NOW)
            running = pool.submit(run, context, ISSUE_CREDIT_NOTE, {"order_id": order.id})
            wait_until(lambda: bool(desk.issued(order)), timeout_s=4)
            have_rendered(other, now=NOW)
        assert running.result() == 1
    assert [one.kind for one in desk.issued(order)] == ["invoice", "credit_note"]


def wanted(context: JobContext, order_id: str) -> list[tuple[str, dict[str, str]]]:
    """Return what looking at an order's document staged."""
    with transaction(context.engine) as session:
        session.execute(delete(OutboxRow))
        for _ in range(3):
            want_document(session, order_id=order_id, now=context.clock())
        rows = session.execute(select(OutboxRow.job, OutboxRow.args).order_by(OutboxRow.id))
        return [(row.job, row.args) for row in rows]


def test_who_looks_has_made_what_lacks_once(context: JobContext) -> None:
    desk = Desk(owner_of(context.engine))
    order = desk.order([line(10_000)])
    assert wanted(context, order.id) == [(RENDER_ONE, {"order_id": order.id})]
    desk.charge(order)
    assert wanted(context, order.id) == [(ISSUE_INVOICE, {"order_id": order.id})]
    assert run(context, ISSUE_INVOICE, {"order_id": order.id}) == 1
    [issued] = desk.issued(order)
    assert wanted(context, order.id) == [(RENDER_ONE, {"invoice_id": issued.id})]
    assert run(context, RENDER_ONE, {"invoice_id": issued.id}) == 1
    assert wanted(context, order.id) == []
    assert wanted(context, "ord_unknown") == []


def test_a_pro_forma_is_made_anew_when_it_is_old(context: JobContext) -> None:
    desk = Desk(owner_of(context.engine))
    order = desk.order([line(10_000)])

    def look(at: dt.datetime) -> bytes | None:
        with transaction(context.engine) as session:
            return read_pro_forma(session, order_id=order.id, now=at, cipher=CIPHER)

    assert look(NOW) is None
    assert run(context, RENDER_ONE, {"order_id": order.id}) == 1
    assert run(context, RENDER_ONE, {"order_id": order.id}) == 0
    assert (look(NOW) or b"").startswith(f"%PDF-1.4 Pro forma invoice of order {order.id}".encode())
    assert wanted(context, order.id) == []
    later = NOW + dt.timedelta(hours=1)
    assert look(later) is None
    old = dataclasses.replace(context, clock=lambda: later)
    assert wanted(old, order.id) == [(RENDER_ONE, {"order_id": order.id})]
    assert run(old, RENDER_ONE, {"order_id": order.id}) == 1
    desk.charge(order)
    assert run(old, RENDER_ONE, {"order_id": order.id}) == 0
    assert desk.issued(order) == ()
