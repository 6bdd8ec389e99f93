"""What one person does not do alone, and what they never see, whichever keys they have."""

import dataclasses
import secrets
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, select, text
from sqlalchemy.exc import DBAPIError
from werkzeug.test import TestResponse

from payments.access.api_keys import revoke_key
from payments.access.caller import Caller, Role
from payments.access.end_access import end_access
from payments.database import transaction
from payments.delivery.live_events import number_pending
from payments.errors import ConflictError, UnauthorizedError
from payments.invoices.access_table import InvoiceAccess
from payments.invoices.links import GOOD_FOR
from tests.payments.periods.closing_desk import ADA, ClosingDesk
from tests.security.matrix_requests import MISSING
from tests.security.one_world import (
    Keys,
    api,
    keys,
    now,
    one_app,
    one_settings,
    sign,
    strangers,
    world,
)
from tests.security.world import Strangers, World
from tests.web.conftest import Headers
from web.routes.events import _recheck
from web.stream_care import HEARTBEAT_S, RECHECK_S

__all__ = ["api", "keys", "one_app", "one_settings", "strangers", "world"]  # fixtures

Post = Callable[..., TestResponse]
ENTRY = {
    "reason": "Rent.",
    "effective_on": "2026-11-01",
    "lines": [
        {"account": "expenses:rent", "asset": "EUR", "debit": "100"},
        {"account": "liabilities:accrued:rent", "asset": "EUR", "credit": "100"},
    ],
}


@pytest.fixture
def post(api: FlaskClient) -> Post:
    def send(path: str, headers: Headers, **body: Any) -> TestResponse:
        return api.post(path, json={"reference": secrets.token_hex(16)} | body, headers=headers)

    return send


def refused(answer: TestResponse) -> bool:
    return (answer.status_code, answer.get_json().get("code")) == (409, "second_person_needed")


# ---- 29: four eyes -------------------------------------------------------------------------------


def test_row_29_two_keys_of_one_person_are_one_person(
    post: Post, keys: Keys, world: World, owner_engine: Engine
) -> None:
    mine = {
        role: keys.make(role, owner="party:pty_ada") for role in ("admin", "finance", "support")
    }
    again = keys.make(Role.ADMIN, owner="party:pty_ada")
    token = sign("pty_ada", Role.ADMIN)  # the same person once more, without any key
    other = keys.make(Role.ADMIN, owner="party:pty_bob")

    entry = post("/api/ledger/entries", mine["finance"], **ENTRY).get_json()["id"]
    decide = f"/api/ledger/entries/{entry}/approve"
    for same in (mine["finance"], mine["admin"], again, token):
        assert refused(post(decide, same))
    assert post(decide, other).status_code == 200

    order = world.desk.paid()
    freeze = post("/api/ops/freeze", again, reason="A drill.", order_id=order.id).get_json()["id"]
    lift = {"reason": "Over.", "freeze_id": freeze}
    assert post("/api/ops/unfreeze", mine["admin"], **lift).get_json()["status"] != "lifted"
    for same in (mine["admin"], again, token):
        assert refused(post("/api/ops/unfreeze", same, **lift))
    assert post("/api/ops/unfreeze", other, **lift).get_json()["status"] == "lifted"

    path = f"/api/parties/{world.shop.seller_id}/payout-destinations"
    proposed = post(path, mine["support"], kind="stripe", account="acct_1Nv0FGQ9RKHgCVdL")
    decide = f"/api/payout-destinations/{proposed.get_json()['id']}/approve"
    for same in (mine["finance"], again, token):
        assert refused(post(decide, same))
    assert post(decide, other).status_code == 200

    release = world.desk.waiting(world.desk.paid()).id  # asked for by `key:shop`
    same = keys.make(Role.FINANCE, owner="key:shop")
    assert refused(post(f"/api/releases/{release}/approve", same))
    assert post(f"/api/releases/{release}/approve", other).status_code == 200

    assert_the_database_says_so(owner_engine, entry=entry, freeze=freeze, release=release)


