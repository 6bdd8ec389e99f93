"""A paid order has an invoice, a refund a credit note: who sees them, and that they stay."""

import datetime as dt
import hashlib
import io
import re
import secrets
from dataclasses import dataclass
from typing import Any

import facturx
import pypdf
import pytest
import requests

from sandbox.calls import TIMEOUT_S, confirm_at_stripe, created, new_order
from sandbox.card_calls import act
from sandbox.identity import issue_token
from sandbox.way_in import loopback_session
from tests.conditions import wait_until
from tests.journeys.conftest import System
from tests.payments.invoices.einvoice.business_rules import broken_rules

NUMBER = re.compile(r"S\d{4,}-\d{4}-\d{6}")
REFUND = "3500"


@dataclass(frozen=True)
class Sale:
    """An order that was paid by card, and its seller, who has a tax number."""

    system: System
    order: dict[str, Any]
    payment: dict[str, Any]
    seller: requests.Session

    def get(self, rest: str, by: requests.Session | None, **headers: str) -> requests.Response:
        """Ask for the order's documents as somebody; None has no credential at all."""
        url = f"{self.system.way_in.base_url}/api/invoices/{self.order['id']}{rest}"
        return (by or loopback_session()).get(url, headers=headers, timeout=TIMEOUT_S)

    def documents(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = created(self.get("", self.seller))["documents"]
        return found


@pytest.fixture(scope="module")
def sale(system: System) -> Sale:
    """Sell something in euros for a seller whom a tax office knows, to a buyer who pays by card."""
    cast, way_in = system.cast, system.way_in
    party = {
        "reference": f"workshop-{secrets.token_hex(16)}",
        "name": "Tischlerei Nußbaum & Töchter",
        "email": "workshop@shop.example",
        "country": "DE",
        "tax_id": "DE136695976",
    }
    url = f"{way_in.base_url}/api"
    seller = created(cast.backend.post(f"{url}/parties", json=party, timeout=TIMEOUT_S))
    wanted = new_order(cast, "EUR") | {"seller_id": seller["id"]}
    order = created(cast.backend.post(f"{url}/orders", json=wanted, timeout=TIMEOUT_S))
    checkout = {"reference": f"checkout-{order['id']}", "order_id": order["id"]}
    with system.listening() as listener:
        payment = created(
            cast.buyer.post(f"{url}/payments/intents", json=checkout, timeout=TIMEOUT_S)
        )
        confirm_at_stripe(way_in, payment, "pm_card_visa")
        system.wait_until(listener, payment, "succeeded")
    token = issue_token(
        system.home.secrets().identity_key,
        party_id=seller["id"],
        role="seller",
        now=dt.datetime.now(dt.UTC),  # noqa: TID251 - the running system's own
        lifetime_s=600,
    )
    return Sale(system, order, payment, loopback_session(token))


@pytest.fixture(scope="module")
def browser(system: System) -> requests.Session:
    """The buyer, signed in with nothing but a session's cookie."""
    signing_in = loopback_session(system.way_in.tokens["buyer"])
    created(signing_in.post(f"{system.way_in.base_url}/api/session", timeout=TIMEOUT_S))
    browser = loopback_session()
    browser.cookies.update(signing_in.cookies)
    return browser


def text_of(pdf: bytes) -> str:
    return " ".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf)).pages)


def test_the_buyer_gets_the_invoice_with_its_number_and_the_same_one_again(
    sale: Sale, browser: requests.Session
) -> None:
    first, again = (sale.get(".pdf", browser) for _ in range(2))
    assert (first.status_code, first.headers["Content-Type"]) == (200, "application/pdf")
    assert first.headers["Cache-Control"] == "no-store"
    assert first.content == again.content
    [invoice] = sale.documents()
    assert NUMBER.fullmatch(invoice["number"])
    assert invoice["amount"] == sale.order["amount"]
    assert invoice["pdf"]["sha256"] == hashlib.sha256(first.content).hexdigest()
    printed = text_of(first.content)
    assert invoice["number"] in printed
    assert "Nußbaum" in printed
    assert sale.get(f"/{invoice['number']}.pdf", sale.seller).content == first.content


def test_the_einvoice_is_valid_and_lies_in_the_pdf_too(sale: Sale) -> None:
    pdf, xml = (sale.get(name, sale.seller) for name in (".pdf", ".xml"))
    assert xml.ok, xml.text
    facturx.xml_check_xsd(xml.content, flavor="factur-x", level="en16931")
    assert broken_rules(xml.content) == []
    found = facturx.get_facturx_xml_from_pdf(pdf.content, check_schematron=False)
    assert found[1] == xml.content
    [invoice] = sale.documents()
    assert invoice["number"].encode() in xml.content


def test_staff_say_why_and_strangers_find_nothing(sale: Sale) -> None:
    keys = sale.system.way_in.api_keys
    support, finance = loopback_session(keys["support"]), loopback_session(keys["finance"])
    refused = sale.get(".pdf", support)
    assert (refused.status_code, refused.json()["code"]) == (400, "reason_required")
    reason = {"X-Access-Reason": "The buyer asks for a copy: ticket 4711."}
    assert sale.get(".pdf", support, **reason).ok
    assert sale.get(".xml", finance, **reason).ok
    other, operator = sale.system.cast.other_buyer, loopback_session(keys["operator"])
    for stranger in (other, operator):
        for rest in ("", ".pdf", ".xml"):
            answer = sale.get(rest, stranger, **reason)
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), rest
    assert sale.get(".pdf", None).status_code == 401


def test_a_signed_link_needs_no_credential_and_opens_nothing_else(sale: Sale) -> None:
    system = sale.system
    url = f"{system.way_in.base_url}/api/invoices/{sale.order['id']}/links"
    link = created(system.cast.buyer.post(url, json={}, timeout=TIMEOUT_S))
    anybody = loopback_session()
    opened = anybody.get(f"{system.way_in.base_url}{link['url']}", timeout=TIMEOUT_S)
    assert opened.content == sale.get(".pdf", system.cast.buyer).content
    assert opened.headers["Cache-Control"] == "no-store"
    other = system.order()
    path = f"{system.way_in.base_url}/api/invoices/{other['id']}.pdf?link={link['link']}"
    assert anybody.get(path, timeout=TIMEOUT_S).status_code == 404
    broken = f"{system.way_in.base_url}{link['url']}"[:-3] + "AAA"
    assert anybody.get(broken, timeout=TIMEOUT_S).status_code in (401, 404)


def test_a_part_refund_has_a_credit_note_and_the_invoice_stays(sale: Sale) -> None:
    system = sale.system
    before = sale.get(".pdf", sale.seller).content
    created(act(system.way_in, system.cast, sale.payment, "refunds", amount=REFUND))

    def is_credited() -> bool:
        notes = sale.documents()[1:]
        return bool(notes) and all(note["rendering"] == "ready" for note in notes)

    wait_until(is_credited, timeout_s=40)
    invoice, credit = sale.documents()
    assert (credit["kind"], credit["amount"]) == ("credit_note", REFUND)
    assert credit["corrects"] == invoice["number"]
    assert credit["number"].split("-")[0] == invoice["number"].split("-")[0] + "C"
    pdf, xml = (
        sale.get(f"/{credit['number']}.{name}", system.cast.buyer) for name in ("pdf", "xml")
    )
    assert credit["number"] in text_of(pdf.content)
    assert invoice["number"] in text_of(pdf.content)
    facturx.xml_check_xsd(xml.content, flavor="factur-x", level="en16931")
    assert broken_rules(xml.content) == []
    assert sale.get(".pdf", sale.seller).content == before
