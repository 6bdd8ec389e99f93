"""Who sees the documents of an order, who does not, and what is kept of it."""

import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from payments.access.caller import PERSON_ROLES, STAFF_ROLES, Role
from payments.database import transaction
from payments.invoices.access_table import InvoiceAccess
from payments.invoices.links import GOOD_FOR
from payments.orders.view import OrderView
from tests.web.conftest import Headers, KeyOf, TokenOf
from tests.web.invoice_counter import BUYER, SELLER, Counter, counter, settings
from web.parts import parts_of

__all__ = ["counter", "settings"]

SAY_WHY = (Role.FINANCE, Role.SUPPORT, Role.ADMIN)
WHY = {"X-Access-Reason": "Ticket 4711: the buyer asks for a copy"}

Paths = Callable[[OrderView], list[str]]


@pytest.fixture
def paths(counter: Counter) -> Paths:
    """Every address of an order's documents."""

    def of(order: OrderView) -> list[str]:
        start = f"/api/invoices/{order.id}"
        number = counter.issued(order)[0].number
        ends = ("", ".pdf", ".xml", f"/{number}.pdf", f"/{number}.xml")
        return [start + end for end in ends]

    return of


def accesses(counter: Counter, order: OrderView) -> list[InvoiceAccess]:
    with transaction(counter.engine) as session:
        found = select(InvoiceAccess).where(InvoiceAccess.order_id == order.id)
        return list(session.scalars(found.order_by(InvoiceAccess.id)))


def said(answer: TestResponse) -> tuple[int, str]:
    return answer.status_code, answer.get_json()["code"]


# ---- who ---------------------------------------------------------------------------------------


def test_buyer_and_seller_of_the_order_see_all_of_it(
    client: FlaskClient, counter: Counter, token_of: TokenOf, paths: Paths
) -> None:
    order = counter.invoiced()
    for party, role in ((order.buyer_id, Role.BUYER), (order.seller_id, Role.SELLER)):
        for path in paths(order):
            answer = client.get(path, headers=token_of(party, role))
            assert answer.status_code == 200, (path, role)
            assert answer.headers["Cache-Control"] == "no-store"
    [first, *_] = accesses(counter, order)
    assert (first.principal, first.role, first.way) == (f"party:{order.buyer_id}", "buyer", "token")
    assert first.reason is None


@pytest.mark.parametrize("role", sorted(PERSON_ROLES))
def test_for_every_stranger_there_is_nothing(
    client: FlaskClient, counter: Counter, token_of: TokenOf, paths: Paths, role: Role
) -> None:
    order, other = counter.invoiced(), counter.invoiced()
    missing = client.get("/api/invoices/ord_0", headers=token_of(other.buyer_id)).get_json()
    for party in (other.buyer_id, other.seller_id, "pty_0"):
        for path in paths(order):
            answer = client.get(path, headers=token_of(party, role) | WHY)
            assert said(answer) == (404, "not_found"), (path, party)
            assert answer.get_json()["detail"] == missing["detail"]
            assert answer.headers["Cache-Control"] == "no-store"
        link = client.post(f"{paths(order)[0]}/links", json={}, headers=token_of(party, role))
        assert said(link) == (404, "not_found")
    assert accesses(counter, order) == []


@pytest.mark.parametrize("role", SAY_WHY)
def test_staff_see_it_for_a_reason_that_is_kept(
    client: FlaskClient, counter: Counter, key_of: KeyOf, paths: Paths, role: Role
) -> None:
    order, headers = counter.invoiced(), key_of(role)
    for path in paths(order):
        assert said(client.get(path, headers=headers)) == (400, "reason_required")
        assert said(client.get(path, headers=headers | {"X-Access-Reason": " "})) == (
            400,
            "reason_required",
        )
    assert accesses(counter, order) == []
    for path in paths(order):
        assert client.get(path, headers=headers | WHY).status_code == 200
        assert client.get(f"{path}?reason=Audit%20of%20Q3", headers=headers).status_code == 200
    kept = accesses(counter, order)
    assert {access.reason for access in kept} == {*WHY.values(), "Audit of Q3"}
    assert {(access.role, access.way) for access in kept} == {(role.value, "key")}
    invoice_id = counter.issued(order)[0].id
    assert [access.invoice_id for access in kept] == [None] * 2 + [invoice_id] * 8


def test_no_letter_of_a_reason_is_lost_in_its_header(
    client: FlaskClient, counter: Counter, key_of: KeyOf, paths: Paths
) -> None:
    order, headers = counter.invoiced(), key_of(Role.SUPPORT)
    why = {"X-Access-Reason": "UTF-8''%D0%93%D0%B4%D0%B5%3F%20%F0%9F%92%B6"}
    assert client.get(paths(order)[0], headers=headers | why).status_code == 200
    assert [access.reason for access in accesses(counter, order)] == ["Где? 💶"]
    for wrong in ("UTF-8''%FF", "UTF-8''a b", "UTF-8''a%0Ab", "UTF-8''%E7%A5"):
        answer = client.get(paths(order)[0], headers=headers | {"X-Access-Reason": wrong})
        assert said(answer) == (400, "validation"), wrong
        assert list(answer.get_json()["errors"]) == ["X-Access-Reason"]
    card = "UTF-8''%34242%20%34242%204242%204242"
    answer = client.get(paths(order)[0], headers=headers | {"X-Access-Reason": card})
    assert "card number" in answer.get_json()["errors"]["reason"][0]


