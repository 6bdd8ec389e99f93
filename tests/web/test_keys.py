import secrets

import pytest
from flask.testing import FlaskClient

from payments.access.caller import Role
from tests.web.conftest import KeyOf


@pytest.fixture
def admin(key_of: KeyOf) -> dict[str, str]:
    return key_of(Role.ADMIN)


def new_key(client: FlaskClient, admin: dict[str, str], **changes: object) -> dict[str, str]:
    body = {"reference": secrets.token_hex(16), "name": "Books", "role": "finance"} | changes
    answer = client.post("/api/keys", json=body, headers=admin)
    assert answer.status_code == 201, answer.text
    return dict(answer.get_json())


def bearer(key: dict[str, str]) -> dict[str, str]:
    return {"Authorization": f"Bearer {key['key']}"}


def test_a_key_is_made_used_and_revoked(client: FlaskClient, admin: dict[str, str]) -> None:
    key = new_key(client, admin)
    assert client.get("/api/ledger/accounts", headers=bearer(key)).status_code == 200
    assert client.delete(f"/api/keys/{key['id']}", headers=admin).status_code == 204
    assert client.get("/api/ledger/accounts", headers=bearer(key)).status_code == 401
    assert client.delete("/api/keys/key_0", headers=admin).status_code == 404


def test_its_text_is_shown_once(client: FlaskClient, admin: dict[str, str]) -> None:
    first = new_key(client, admin, reference="shown-once")
    body = {"reference": "shown-once", "name": "Books", "role": "finance"}
    again = client.post("/api/keys", json=body, headers=admin)
    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (200, "true")
    assert again.get_json() == first | {"key": None}
    assert first["key"] not in client.get("/api/keys?limit=100", headers=admin).text


def test_rotation_keeps_both_for_the_overlap(client: FlaskClient, admin: dict[str, str]) -> None:
    old = new_key(client, admin)
    body = {"reference": secrets.token_hex(16), "overlap_s": 3600}
    path = f"/api/keys/{old['id']}/rotate"
    new = client.post(path, json=body, headers=admin).get_json()
    assert client.post(path, json=body, headers=admin).get_json()["id"] == new["id"]
    for key in (old, new):
        assert client.get("/api/ledger/accounts", headers=bearer(key)).status_code == 200
    body = {"reference": secrets.token_hex(16), "overlap_s": 0}
    client.post(f"/api/keys/{new['id']}/rotate", json=body, headers=admin)
    assert client.get("/api/ledger/accounts", headers=bearer(new)).status_code == 401


@pytest.mark.parametrize(
    "changes",
    [
        {"role": "buyer"},
        {"role": "root"},
        {"scopes": ["everything"]},
        {"expires_in_s": 31_536_001},
        {"name": ""},
        {"expires_at": "2030-01-01"},
    ],
)
def test_odd_keys_are_refused(
    client: FlaskClient, admin: dict[str, str], changes: dict[str, object]
) -> None:
    body = {"reference": "odd", "name": "Books", "role": "finance"} | changes
    answer = client.post("/api/keys", json=body, headers=admin)
    assert answer.status_code == 400
    assert {field.split(".")[0] for field in answer.get_json()["errors"]} == set(changes)


def test_a_narrowed_key_hands_on_no_more_than_it_has(
    client: FlaskClient, admin: dict[str, str]
) -> None:
    narrow = ["keys.create", "keys.rotate", "ledger.read"]
    small = bearer(new_key(client, admin, role="admin", scopes=narrow))
    whole = new_key(client, admin, role="admin")
    for scopes in ([], ["keys.read"], [*narrow, "audit.read"]):
        body = {"reference": "wider", "name": "More", "role": "admin", "scopes": scopes}
        answer = client.post("/api/keys", json=body, headers=small)
        assert (answer.status_code, answer.get_json()["code"]) == (403, "scope_missing")
    turned = {"reference": secrets.token_hex(16), "overlap_s": 3600}
    answer = client.post(f"/api/keys/{whole['id']}/rotate", json=turned, headers=small)
    assert (answer.status_code, answer.get_json()["code"]) == (403, "scope_missing")
    books = new_key(client, small, role="admin", scopes=["ledger.read"])
    assert client.get("/api/ledger/accounts", headers=bearer(books)).status_code == 200


def test_keys_come_in_pages(client: FlaskClient, admin: dict[str, str]) -> None:
    made = {new_key(client, admin)["id"] for _ in range(3)}
    seen, after = [], ""
    while True:
        page = client.get(f"/api/keys?limit=2{after}", headers=admin).get_json()
        seen += [key["id"] for key in page["data"]]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    assert seen == sorted(set(seen))
    assert made <= set(seen)
