"""The jobs that issue and render: an order is paid, and its invoice is there to be fetched."""

import dataclasses
from collections.abc import Iterator, Mapping

import pytest

from jobs import render_invoice as rendering
from jobs.context import JobContext, connect_context
from jobs.registry import find_job
from payments.database import transaction
from payments.invoices.issue_invoice import RENDER_ALL
from payments.invoices.read_invoice import read_file
from payments.lifecycle.write_changes import ISSUE_INVOICE
from tests.jobs.environment import make_settings
from tests.payments.invoices.desk import Desk, line, staged
from tests.payments.shop import CIPHER, NOW


class Stamp:
    """A renderer that stamps the page instead of drawing it."""

    name = "stamp 1"

    def render(self, html: str, *, title: str) -> bytes:
        return f"%PDF-1.4 {title} {len(html)}".encode()


@pytest.fixture
def context(
    fresh_database_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[JobContext]:
    settings = make_settings(database_url=fresh_database_url, redis_url=redis_url)
    made = connect_context(settings)
    monkeypatch.setattr(rendering, "_renderer", Stamp)
    yield dataclasses.replace(made, cipher=CIPHER, clock=lambda: NOW)
    made.engine.dispose()
    made.bell.close()


def run(context: JobContext, job: str, args: Mapping[str, str] | None = None) -> int:
    [figure] = find_job(job).run(context, args or {}).values()
    return figure


def test_a_paid_order_becomes_a_stored_pdf(context: JobContext) -> None:
    desk = Desk(context.engine)
    order = desk.sold(line(10_000))
    [args] = staged(context.engine, ISSUE_INVOICE)
    assert run(context, ISSUE_INVOICE, args) == 1
    assert run(context, ISSUE_INVOICE, args) == 0
    assert staged(context.engine, RENDER_ALL) == [{}]
    assert run(context, RENDER_ALL) == 1
    assert run(context, RENDER_ALL) == 0
    [issued] = desk.issued(order)
    assert (issued.rendering, issued.files["pdf"].renderer) == ("ready", "stamp 1")
    with transaction(context.engine) as session:
        pdf = read_file(session, invoice_id=issued.id, format_name="pdf", cipher=CIPHER)
    assert pdf is not None
    assert pdf.startswith(f"%PDF-1.4 Invoice {issued.number} ".encode())
