"""Amounts, moments and names that are none, or far too large: refused by name, never a fault."""

import secrets
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine

from payments.access.caller import Role
from tests.payments.releases.till import Till
from tests.web.conftest import KeyOf, TokenOf

AMOUNTS: list[Any] = [
    *(0, "0", -1, "-1", "+1", "00", "", " 1", "1 ", "1e3", "0x10", "1_000", "٣"),
    *(1.0, 1.5, True, [], {}, "9" * 78, 10**80, "9" * 5_000, 2**63, -(2**63) - 1, 11_901),
]
MOMENTS: list[Any] = [
    *("", "now", 0, 1_900_000_000, "2030-01-01", "2030-01-01T00:00:00", "2020-01-01T00:00:00Z"),
    *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "9999-12-31T23:59:59Z", True),
    *("1969-12-31T23:59:59Z", "+292278994-08-17T07:12:55Z", "2262-04-11T23:47:17Z"),
]


@pytest.fixture
def till(engine: Engine) -> Till:
    return Till(engine)


def test_odd_amounts_release_nothing(client: FlaskClient, till: Till, key_of: KeyOf) -> None:
    order, service = till.paid(), key_of(Role.SERVICE)
    for amount in AMOUNTS:
        body = {"reference": secrets.token_hex(16), "order_id": order.id, "amount": amount}
        answer = client.post("/api/escrow/release", json=body, headers=service)
        assert answer.status_code in (400, 409, 422), (amount, answer.status_code)
    assert till.releases(order) == []
    till.assert_sound()


@pytest.mark.parametrize("name", ["fund_by", "release_by"])
def test_odd_moments_deploy_nothing(
    client: FlaskClient, till: Till, key_of: KeyOf, name: str
) -> None:
    order, service = till.shop.order(10**8, currency="USDC"), key_of(Role.SERVICE)
    for moment in MOMENTS:
        body = {
            "reference": secrets.token_hex(16),
            "order_id": order.id,
            "asset": "USDC",
            name: moment,
        }
        answer = client.post("/api/escrow/deploy-contract", json=body, headers=service)
        assert answer.status_code in (400, 422), (moment, answer.status_code, answer.get_json())


def test_nobody_reaches_what_is_another_ones(
    client: FlaskClient, till: Till, key_of: KeyOf, token_of: TokenOf
) -> None:
    mine, other = till.paid(), Till(till.engine)
    released = till.waiting(mine)
    buyer = token_of(other.shop.buyer_id)
    seller = token_of(other.seller_id, Role.SELLER)
    paths = [
        f"/api/releases/{released.id}",
        f"/api/releases?order_id={mine.id}",
        f"/api/parties/{till.seller_id}/payout-destinations",
    ]
    for headers in (buyer, seller):
        for path in paths:
            assert client.get(path, headers=headers).status_code == 404, path
        listed = client.get(f"/api/payouts?seller_id={till.seller_id}", headers=headers)
        assert listed.get_json()["data"] == []
        body: dict[str, Any] = {"reference": secrets.token_hex(16)}
        destination = body | {"kind": "stripe", "account": "acct_1Nv0FGQ9RKHgCVdK"}
        for path, content, refusal in (
            (f"/api/parties/{till.seller_id}/payout-destinations", destination, 404),
            ("/api/escrow/release", body | {"order_id": mine.id}, 403),
            (f"/api/releases/{released.id}/approve", body, 403),
            (f"/api/releases/{released.id}/cancel", body | {"reason": "Mine."}, 403),
        ):
            answer = client.post(path, json=content, headers=headers)
            assert answer.status_code == refusal, (path, answer.get_json())
    fresh = other.shop.order(10**8, currency="USDC")
    mallory = token_of(till.shop.buyer_id)
    body = {"reference": secrets.token_hex(16), "order_id": fresh.id, "asset": "USDC"}
    answer = client.post("/api/escrow/deploy-contract", json=body, headers=mallory)
    assert answer.status_code == 404
    service = key_of(Role.SERVICE)
    own = {"reference": secrets.token_hex(16)}
    path = f"/api/releases/{released.id}/approve"
    assert client.post(path, json=own, headers=service).status_code == 403
