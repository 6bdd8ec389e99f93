"""The console's frame and its pages of payments, orders and search: who sees what, and how."""

import re
from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from payments.access.caller import PERSON_ROLES, STAFF_ROLES, Role
from payments.errors import UnavailableError
from payments.orders.view import OrderView
from tests.payments.releases.till import Till
from tests.web.conftest import Headers, KeyOf, TokenOf
from web.routes.console import SCRIPTS

NAVIGATION = re.compile(r'<li><a href="(/console[^"]*)"')


@pytest.fixture
def support(token_of: TokenOf) -> Headers:
    return token_of("pty_support", Role.SUPPORT)


@pytest.fixture
def till(engine: Engine) -> Till:
    return Till(engine)


@pytest.fixture
def order(till: Till) -> OrderView:
    return till.paid()


@pytest.fixture
def paths(till: Till, order: OrderView) -> Iterator[str]:
    return iter(
        [
            "/console",
            "/console/search",
            f"/console/search?q={order.buyer_id}",
            f"/console/orders/{order.id}",
            f"/console/payments/{till.payment_of(order).id}",
        ]
    )


def test_all_of_the_staff_and_nobody_else_read_them(
    client: FlaskClient, token_of: TokenOf, key_of: KeyOf, paths: Iterator[str]
) -> None:
    for path in paths:
        assert client.get(path).status_code == 401, path
        for role in Role:
            headers = token_of("pty_0", role) if role in PERSON_ROLES else key_of(role)
            answer = client.get(path, headers=headers)
            assert answer.status_code == (200 if role in STAFF_ROLES else 403), (path, role)
            assert answer.mimetype == "text/html"
            assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
            assert not re.search(r"<style|\son\w+=|\sstyle=|javascript:", answer.text), path


def test_the_navigation_leads_to_what_the_role_may_open(client: FlaskClient, key_of: KeyOf) -> None:
    shown = {}
    for role in STAFF_ROLES:
        headers = key_of(role)
        shown[role] = NAVIGATION.findall(client.get("/console", headers=headers).text)
        for path in shown[role]:
            assert client.get(path, headers=headers).status_code == 200, (role, path)
    assert "/console/finance" in shown[Role.FINANCE]
    assert "/console/finance" not in shown[Role.SUPPORT]
    assert set(shown[Role.ADMIN]) >= {path for paths in shown.values() for path in paths}


def test_a_narrowed_key_is_shown_no_more_than_it_may_open(
    client: FlaskClient, key_of: KeyOf
) -> None:
    headers = key_of(Role.ADMIN, scopes=("console.read",))
    page = client.get("/console", headers=headers)
    assert page.status_code == 200
    assert "/console/finance" not in NAVIGATION.findall(page.text)


def test_a_payment_says_where_its_money_is_and_what_happened(
    client: FlaskClient, till: Till, order: OrderView, support: Headers
) -> None:
    till.release(order, 1_000)
    payment = till.payment_of(order)
    page = client.get(f"/console/payments/{payment.id}", headers=support).text
    assert re.search(r"109\.00 EUR</span> is held for the order", page)
    assert re.search(r"10\.00 EUR</span> was released to the seller", page)
    for kind in ("step", "ledger", "release"):
        assert f'<span class="kind">{kind}</span>' in page
    only = client.get(f"/console/payments/{payment.id}?only=ledger", headers=support).text
    assert set(re.findall(r'<span class="kind">(\w+)</span>', only)) == {"ledger"}


def test_names_are_hidden_until_somebody_says_why(
    client: FlaskClient, engine: Engine, till: Till, order: OrderView, support: Headers
) -> None:
    for path in (f"/console/orders/{order.id}", f"/console/payments/{till.payment_of(order).id}"):
        page = client.get(path, headers=support).text
        assert "Ada Buyer" not in page
        assert "ada@example.com" not in page
        assert f'data-reveals="/api/parties/{order.buyer_id}"' in page
    # What the page's script sends when somebody has said why.
    url, why = f"/api/parties/{order.buyer_id}", {"X-Access-Reason": "Ticket 4711"}
    assert client.get(url, headers=support | why).get_json()["name"] == "Ada Buyer"
    with engine.connect() as connection:
        found = connection.execute(
            text("""
                SELECT outcome, role, reason_encrypted IS NOT NULL FROM strongroom.audit_entries
                 WHERE action = 'parties.read' AND subjects @> ARRAY[:id] ORDER BY number DESC
            """),
            {"id": order.buyer_id},
        ).first()
    assert found == ("seen", "support", True)


def test_an_order_shows_its_sums_and_leads_on(
    client: FlaskClient, till: Till, order: OrderView, support: Headers
) -> None:
    till.release(order, 2_000)
    page = client.get(f"/console/orders/{order.id}", headers=support).text
    assert re.search(r"<dt>Held</dt>\s*<dd>99\.00 EUR", page)
    assert re.search(r"<dt>Released</dt>\s*<dd>20\.00 EUR", page)
    assert f'href="/console/payments/{till.payment_of(order).id}"' in page
    assert "A print" in page


def test_what_is_named_exactly_is_gone_to(
    client: FlaskClient, till: Till, order: OrderView, support: Headers
) -> None:
    for thing, path in (
        (order.id, f"/console/orders/{order.id}"),
        (till.payment_of(order).id, f"/console/payments/{till.payment_of(order).id}"),
    ):
        answer = client.get("/console/search", query_string={"q": thing}, headers=support)
        assert (answer.status_code, answer.location) == (303, path)


def test_what_is_not_found_says_how_to_look(client: FlaskClient, support: Headers) -> None:
    answer = client.get("/console/search?q=<b>nothing</b>", headers=support)
    assert answer.status_code == 200
    assert "Nothing is known by that." in answer.text
    assert "<b>nothing" not in answer.text


def test_errors_are_pages_that_say_what_to_do(client: FlaskClient, support: Headers) -> None:
    for path in ("/console/nowhere", "/console/payments/pay_nothing", "/console/orders/ord_0"):
        answer = client.get(path, headers=support)
        assert (answer.status_code, answer.mimetype) == (404, "text/html"), path
        assert "search for it" in answer.text
        assert "request <code>req_" in answer.text
    finance = client.get("/console/finance", headers=support)
    assert finance.status_code == 403
    assert "sign in as another" in finance.text


def test_a_database_that_is_away_is_told_in_words(
    client: FlaskClient, support: Headers, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_args: object) -> None:
        raise UnavailableError("The database does not answer.")

    monkeypatch.setattr("web.routes.console.in_transaction", away)
    answer = client.get("/console", headers=support)
    assert (answer.status_code, answer.mimetype) == (503, "text/html")
    assert "Nothing was lost" in answer.text
    assert answer.headers["Retry-After"]


@pytest.mark.parametrize("script", SCRIPTS)
def test_the_modules_are_ours_and_put_no_text_in_as_html(client: FlaskClient, script: str) -> None:
    answer = client.get(f"/console/scripts/{script}.js")
    assert (answer.status_code, answer.content_type) == (200, "text/javascript; charset=utf-8")
    assert not re.search(r"\.(inner|outer)HTML\s*=[^=]|insertAdjacentHTML|eval\(", answer.text)
    for wanted in re.findall(r"from '\./(\w+)\.js'|import '\./(\w+)\.js'", answer.text):
        assert set(wanted) & set(SCRIPTS)


def test_no_other_file_is_a_module(client: FlaskClient) -> None:
    assert client.get("/console/scripts/nothing.js").status_code == 404
