"""Entries by hand over HTTP: who asks is not who decides, and what is posted is reversed once."""

import secrets
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine
from werkzeug.test import TestResponse

from payments import invariants
from payments.access.caller import Role
from tests.web.conftest import Headers, KeyOf

ENTRIES = "/api/ledger/entries"
RENT: dict[str, Any] = {
    "reason": "Rent of October, billed in November.",
    "effective_on": "2026-10-31",
    "lines": [
        {"account": "expenses:rent", "asset": "EUR", "debit": "120000"},
        {"account": "liabilities:accrued:rent", "asset": "EUR", "credit": 120000},
    ],
    "attachment_sha256": "ab" * 32,
}


class Desk:
    """Two people of finance at the application."""

    def __init__(self, client: FlaskClient, key_of: KeyOf) -> None:
        self.client = client
        self.ada, self.bob = key_of(Role.FINANCE), key_of(Role.FINANCE)

    def post(
        self, path: str, body: dict[str, Any] | None = None, *, by: Headers | None = None
    ) -> TestResponse:
        content = {"reference": secrets.token_hex(16)} | (body or {})
        return self.client.post(path, json=content, headers=by or self.ada)

    def ask(self, **changes: Any) -> TestResponse:
        return self.post(ENTRIES, RENT | changes)

    def asked(self, **changes: Any) -> str:
        answer = self.ask(**changes)
        assert answer.status_code == 202, answer.text
        return str(answer.get_json()["id"])

    def approve(self, entry_id: str, *, by: Headers | None = None) -> TestResponse:
        return self.post(f"{ENTRIES}/{entry_id}/approve", by=by or self.bob)

    def posted(self, **changes: Any) -> dict[str, Any]:
        answer = self.approve(self.asked(**changes))
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.get_json()
        return found

    def read(self, name: object) -> dict[str, Any]:
        answer = self.client.get(f"{ENTRIES}/{name}", headers=self.ada)
        found: dict[str, Any] = answer.get_json()
        return found


@pytest.fixture
def desk(client: FlaskClient, key_of: KeyOf) -> Desk:
    return Desk(client, key_of)


def test_what_one_asks_for_and_another_approves_is_posted(desk: Desk, engine: Engine) -> None:
    asked = desk.ask().get_json()
    assert (asked["status"], asked["entry_id"], asked["decided_by"]) == ("requested", None, None)
    assert asked["requested_by"] != ""

    posted = desk.approve(asked["id"]).get_json()

    assert posted["status"] == "posted"
    assert posted["effect_key"] == f"{asked['id']}:manual"
    assert posted["occurred_at"] == "2026-10-31T00:00:00Z"
    assert posted["lines"] == [
        {"account": "expenses:rent", "asset": "EUR", "debit": "120000", "credit": None},
        {"account": "liabilities:accrued:rent", "asset": "EUR", "debit": None, "credit": "120000"},
    ]
    assert desk.read(asked["id"]) == posted == desk.read(posted["entry_id"])
    with engine.connect() as connection:
        assert invariants.broken_invariants(connection) == []


def test_nobody_approves_their_own(desk: Desk) -> None:
    entry_id = desk.asked()
    answer = desk.approve(entry_id, by=desk.ada)
    assert (answer.status_code, answer.get_json()["code"]) == (409, "second_person_needed")
    assert desk.read(entry_id)["status"] == "requested"


def test_what_is_reversed_is_reversed_once(desk: Desk) -> None:
    entry = desk.posted()
    path = f"{ENTRIES}/{entry['entry_id']}/reverse"
    asked = desk.post(path, {"reason": "Twice.", "effective_on": "2026-11-01"})
    assert asked.status_code == 202
    mirror = desk.approve(asked.get_json()["id"]).get_json()
    assert (mirror["kind"], mirror["reverses_entry_id"]) == ("reversal", entry["entry_id"])
    assert desk.read(entry["id"])["reversed_by_entry_id"] == mirror["entry_id"]
    again = desk.post(path, {"reason": "Twice."})
    assert (again.status_code, again.get_json()["code"]) == (409, "entry_reversed")


def test_the_same_reference_asks_once(desk: Desk) -> None:
    first, again = (desk.ask(reference="rent-once") for _ in range(2))
    assert (first.status_code, again.status_code) == (202, 200)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert first.get_json() == again.get_json()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"lines": []}, "lines"),
        ({"effective_on": "yesterday"}, "effective_on"),
        ({"attachment_sha256": "AB"}, "attachment_sha256"),
        ({"lines": [RENT["lines"][0] | {"credit": "1"}, RENT["lines"][1]]}, "lines.0.debit"),
        ({"lines": [RENT["lines"][0] | {"debit": "0"}, RENT["lines"][1]]}, "lines.0.debit"),
        ({"lines": [RENT["lines"][0] | {"debit": 1.5}, RENT["lines"][1]]}, "lines.0.debit"),
        ({"lines": [RENT["lines"][0] | {"asset": "XXX"}, RENT["lines"][1]]}, "lines.0.asset"),
        ({"lines": [RENT["lines"][0] | {"account": "assets:bank:main"}, RENT["lines"][1]]},
         "lines.0.account"),
    ],
)  # fmt: skip
def test_what_cannot_be_right_is_named(desk: Desk, changes: dict[str, Any], field: str) -> None:
    answer = desk.ask(**changes)
    assert answer.status_code == 400
    assert field in answer.get_json()["errors"], answer.text


def test_support_neither_reads_nor_asks(client: FlaskClient, key_of: KeyOf) -> None:
    headers = key_of(Role.SUPPORT)
    assert client.get(ENTRIES, headers=headers).status_code == 403
    assert client.post(ENTRIES, json=RENT, headers=headers).status_code == 403


def test_they_are_listed_by_status(desk: Desk) -> None:
    entry_id = desk.asked()
    found = desk.client.get(f"{ENTRIES}?status=requested&limit=1", headers=desk.ada).get_json()
    assert [entry["id"] for entry in found["data"]] == [entry_id]
