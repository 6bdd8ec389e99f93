"""Refunds over HTTP against the simulated Stripe."""

import secrets

import pytest
from flask.testing import FlaskClient

from payments.access.caller import Role
from tests.payments.conftest import Line, line, simulated
from tests.payments.shop import Shop
from tests.web.conftest import Headers, KeyOf, TokenOf
from tests.web.test_payments import Post, buyer, client, post, settings, shop, started

__all__ = ["buyer", "client", "line", "post", "settings", "shop", "simulated"]


@pytest.fixture
def support(key_of: KeyOf) -> Headers:
    return key_of(Role.SUPPORT)


@pytest.fixture
def paid(post: Post, shop: Shop) -> str:
    """The path of a payment of 119.00."""
    path = started(post, shop)
    answer = post(f"{path}/confirm", {"payment_method": "pm_card_visa"})
    assert answer.get_json()["status"] == "succeeded"
    return path


def test_a_part_goes_back_and_everybody_concerned_sees_it(
    client: FlaskClient, post: Post, paid: str, support: Headers, buyer: Headers
) -> None:
    body = {"reference": secrets.token_hex(16), "amount": "2500", "reason": "duplicate"}
    first, again = (post(f"{paid}/refunds", body, support) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert first.get_json() == again.get_json()
    refund = first.get_json()
    assert (refund["amount"], refund["currency"], refund["status"]) == ("2500", "EUR", "succeeded")
    assert client.get(f"/api/refunds/{refund['id']}", headers=buyer).get_json() == refund
    assert client.get(f"{paid}/refunds", headers=buyer).get_json() == {
        "data": [refund],
        "next": None,
    }
    payment = client.get(paid, headers=buyer).get_json()
    assert (payment["status"], payment["amount_refunded"]) == ("partially_refunded", "2500")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"amount": "11901"}, 409, "refund_exceeds_payment"),
        ({"amount": "0"}, 400, "validation"),
        ({"amount": 25.0}, 400, "validation"),
        ({"amount": "-1"}, 400, "validation"),
    ],
)
def test_an_amount_that_cannot_go_back_is_named(
    post: Post, paid: str, support: Headers, body: dict[str, object], status: int, code: str
) -> None:
    answer = post(f"{paid}/refunds", body, support)
    assert (answer.status_code, answer.get_json()["code"]) == (status, code)
    assert "amount" in answer.get_json()["errors"]


def test_other_content_under_the_same_reference_is_refused(
    post: Post, paid: str, support: Headers
) -> None:
    reference = secrets.token_hex(16)
    assert (
        post(f"{paid}/refunds", {"reference": reference, "amount": 1}, support).status_code == 201
    )
    answer = post(f"{paid}/refunds", {"reference": reference, "amount": 2}, support)
    assert (answer.status_code, answer.get_json()["code"]) == (422, "reference_reused")


def test_who_may_refund_and_who_may_look(
    client: FlaskClient, post: Post, paid: str, support: Headers, buyer: Headers, token_of: TokenOf
) -> None:
    assert post(f"{paid}/refunds", {}, buyer).status_code == 403
    refund = post(f"{paid}/refunds", {}, support).get_json()
    stranger = token_of("pty_00000000000000000000000000")
    for path in (f"/api/refunds/{refund['id']}", f"{paid}/refunds"):
        assert client.get(path, headers=stranger).status_code == 404
        assert client.get(path).status_code == 401


def test_no_answer_is_a_503_that_may_be_repeated(
    post: Post, paid: str, support: Headers, line: Line
) -> None:
    body = {"reference": secrets.token_hex(16)}
    line.fault = "lost_answer"
    lost = post(f"{paid}/refunds", body, support)
    assert (lost.status_code, lost.get_json()["code"]) == (503, "unavailable")
    assert lost.headers["Retry-After"]
    line.fault = None
    assert post(f"{paid}/refunds", body, support).get_json()["status"] == "succeeded"