@pytest.mark.parametrize("role", sorted(STAFF_ROLES))
def test_staff_with_a_token_are_held_to_the_same(
    client: FlaskClient, counter: Counter, token_of: TokenOf, role: Role
) -> None:
    order = counter.invoiced()
    path, headers = f"/api/invoices/{order.id}.pdf", token_of("pty_staff1", role)
    if role is Role.OPERATOR:
        assert said(client.get(path, headers=headers | WHY)) == (404, "not_found")
    else:
        assert said(client.get(path, headers=headers)) == (400, "reason_required")
        assert client.get(path, headers=headers | WHY).status_code == 200
        assert [access.way for access in accesses(counter, order)] == ["token"]


def test_operators_run_the_system_and_see_no_invoice(
    client: FlaskClient, counter: Counter, key_of: KeyOf, paths: Paths
) -> None:
    order = counter.invoiced()
    for path in paths(order):
        answer = client.get(path, headers=key_of(Role.OPERATOR) | WHY)
        assert said(answer) == (404, "not_found")


def test_a_key_of_the_backend_needs_the_scope_and_no_reason(
    client: FlaskClient, counter: Counter, key_of: KeyOf, paths: Paths
) -> None:
    order = counter.invoiced()
    for path in paths(order):
        narrow = client.get(path, headers=key_of(Role.SERVICE, scopes=("orders.read",)))
        assert said(narrow) == (403, "scope_missing")
        scoped = client.get(path, headers=key_of(Role.SERVICE, scopes=("invoices.read",)))
        assert scoped.status_code == 200
        assert client.get(path, headers=key_of(Role.SERVICE)).status_code == 200


def test_nobody_sees_anything_without_a_credential(
    client: FlaskClient, counter: Counter, paths: Paths
) -> None:
    for path in paths(counter.invoiced()):
        assert said(client.get(path)) == (401, "unauthorized")


def test_a_browser_sees_it_in_its_session(
    client: FlaskClient, counter: Counter, token_of: TokenOf
) -> None:
    order = counter.invoiced()
    signed_in = client.post("/api/session", headers=token_of(order.buyer_id))
    assert signed_in.status_code == 201
    assert client.get(f"/api/invoices/{order.id}.pdf").status_code == 200
    assert [access.way for access in accesses(counter, order)] == ["session"]
    assert said(client.get(f"/api/invoices/{counter.invoiced().id}.pdf")) == (404, "not_found")


@pytest.mark.parametrize("reason", ["ab", "x" * 501, "line\u2028break", "4242 4242 4242 4242"])
def test_a_reason_that_says_nothing_or_too_much_is_refused(
    client: FlaskClient, counter: Counter, key_of: KeyOf, reason: str
) -> None:
    order = counter.invoiced()
    answer = client.get(
        f"/api/invoices/{order.id}.pdf",
        query_string={"reason": reason},
        headers=key_of(Role.SUPPORT),
    )
    assert said(answer) == (400, "validation")
    assert answer.get_json()["errors"].keys() == {"reason"}


def test_logs_tell_of_the_access_and_nothing_of_the_people(
    client: FlaskClient,
    counter: Counter,
    key_of: KeyOf,
    paths: Paths,
    capsys: pytest.CaptureFixture[str],
) -> None:
    order, headers = counter.invoiced(), key_of(Role.FINANCE) | WHY
    listed = paths(order)
    capsys.readouterr()
    for path in listed:
        client.get(path, headers=headers)
    link = client.post(f"{listed[0]}/links", json={}, headers=headers).get_json()
    client.get(link["url"])
    out = capsys.readouterr().out
    seen = [line for line in map(json.loads, out.splitlines()) if line["event"] == "invoice_seen"]
    assert len(seen) == len(listed) + 2
    assert not set(WHY.values()) & set(map(str, seen[0].values()))  # text stays in the database
    assert {line["order_id"] for line in seen} == {order.id}
    assert link["link"] not in out
    for party in (BUYER, SELLER):
        for text in filter(None, party.values()):
            assert text not in out or len(text) == 2  # a country is no secret


# ---- links -------------------------------------------------------------------------------------


@pytest.fixture
def anonymous(app: Flask) -> FlaskClient:
    return app.test_client()


def make_link(client: FlaskClient, order: OrderView, headers: Headers, **body: Any) -> Any:
    answer = client.post(f"/api/invoices/{order.id}/links", json=body, headers=headers)
    assert answer.status_code == 201, answer.text
    return answer.get_json()


