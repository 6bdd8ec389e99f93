"""Documents over HTTP: what is served, how long one waits for it, and what is told otherwise."""

import hashlib
import io
import threading

import facturx
import pypdf
import pytest
from flask import Flask
from flask.testing import FlaskClient

from payments.access.caller import Role
from tests.web.conftest import Headers, KeyOf, TokenOf
from tests.web.invoice_counter import Counter, counter, settings
from web.routes import invoices as routes

__all__ = ["counter", "settings"]


@pytest.fixture
def service(key_of: KeyOf) -> Headers:
    return key_of(Role.SERVICE)


def test_a_paid_order_has_an_invoice_that_is_the_same_for_ever(
    client: FlaskClient, counter: Counter, service: Headers
) -> None:
    order = counter.invoiced()
    first, again = (client.get(f"/api/invoices/{order.id}.pdf", headers=service) for _ in range(2))
    assert first.status_code == 200, first.text
    assert first.content_type == "application/pdf"
    assert first.headers["Cache-Control"] == "no-store"
    number = counter.issued(order)[0].number
    assert first.headers["Content-Disposition"] == f'inline; filename="{number}.pdf"'
    assert first.data == again.data
    assert len(pypdf.PdfReader(io.BytesIO(first.data)).pages) == 1
    listed = client.get(f"/api/invoices/{order.id}", headers=service).get_json()
    assert listed["documents"][0]["pdf"]["sha256"] == hashlib.sha256(first.data).hexdigest()
    same = client.get(f"/api/invoices/{order.id}/{number}.pdf", headers=service)
    assert same.data == first.data


def test_it_is_an_einvoice_too_alone_and_within_the_pdf(
    client: FlaskClient, counter: Counter, service: Headers
) -> None:
    order = counter.invoiced()
    xml = client.get(f"/api/invoices/{order.id}.xml", headers=service)
    assert (xml.status_code, xml.content_type) == (200, "application/xml; charset=utf-8")
    assert xml.headers["Content-Disposition"].endswith('.xml"')
    pdf = client.get(f"/api/invoices/{order.id}.pdf", headers=service).data
    assert facturx.get_facturx_xml_from_pdf(pdf, check_schematron=False)[1] == xml.data


def test_what_lacks_for_an_einvoice_is_named(
    client: FlaskClient, counter: Counter, service: Headers
) -> None:
    order = counter.invoiced(seller={"tax_id": None})
    refused = client.get(f"/api/invoices/{order.id}.xml", headers=service)
    assert (refused.status_code, refused.get_json()["code"]) == (404, "einvoice_not_available")
    assert refused.get_json()["detail"] == "The seller has no tax number."
    [listed] = client.get(f"/api/invoices/{order.id}", headers=service).get_json()["documents"]
    assert (listed["xml"], listed["no_einvoice"]) == (None, ["The seller has no tax number."])


def test_a_credit_note_is_listed_and_served_by_its_number(
    client: FlaskClient, counter: Counter, service: Headers
) -> None:
    order = counter.invoiced()
    counter.refunded(order, 1_190)
    listed = client.get(f"/api/invoices/{order.id}", headers=service).get_json()
    invoice, credit = listed["documents"]
    assert listed["status"] == "issued"
    assert (invoice["kind"], credit["kind"]) == ("invoice", "credit_note")
    assert (credit["amount"], credit["tax_amount"]) == ("1190", "190")
    assert credit["corrects"] == invoice["number"]
    path = f"/api/invoices/{order.id}/{credit['number']}"
    pdf, xml = (client.get(f"{path}.{name}", headers=service) for name in ("pdf", "xml"))
    assert hashlib.sha256(pdf.data).hexdigest() == credit["pdf"]["sha256"]
    assert b"<ram:TypeCode>381</ram:TypeCode>" in xml.data


def test_a_number_of_another_order_leads_nowhere(
    client: FlaskClient, counter: Counter, service: Headers
) -> None:
    mine, other = counter.invoiced(), counter.invoiced()
    number = counter.issued(other)[0].number
    for name in ("pdf", "xml"):
        answer = client.get(f"/api/invoices/{mine.id}/{number}.{name}", headers=service)
        assert (answer.status_code, answer.get_json()["code"]) == (404, "not_found")


def test_an_unpaid_order_has_a_pro_forma_and_no_einvoice(
    client: FlaskClient, counter: Counter, service: Headers
) -> None:
    order = counter.unpaid()
    path = f"/api/invoices/{order.id}"
    early = client.get(f"{path}.pdf", headers=service | {"Prefer": "wait=0"})
    assert (early.status_code, early.get_json()["code"]) == (503, "invoice_not_ready")
    assert int(early.headers["Retry-After"]) > 0
    counter.make_wanted(order)
    found = client.get(f"{path}.pdf", headers=service)
    assert found.status_code == 200
    assert found.headers["Content-Disposition"] == f'inline; filename="pro-forma-{order.id}.pdf"'
    refused = client.get(f"{path}.xml", headers=service)
    assert (refused.status_code, refused.get_json()["code"]) == (404, "einvoice_not_available")
    assert client.get(path, headers=service).get_json()["status"] == "pro_forma"


def test_who_waits_gets_the_file_as_soon_as_it_is_made(
    app: Flask, counter: Counter, service: Headers
) -> None:
    order, found = counter.sold(), []

    def wait() -> None:
        answer = app.test_client().get(f"/api/invoices/{order.id}.pdf", headers=service)
        found.append((answer.status_code, answer.content_type))

    waiting = threading.Thread(target=wait)
    waiting.start()
    counter.wait_until_somebody_waits()
    counter.make_wanted(order)
    waiting.join(timeout=routes.LONGEST_WAIT_S)
    assert found == [(200, "application/pdf")]


def test_when_many_wait_the_next_is_asked_to_come_again(
    client: FlaskClient, counter: Counter, service: Headers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "_seats", threading.BoundedSemaphore(1))
    routes._seats.acquire()
    answer = client.get(f"/api/invoices/{counter.sold().id}.pdf", headers=service)
    assert (answer.status_code, answer.get_json()["code"]) == (503, "invoice_not_ready")


def test_an_altered_file_is_not_served(
    client: FlaskClient, counter: Counter, service: Headers
) -> None:
    order, other = counter.invoiced(), counter.invoiced()
    counter.swap_files(order, other)
    answer = client.get(f"/api/invoices/{order.id}.pdf", headers=service)
    assert (answer.status_code, answer.get_json()["code"]) == (500, "internal")


def test_an_order_that_does_not_exist_is_404(client: FlaskClient, token_of: TokenOf) -> None:
    for path in ("ord_0", "ord_0.pdf", "ord_0.xml", "ord_0/S0001-2026-000001.pdf"):
        answer = client.get(f"/api/invoices/{path}", headers=token_of("pty_0"))
        assert (answer.status_code, answer.get_json()["code"]) == (404, "not_found")
