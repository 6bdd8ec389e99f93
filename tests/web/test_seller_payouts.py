"""Payouts to sellers over HTTP."""

import secrets

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine

from payments.access.caller import Role
from tests.payments.payouts.sellers import Sellers
from tests.web.conftest import KeyOf, TokenOf
from tests.web.payout_provocations import failed_payout, sellers_of


@pytest.fixture
def sellers(engine: Engine) -> Sellers:
    return sellers_of(engine)


def test_a_failed_payout_is_made_again_once_for_each_reference(
    client: FlaskClient, sellers: Sellers, key_of: KeyOf
) -> None:
    payout_id = failed_payout(sellers)
    finance = key_of(Role.FINANCE)
    shown = client.get(f"/api/payouts/{payout_id}", headers=finance).get_json()
    assert (shown["status"], shown["amount"], shown["amount_paid"]) == ("failed", "9500", "0")
    assert shown["failure"]["code"] == "destination_refused"
    assert shown["destination"]["kind"] == "bank"
    assert (shown["provider"], shown["paid_at"]) == ("truelayer", None)

    body, path = {"reference": secrets.token_hex(16)}, f"/api/payouts/{payout_id}/retry"
    first, again = (client.post(path, json=body, headers=finance) for _ in range(2))
    assert (first.status_code, again.status_code) == (202, 200)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert first.get_json() == again.get_json()
    assert (first.get_json()["status"], first.get_json()["failure"]) == ("queued", None)
    assert sellers.owed() == (9_500, 0)
    sellers.assert_invariants()


def test_sellers_see_their_own_and_nobody_elses(
    client: FlaskClient, engine: Engine, sellers: Sellers, key_of: KeyOf, token_of: TokenOf
) -> None:
    mine = [sellers.release(sellers.paid_by_bank()) for _ in range(3)]
    other = sellers_of(engine)
    theirs = other.release(other.paid_by_bank())
    seller = token_of(sellers.shop.seller_id, Role.SELLER)
    listed = client.get("/api/payouts", headers=seller).get_json()
    assert [one["id"] for one in listed["data"]] == mine[::-1]
    assert client.get(f"/api/payouts/{mine[0]}", headers=seller).status_code == 200
    assert client.get(f"/api/payouts/{theirs}", headers=seller).status_code == 404
    wanted = f"/api/payouts?seller_id={other.shop.seller_id}"
    assert client.get(wanted, headers=seller).get_json() == {"data": [], "next": None}
    support = key_of(Role.SUPPORT)
    assert [one["id"] for one in client.get(wanted, headers=support).get_json()["data"]] == [theirs]
    buyer = token_of(sellers.shop.buyer_id)
    assert client.get(f"/api/payouts/{mine[0]}", headers=buyer).status_code == 404


def test_the_list_is_told_page_by_page_and_by_status(
    client: FlaskClient, sellers: Sellers, key_of: KeyOf
) -> None:
    waiting = [sellers.release(sellers.paid_by_bank()) for _ in range(3)]
    failed = failed_payout(sellers)
    finance = key_of(Role.FINANCE)
    base = f"/api/payouts?seller_id={sellers.shop.seller_id}"
    seen, after = [], None
    while True:
        path = f"{base}&limit=2" + (f"&after={after}" if after else "")
        page = client.get(path, headers=finance).get_json()
        seen += [one["id"] for one in page["data"]]
        after = page["next"]
        if after is None:
            break
    assert seen == [failed, *waiting[::-1]]
    found = client.get(f"{base}&status=failed", headers=finance).get_json()["data"]
    assert [one["id"] for one in found] == [failed]
    assert client.get(f"{base}&status=lost", headers=finance).status_code == 400


def test_who_may_try_again(
    client: FlaskClient, sellers: Sellers, key_of: KeyOf, token_of: TokenOf
) -> None:
    path = f"/api/payouts/{failed_payout(sellers)}/retry"
    body = {"reference": secrets.token_hex(16)}
    callers = [key_of(role) for role in (Role.SERVICE, Role.SUPPORT, Role.OPERATOR)]
    for headers in (*callers, token_of(sellers.shop.seller_id, Role.SELLER)):
        assert client.post(path, json=body, headers=headers).status_code == 403
    missing = client.post("/api/payouts/pyo_none/retry", json=body, headers=key_of(Role.ADMIN))
    assert missing.status_code == 404
