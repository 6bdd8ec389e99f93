"""Releases and freezes over HTTP."""

import secrets
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine
from werkzeug.test import TestResponse

from payments.access.caller import Role
from payments.database import transaction
from payments.freezes.list_freezes import list_freezes
from tests.payments.releases.till import OTHER_OPERATOR, Till
from tests.web.conftest import Headers, KeyOf, TokenOf

Post = Callable[..., TestResponse]


@pytest.fixture
def till(engine: Engine) -> Iterator[Till]:
    till = Till(engine)
    yield till
    with transaction(engine) as session:
        left = list_freezes(session, in_force=True, limit=100)
    for freeze in left:
        if freeze.lift_requested_by is None:
            till.lift(freeze.id)
        till.lift(freeze.id, caller=OTHER_OPERATOR)


@pytest.fixture
def post(client: FlaskClient) -> Post:
    def send(path: str, body: dict[str, Any], headers: Headers) -> TestResponse:
        content = {"reference": secrets.token_hex(16)} | body
        return client.post(path, json=content, headers=headers)

    return send


def test_a_release_is_made_once_and_its_parties_see_it(
    client: FlaskClient, post: Post, till: Till, key_of: KeyOf, token_of: TokenOf
) -> None:
    order, service = till.paid(), key_of(Role.SERVICE)
    body = {"reference": secrets.token_hex(16), "order_id": order.id, "amount": "4000"}
    first, again = (post("/api/escrow/release", body, service) for _ in range(2))
    assert (first.status_code, again.status_code) == (202, 200)
    assert again.headers["Idempotent-Replayed"] == "true"
    release = first.get_json()
    assert again.get_json() == release
    assert (release["status"], release["amount"], release["tax"]) == ("posted", "4000", "638")
    rest = post("/api/escrow/release", {"order_id": order.id}, service).get_json()
    assert rest["amount"] == "7900"
    for headers in (token_of(till.seller_id, Role.SELLER), key_of(Role.SUPPORT)):
        path = f"/api/releases/{release['id']}"
        assert client.get(path, headers=headers).get_json() == release
        listed = client.get(f"/api/releases?order_id={order.id}", headers=headers)
        assert listed.get_json() == {"data": [release, rest], "next": None}
    stranger = token_of("pty_none")
    for path in (f"/api/releases/{release['id']}", f"/api/releases?order_id={order.id}"):
        assert client.get(path, headers=stranger).status_code == 404


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"amount": "11901"}, 409, "release_exceeds_held"),
        ({"amount": "0"}, 400, "validation"),
        ({"amount": 1.5}, 400, "validation"),
        ({"escrow_id": "esc_1"}, 400, "validation"),
        ({"order_id": None}, 400, "validation"),
        ({"order_id": "ord_none"}, 404, "not_found"),
    ],
)
def test_what_cannot_be_released_is_named(
    post: Post, till: Till, key_of: KeyOf, body: dict[str, Any], status: int, code: str
) -> None:
    answer = post("/api/escrow/release", {"order_id": till.paid().id} | body, key_of(Role.FINANCE))
    assert (answer.status_code, answer.get_json()["code"]) == (status, code)


def test_much_is_approved_by_finance_or_taken_back(post: Post, till: Till, key_of: KeyOf) -> None:
    service, finance = key_of(Role.SERVICE), key_of(Role.FINANCE)
    path = "/api/escrow/release"
    for decision, body, outcome in (
        ("approve", {}, "posted"),
        ("cancel", {"reason": "The parcel came back."}, "canceled"),
    ):
        order = till.paid(2_000_000)
        asked = post(path, {"order_id": order.id}, service)
        assert asked.status_code == 202
        release = asked.get_json()
        assert (release["status"], release["needs_approval"]) == ("requested", True)
        decide = f"/api/releases/{release['id']}/{decision}"
        assert post(f"/api/releases/{release['id']}/approve", {}, service).status_code == 403
        content = body | {"reference": secrets.token_hex(16)}
        answers = [post(decide, content, finance) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [200, 200]
        assert [answer.get_json()["status"] for answer in answers] == [outcome, outcome]
        assert answers[1].headers["Idempotent-Replayed"] == "true"
    till.assert_sound()


def test_anybody_of_the_staff_freezes_and_two_operators_lift_it(
    client: FlaskClient, post: Post, till: Till, key_of: KeyOf
) -> None:
    order, support = till.paid(), key_of(Role.SUPPORT)
    operators = [key_of(Role.OPERATOR), key_of(Role.ADMIN)]
    body = {"reference": secrets.token_hex(16), "reason": "A drill.", "order_id": order.id}
    first, again = (post("/api/ops/freeze", body, support) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200)
    freeze = first.get_json()
    assert (freeze["status"], freeze["scope"], freeze["order_id"]) == (
        "in_force",
        "order",
        order.id,
    )
    refused = post("/api/escrow/release", {"order_id": order.id}, key_of(Role.SERVICE))
    assert refused.get_json()["code"] == "releases_frozen"
    lift = {"freeze_id": freeze["id"], "reason": "The drill is over."}
    assert post("/api/ops/unfreeze", lift, support).status_code == 403
    statuses = [post("/api/ops/unfreeze", lift, operator) for operator in operators]
    assert [answer.status_code for answer in statuses] == [202, 200]
    assert [answer.get_json()["status"] for answer in statuses] == ["lift_requested", "lifted"]
    listed = client.get("/api/ops/freezes", headers=support).get_json()["data"]
    assert freeze["id"] not in [one["id"] for one in listed]
    listed = client.get("/api/ops/freezes?lifted=true", headers=support).get_json()["data"]
    assert listed[0] == statuses[1].get_json()
    assert (
        post("/api/escrow/release", {"order_id": order.id}, key_of(Role.SERVICE)).get_json()[
            "status"
        ]
        == "posted"
    )