def test_a_link_opens_the_documents_of_its_order_and_of_no_other(
    client: FlaskClient, anonymous: FlaskClient, counter: Counter, token_of: TokenOf, paths: Paths
) -> None:
    order, other = counter.invoiced(), counter.invoiced()
    link = make_link(client, order, token_of(order.buyer_id))
    assert anonymous.get(link["url"]).status_code == 200
    for path in paths(order):
        answer = anonymous.get(f"{path}?link={link['link']}")
        assert answer.status_code == 200
        assert answer.headers["Cache-Control"] == "no-store"
    for path in paths(other):
        assert said(anonymous.get(f"{path}?link={link['link']}")) == (404, "not_found")
    [made, *followed] = accesses(counter, order)
    assert made.way == "token"
    assert {(access.way, access.principal) for access in followed} == {
        ("link", f"party:{order.buyer_id}")
    }


def test_a_link_of_somebody_who_sees_all_opens_one_order_only(
    client: FlaskClient, anonymous: FlaskClient, counter: Counter, key_of: KeyOf, paths: Paths
) -> None:
    order, other = counter.invoiced(), counter.invoiced()
    link = make_link(client, order, key_of(Role.SERVICE))
    assert anonymous.get(link["url"]).status_code == 200
    for path in paths(other):
        assert said(anonymous.get(f"{path}?link={link['link']}")) == (404, "not_found")


def test_who_follows_a_link_of_staff_is_seen_with_their_reason(
    client: FlaskClient, anonymous: FlaskClient, counter: Counter, key_of: KeyOf
) -> None:
    order, headers = counter.invoiced(), key_of(Role.SUPPORT)
    refused = client.post(f"/api/invoices/{order.id}/links", json={}, headers=headers)
    assert said(refused) == (400, "reason_required")
    link = make_link(client, order, headers, reason="Ticket 4711")
    assert anonymous.get(f"{link['url']}&reason=another").status_code == 200
    assert [access.reason for access in accesses(counter, order)] == ["Ticket 4711"] * 2


def test_a_link_says_nothing_to_other_addresses_and_makes_no_new_one(
    client: FlaskClient, anonymous: FlaskClient, counter: Counter, token_of: TokenOf
) -> None:
    order = counter.invoiced()
    link = make_link(client, order, token_of(order.buyer_id))["link"]
    for path in (f"/api/orders/{order.id}", "/api/payments"):
        assert anonymous.get(f"{path}?link={link}").status_code == 401
    again = anonymous.post(f"/api/invoices/{order.id}/links?link={link}", json={})
    assert said(again) == (401, "unauthorized")


def test_a_link_is_good_for_five_minutes(
    app: Flask,
    client: FlaskClient,
    counter: Counter,
    token_of: TokenOf,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    order = counter.invoiced()
    parts = parts_of(app)
    link = make_link(client, order, token_of(order.buyer_id))
    expires_at = dt.datetime.fromisoformat(link["expires_at"])
    assert dt.timedelta(0) <= parts.now() + GOOD_FOR - expires_at < dt.timedelta(seconds=30)
    for seconds, status in ((-1, 200), (0, 404), (86_400, 404)):
        at = expires_at + dt.timedelta(seconds=seconds)
        monkeypatch.setitem(parts.__dict__, "clock", lambda at=at: at)
        assert app.test_client().get(link["url"]).status_code == status


def test_a_forged_link_is_none(
    client: FlaskClient, anonymous: FlaskClient, counter: Counter, token_of: TokenOf
) -> None:
    order, other = counter.invoiced(), counter.invoiced()
    link = make_link(client, order, token_of(order.buyer_id))["link"]
    others = make_link(client, other, token_of(other.buyer_id))["link"]
    (number, expires, seal), (others_number, _, others_seal) = link.split("."), others.split(".")
    forged = [
        f"{number}.{int(expires) + 60}.{seal}",
        f"{int(number) + 1}.{expires}.{seal}",
        f"{others_number}.{expires}.{seal}",
        f"{number}.{expires}.{others_seal}",
        f"{number}.{expires}.{seal[:-1]}",
        f"{number}.{expires}.{'A' * 43}",
        f"{10**18}9.{expires}.{seal}",
        f"٣.{expires}.{seal}",
        f"{number}.{expires}",
        "",
        ".." * 20,
    ]
    for text in forged:
        answer = anonymous.get(f"/api/invoices/{order.id}.pdf", query_string={"link": text})
        assert said(answer) == (404, "not_found"), text
    # Not even for who might see it otherwise: a bad link is not passed over in silence.
    held = client.get(
        f"/api/invoices/{order.id}.pdf?link={forged[0]}", headers=token_of(order.buyer_id)
    )
    assert said(held) == (404, "not_found")


def test_a_token_in_the_address_is_refused_as_ever(
    anonymous: FlaskClient, counter: Counter
) -> None:
    order = counter.invoiced()
    answer = anonymous.get(f"/api/invoices/{order.id}.pdf?token=abc")
    assert said(answer) == (400, "credentials_in_url")