def assert_the_database_says_so(owner: Engine, **ids: str) -> None:
    """Whatever the code does, a row where one person did both is not to be had."""
    alone = {
        "manual_entries": ("decided_by = requested_by", ids["entry"]),
        "freezes": ("lifted_by = lift_requested_by", ids["freeze"]),
        "releases": ("approved_by = requested_by", ids["release"]),
        "payout_destinations": ("decided_by = proposed_by", None),
    }
    for table, (change, row_id) in alone.items():
        where = "id = :id" if row_id else "decided_by IS NOT NULL"
        update = text(f"UPDATE strongroom.{table} SET {change} WHERE {where}")
        with owner.connect() as connection:
            connection.execute(text(f"ALTER TABLE strongroom.{table} DISABLE TRIGGER USER"))
            with pytest.raises(DBAPIError) as told:
                connection.execute(update, {"id": row_id})
        assert getattr(told.value.orig, "sqlstate", "") == "23514", table
    found = """SELECT pg_get_constraintdef(oid) FROM pg_constraint
                WHERE conrelid = 'strongroom.period_closings'::regclass AND contype = 'c'"""
    with owner.connect() as connection:
        told_all = connection.execute(text(found)).scalars().all()
    assert any("reopened_by <> reopen_requested_by" in one for one in told_all)


def test_a_month_is_reopened_by_two_people(fresh_engine: Engine) -> None:
    desk = ClosingDesk(fresh_engine)
    desk.post()
    desk.reconcile()
    desk.close()
    assert desk.reopen(by=ADA).resource.state == "reopening"
    same = Caller(principal="key:another", role=Role.ADMIN, person=ADA.person)
    with pytest.raises(ConflictError) as told:
        desk.reopen(by=same)
    assert told.value.code == "second_person_needed"
    other = Caller(principal="key:third", role=Role.ADMIN)
    assert desk.reopen(by=other).resource.state == "reopened"


def test_who_made_a_key_for_somebody_does_not_act_as_two(post: Post, keys: Keys) -> None:
    """Whoever makes a key sees its text: it could be used as the other person."""
    made = post(
        "/api/keys",
        sign("pty_eve", Role.ADMIN),
        name="For Fred",
        role="finance",
        owner="party:pty_fred",
    ).get_json()
    assert (made["owner"], made["created_by"]) == ("party:pty_fred", "party:pty_eve")
    fred = {"Authorization": f"Bearer {made['key']}"}
    entry = post("/api/ledger/entries", fred, **ENTRY).get_json()["id"]
    decide = f"/api/ledger/entries/{entry}/approve"
    assert refused(post(decide, sign("pty_eve", Role.ADMIN)))
    assert refused(post(decide, sign("pty_fred", Role.FINANCE)))
    assert post(decide, sign("pty_grace", Role.FINANCE)).status_code == 200
    assert keys.make(Role.ADMIN)


def test_one_administrator_is_not_two_by_keys_for_people_made_up(post: Post, keys: Keys) -> None:
    mallory = sign("pty_mallory", Role.ADMIN)

    def key_for(name: str, maker: Headers) -> Headers:
        body = {"name": name, "role": "admin", "owner": f"party:pty_{name}"}
        return {"Authorization": f"Bearer {post('/api/keys', maker, **body).get_json()['key']}"}

    xaver, yves = key_for("xaver", mallory), key_for("yves", mallory)
    zoe = key_for("zoe", xaver)  # made with a key made for somebody else
    for asks, decides in ((xaver, yves), (zoe, mallory), (mallory, zoe), (zoe, yves)):
        entry = post("/api/ledger/entries", asks, **ENTRY).get_json()["id"]
        assert refused(post(f"/api/ledger/entries/{entry}/approve", decides))
    # Whoever signs in proves to be themselves, and who has a key of their own making may as well.
    for decides in (sign("pty_yves", Role.FINANCE), keys.make(Role.FINANCE)):
        entry = post("/api/ledger/entries", xaver, **ENTRY).get_json()["id"]
        assert post(f"/api/ledger/entries/{entry}/approve", decides).status_code == 200


def test_who_asked_to_lift_a_freeze_stays_so(
    post: Post, world: World, owner_engine: Engine, keys: Keys
) -> None:
    admin, order = keys.make(Role.ADMIN), world.desk.paid()
    freeze = post("/api/ops/freeze", admin, reason="A drill.", order_id=order.id).get_json()["id"]
    post("/api/ops/unfreeze", admin, reason="Over.", freeze_id=freeze)
    change = "UPDATE strongroom.freezes SET lift_requested_by = 'another' WHERE id = :id"
    with pytest.raises(DBAPIError, match="stays as it is"), owner_engine.begin() as connection:
        connection.execute(text(change), {"id": freeze})


# ---- 25: documents -------------------------------------------------------------------------------


