import json

import pytest
from flask.testing import FlaskClient

from payments.access.caller import Role
from tests.web.conftest import KeyOf

CARD = "4242 4242 4242 4242"


@pytest.fixture
def headers(key_of: KeyOf) -> dict[str, str]:
    return key_of(Role.SERVICE)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"text"',
        b"null",
        b'{"name": NaN}',
        b'{"name": "a", "name": "b"}',
        b'{"name": "\xff"}',
        '{"name": "é"}'.encode("utf-16"),
        b"\xef\xbb\xbf{}",
        b'{"name": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"name": ' + b"1" * 5000 + b"}",
        b'{"name": "a\\u0000b"}',
        b'{"name": "\\ud800"}',
        b'{"name": 5}',
        b'{"name": null}',
        b'{"name": ""}',
    ],
)
def test_a_body_that_is_not_what_it_should_be_is_400(
    client: FlaskClient, headers: dict[str, str], body: bytes
) -> None:
    answer = client.post(
        "/api/parties", data=body, headers={**headers, "Content-Type": "application/json"}
    )
    assert (answer.status_code, answer.get_json()["code"]) == (400, "validation")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_other_media_types_are_415(client: FlaskClient, headers: dict[str, str], kind: str) -> None:
    answer = client.post("/api/parties", data=b"{}", headers={**headers, "Content-Type": kind})
    assert (answer.status_code, answer.get_json()["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize("path", ["/api/parties", "/api/webhooks/stripe"])
def test_more_than_a_megabyte_is_413(
    client: FlaskClient, headers: dict[str, str], path: str
) -> None:
    body = json.dumps({"name": "a" * 1_000_000})
    answer = client.post(path, data=body, content_type="application/json", headers=headers)
    assert (answer.status_code, answer.get_json()["code"]) == (413, "too_large")


def test_an_unknown_field_is_named(client: FlaskClient, headers: dict[str, str]) -> None:
    body = {"reference": "r", "name": "A", "kyc_level": "full", CARD: 1}
    answer = client.post("/api/parties", json=body, headers=headers)
    assert answer.status_code == 400
    assert answer.get_json()["errors"]["kyc_level"] == ["There is no field of this name."]
    assert CARD not in answer.text


def test_a_fault_in_a_line_is_named_by_its_path(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    line = {"description": "Tea", "quantity": 1.0, "unit_amount": "1"}
    body = {"buyer_id": "pty_1", "seller_id": "pty_2", "currency": "USD", "lines": [line, line]}
    errors = client.post("/api/orders", json=body, headers=headers).get_json()["errors"]
    assert errors.keys() == {"lines.0.quantity", "lines.1.quantity"}


@pytest.mark.parametrize(
    "amount",
    [1.0, 12.5, "1.0", "-1", -1, "", " 1", "1e3", True, None, "1" * 79, 10**78, [], "١٢"],
)
def test_amounts_are_digits_or_integers(
    client: FlaskClient, headers: dict[str, str], amount: object
) -> None:
    line = {"description": "Tea", "quantity": 1, "unit_amount": amount}
    body = {"buyer_id": "pty_1", "seller_id": "pty_2", "currency": "USD", "lines": [line]}
    answer = client.post("/api/orders", json=body, headers=headers)
    assert answer.status_code == 400
    assert answer.get_json()["errors"].keys() == {"lines.0.unit_amount"}


@pytest.mark.parametrize("field", ["name", "address", "tax_id", "email"])
def test_card_numbers_are_refused_and_neither_echoed_nor_logged(
    client: FlaskClient,
    headers: dict[str, str],
    capsys: pytest.CaptureFixture[str],
    field: str,
) -> None:
    body = {"reference": "card", "name": "A", field: f"my card {CARD}"}
    answer = client.post("/api/parties", json=body, headers=headers)
    assert answer.status_code == 400
    assert "card number" in answer.get_json()["errors"][field][0]
    assert "4242" not in answer.text + capsys.readouterr().out


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "after=%00", "page=2"])
def test_a_list_is_asked_for_in_the_known_way(
    client: FlaskClient, key_of: KeyOf, query: str
) -> None:
    answer = client.get(f"/api/keys?{query}", headers=key_of(Role.ADMIN))
    assert (answer.status_code, answer.get_json()["code"]) == (400, "validation")