def test_row_25_documents_for_those_who_may_and_each_look_noted(
    api: FlaskClient, engine: Engine, keys: Keys, world: World, strangers: Strangers
) -> None:
    order, number = world.ids["order"], world.ids["number"]
    start = f"/api/invoices/{order}"
    paths = (start, f"{start}.pdf", f"{start}/{number}.pdf")
    why = {"X-Access-Reason": "Ticket 25"}
    shop = world.shop
    may = {
        "buyer": (sign(shop.buyer_id, "buyer"), None),
        "seller": (sign(shop.seller_id, "seller"), None),
        "service": (keys.make(Role.SERVICE), None),
        **{role: (keys.make(role) | why, "Ticket 25") for role in ("finance", "support", "admin")},
    }
    may_not: list[Headers] = [
        sign(strangers.buyer_id, "buyer"),
        sign(strangers.seller_id, "seller"),
        keys.make(Role.OPERATOR) | why,
    ]
    before = len(looks(engine, order))
    for path in paths:
        for headers in may_not:
            there = api.get(path, headers=headers)
            nowhere = api.get(path.replace(order, MISSING["order"]), headers=headers)
            assert (there.status_code, nowhere.status_code) == (404, 404), path
        for role in ("finance", "support", "admin"):
            assert api.get(path, headers=keys.make(role)).get_json()["code"] == "reason_required"
        assert api.get(path).status_code == 401
    assert len(looks(engine, order)) == before, "who saw nothing has not looked"
    for role, (headers, reason) in may.items():
        for path in paths:
            answer = api.get(path, headers=headers)
            assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store"), role
            newest = looks(engine, order)[-1]
            assert (newest.role, newest.reason) == (role, reason)
    assert len(looks(engine, order)) == before + len(may) * len(paths)

    link = api.post(f"{start}/links", json={}, headers=may["buyer"][0]).get_json()
    assert GOOD_FOR.total_seconds() == 300
    address = f"{start}?link={link['link']}"
    assert api.get(address).status_code == 200
    assert looks(engine, order)[-1].way == "link"
    assert api.get(address.replace(order, MISSING["order"])).status_code in (401, 404)
    assert api.get(f"{address[:-3]}xyz").status_code in (401, 404)


def looks(engine: Engine, order_id: str) -> list[InvoiceAccess]:
    found = select(InvoiceAccess).where(InvoiceAccess.order_id == order_id)
    with transaction(engine) as session:
        return list(session.scalars(found.order_by(InvoiceAccess.id)))


# ---- 26: event streams ---------------------------------------------------------------------------


def test_row_26_a_stream_is_looked_at_again_within_a_minute(
    one_app: Flask, engine: Engine, keys: Keys, world: World, strangers: Strangers
) -> None:
    """Rights are asked for anew while it is open; what it tells is chosen here, by who calls."""
    assert RECHECK_S + HEARTBEAT_S < 60, "noticed at the first sign of life after it is due"
    headers = keys.make(Role.SUPPORT)
    key_id = "key_" + headers["Authorization"].split("_")[2]
    with one_app.test_request_context("/api/events", headers=headers):
        by_key = _recheck()
    staff, buyer = sign("pty_26", Role.SUPPORT), sign("pty_27", Role.BUYER)
    with one_app.test_request_context("/api/events", headers=staff):
        by_token = _recheck()
    with one_app.test_request_context("/api/events", headers=buyer):
        still = _recheck()
    first = by_key()
    assert by_key() == first
    with transaction(engine) as session:
        session.execute(
            text("UPDATE strongroom.api_keys SET role = 'service' WHERE id = :id"), {"id": key_id}
        )
    assert by_key() != first, "who has another role now is another caller: the stream ends"
    with transaction(engine) as session:
        revoke_key(session, key_id, now=now())
        end_access(session, party_id="pty_26", by="test", now=now())
    for recheck in (by_key, by_token):
        with pytest.raises(UnauthorizedError):
            recheck()
    assert still().party_id == "pty_27"

    with transaction(engine) as session:  # as the relay does
        while number_pending(session, limit=100):
            pass
    client = one_app.test_client(use_cookies=False)
    told = client.get(
        "/api/events", headers=sign(strangers.buyer_id, "buyer") | {"Last-Event-ID": "0"}
    )
    theirs = client.get(
        "/api/events", headers=sign(world.shop.buyer_id, "buyer") | {"Last-Event-ID": "0"}
    )
    assert world.ids["order"] not in told.text
    assert world.ids["payment"] in theirs.text
    for query in ("?party_id=", "?order_id=", "?channel="):
        asked = client.get(
            f"/api/events{query}{world.shop.buyer_id}",
            headers=sign(strangers.buyer_id, "buyer") | {"Last-Event-ID": "0"},
        )
        assert world.ids["payment"] not in asked.text
        asked.close()
    assert client.get(f"/api/events?token={secrets.token_hex(16)}").status_code == 400
    for answer in (told, theirs):
        answer.close()
    assert dataclasses.is_dataclass(first)
