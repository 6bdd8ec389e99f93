"""The audit log (row 55): every deed, look and refusal is an entry, made from the routes served."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, text
from sqlalchemy.exc import ProgrammingError
from werkzeug.test import TestResponse

from payments.access.caller import KEY_ROLES, Role
from payments.audit.sealing import seal_audit
from payments.audit.verify import audit_faults
from payments.database import API_ROLE, APPLICATION_ROLE, WORKER_ROLE
from tests.architecture.routes import Route, routes_of
from tests.conditions import wait_until
from tests.security.one_world import Keys, api, keys, one_app, one_settings, sign, strangers, world
from tests.security.test_matrix import Matrix, matrix
from tests.security.world import Strangers
from tests.web.conftest import environment
from web import deeds
from web.command_line import main
from web.commands.deeds import ONLY_READING
from web.policies import POLICIES

__all__ = ["api", "keys", "matrix", "one_app", "one_settings", "strangers", "world"]  # fixtures

MARK = "a mark in a reason"


class Log:
    """The entries, by the request they are of."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def of(self, answer: TestResponse) -> list[Any]:
        query = text("SELECT * FROM strongroom.audit_entries WHERE request_id = :id")
        with self._engine.connect() as connection:
            asked = {"id": answer.headers["X-Request-Id"]}
            return list(connection.execute(query, asked))

    def outcomes(self, answer: TestResponse) -> list[str]:
        return [entry.outcome for entry in self.of(answer)]


@pytest.fixture(scope="module")
def log(engine: Engine) -> Log:
    return Log(engine)


def is_change(route: Route) -> bool:
    return route.method not in deeds.READING


def able(route: Route) -> Role:
    """A role of API keys that the route's policy lets in."""
    return min(POLICIES[str(route.action)] & KEY_ROLES)


def expected(route: Route, status: int) -> set[str]:
    """What entries an answer leaves, as docs/security.md says."""
    if status in deeds.NOT_UNDERSTOOD:
        return set()
    if status < 400:
        seen = set() if route.endpoint in deeds.NOTHING_PERSONAL else {"seen"}
        return {"done"} if is_change(route) else seen
    if is_change(route) or route.endpoint not in deeds.NOTHING_PERSONAL:
        return {"refused"} if status < 500 else {"failed"}
    return {"refused"} if status in deeds.REFUSED_READS else set()


def test_every_list_of_exceptions_names_what_is_there(one_app: Flask) -> None:
    """A new route is covered; what is excepted exists, reads, and is looked at."""
    served = {route.endpoint: route for route in routes_of(one_app)}
    assert set(served) >= set(deeds.NOTHING_PERSONAL) | set(deeds.KEPT_ELSEWHERE)
    for endpoint in deeds.NOTHING_PERSONAL:
        assert served[endpoint].method == "GET"
    assert set(deeds.KEPT_ELSEWHERE) == {"webhooks.stripe", "webhooks.bank"}
    reading_of_people = {"parties.read", "parties.find", "payouts.list_of_party", "invoices.show"}
    reading_of_people |= {"invoices.show_pdf", "exports.download", "audit.list_page"}
    assert not reading_of_people & set(deeds.NOTHING_PERSONAL)


def test_every_command_that_is_no_entry_exists() -> None:
    def names(group: Any, before: str = "") -> Iterator[str]:
        for name, command in group.commands.items():
            if hasattr(command, "commands"):
                yield from names(command, f"{before}{name} ")
            else:
                yield f"{before}{name}"

    assert set(names(main)) >= set(ONLY_READING)


def test_every_route_leaves_what_it_should(matrix: Matrix, keys: Keys, log: Log) -> None:
    holders = {role: keys.make(role) for role in KEY_ROLES}
    changes = looks = 0
    for name, route in matrix.routes.items():
        if not POLICIES[str(route.action)] & KEY_ROLES:
            continue
        answer = matrix.send(name, holders[able(route)], matrix.own())
        found = set(log.outcomes(answer)) - {"replayed"}
        wanted = expected(route, answer.status_code)
        if answer.status_code >= 400 and "done" in found:
            wanted = {"done", "failed"}  # it changed something before it failed
        assert found == wanted, (name, answer.status_code, answer.text[:300])
        if answer.status_code not in deeds.NOT_UNDERSTOOD:
            changes, looks = changes + is_change(route), looks + ("seen" in found)
    assert changes > 30
    assert looks > 8


def test_everybody_refused_is_an_entry(matrix: Matrix, keys: Keys, log: Log) -> None:
    """By no credential, and by a role that may not; whatever the route."""
    limit = deeds.REFUSALS_A_MINUTE
    for name in list(matrix.routes)[: limit // 2]:
        answer = matrix.send(name, {}, matrix.own())
        (entry,) = log.of(answer)
        assert (entry.outcome, entry.status, entry.person) == ("refused", 401, "nobody")
        assert entry.ip == "127.0.0.1"
    for name, route in matrix.routes.items():
        others = KEY_ROLES - POLICIES[str(route.action)]
        if others:
            answer = matrix.send(name, keys.make(min(others)), matrix.own())
            (entry,) = log.of(answer)
            assert (entry.outcome, entry.status) == ("refused", 403)
            assert entry.code == ("role_forbidden" if answer.is_json else None)  # or a page


def test_refusals_are_written_so_often_and_no_more(
    monkeypatch: pytest.MonkeyPatch, api: FlaskClient, keys: Keys, log: Log
) -> None:
    monkeypatch.setattr(deeds, "REFUSALS_A_MINUTE", 3)
    monkeypatch.setattr("web.deeds.time.monotonic", lambda: 6e9)
    headers = keys.make(Role.SUPPORT, owner="party:pty_curious")
    answers = [api.get("/api/keys", headers=headers) for _ in range(5)]
    assert [len(log.of(answer)) for answer in answers] == [1, 1, 1, 0, 0]
    # One customer of a network has as many addresses of IPv6 as they like.
    hosts = [{"REMOTE_ADDR": f"2001:db8:0:7::{number:x}"} for number in range(1, 6)]
    answers = [api.get("/api/keys", environ_base=host) for host in hosts]
    assert [len(log.of(answer)) for answer in answers] == [1, 1, 1, 0, 0]


def test_who_was_found_by_an_address_is_told(api: FlaskClient, keys: Keys, log: Log) -> None:
    service = keys.make(Role.SERVICE)
    person = {"reference": "found-55", "name": "Ada", "email": "found-55@example.com"}
    made = api.post("/api/parties", json=person, headers=service).get_json()["id"]
    query = {"email": person["email"]}
    (entry,) = log.of(api.get("/api/parties", query_string=query, headers=service))
    assert (entry.outcome, entry.subjects) == ("seen", [made])


def test_the_words_of_nobody_are_not_kept(api: FlaskClient, log: Log) -> None:
    body = {"reference": "freeze-nobody", "reason": MARK}
    headers = {"X-Access-Reason": MARK}
    (entry,) = log.of(api.post("/api/ops/freeze", json=body, headers=headers))
    assert (entry.outcome, entry.status, entry.reason_encrypted) == ("refused", 401, None)


def test_what_an_entry_tells(api: FlaskClient, keys: Keys, log: Log) -> None:
    headers = keys.make(Role.ADMIN, owner="party:pty_boss")
    body = {"reference": "freeze-55", "reason": MARK}
    made = api.post("/api/ops/freeze", json=body, headers=headers)
    (entry,) = log.of(made)
    freeze = made.get_json()["id"]
    assert (entry.person, entry.role, entry.action) == (
        "party:pty_boss",
        "admin",
        "releases.freeze",
    )
    assert entry.actor.startswith("key:")
    assert entry.ip == "127.0.0.1"
    assert freeze in entry.subjects
    assert ["freezes", freeze, None] in [change[:3] for change in entry.changes]
    again = api.post("/api/ops/freeze", json=body, headers=headers)
    assert log.outcomes(again) == ["replayed"]
    listed = api.get(f"/api/audit?subject={freeze}&actor=party:pty_boss", headers=headers)
    shown = [one for one in listed.get_json()["data"] if one["outcome"] == "done"]
    assert [one["reason"] for one in shown] == [MARK]
    assert log.outcomes(listed) == ["seen"]
    for path in ("lift", "again"):
        person = keys.make(Role.ADMIN, owner=f"party:pty_{path}")
        lift = {"reference": f"unfreeze-{path}", "freeze_id": freeze, "reason": MARK}
        api.post("/api/ops/unfreeze", json=lift, headers=person)


def test_who_looks_at_people_is_an_entry_and_who_looks_at_themselves_is_not(
    api: FlaskClient, matrix: Matrix, keys: Keys, strangers: Strangers, log: Log
) -> None:
    buyer = matrix.world.shop.buyer_id
    staff, own = keys.make(Role.SUPPORT), sign(buyer, Role.BUYER)
    (entry,) = log.of(api.get(f"/api/parties/{buyer}", headers=staff))
    assert (entry.outcome, entry.action, entry.subjects) == ("seen", "parties.read", [buyer])
    assert log.of(api.get(f"/api/parties/{buyer}", headers=own)) == []
    foreign = api.get(f"/api/parties/{buyer}", headers=sign(strangers.buyer_id, Role.BUYER))
    assert (foreign.status_code, log.outcomes(foreign)) == (404, ["refused"])
    order = matrix.own()("order")
    seen = api.get(
        f"/api/invoices/{order}", headers={**keys.make(Role.FINANCE), "X-Access-Reason": MARK}
    )
    (entry,) = log.of(seen)
    assert (entry.outcome, entry.subjects[0]) == ("seen", order)
    assert entry.reason_digest is not None


def test_pages_filters_and_the_export(api: FlaskClient, keys: Keys, engine: Engine) -> None:
    headers = keys.make(Role.FINANCE, owner="party:pty_auditor")
    for _ in range(4):
        api.get("/api/audit?limit=1", headers=headers)
    path = "/api/audit?actor=party:pty_auditor&action=audit.read&outcome=seen&limit=3"
    first = api.get(path, headers=headers).get_json()
    rest = api.get(f"{path}&after={first['next']}", headers=headers).get_json()
    numbers = [one["number"] for one in (*first["data"], *rest["data"])]
    assert numbers == sorted(numbers, reverse=True)
    assert len(set(numbers)) == len(numbers) >= 4
    assert api.get(f"{path}&to=2020-01-01T00:00:00Z", headers=headers).get_json()["data"] == []
    assert api.get(f"{path}&from=2020-01-01T00:00:00Z", headers=headers).get_json()["data"]
    assert api.get("/api/audit?after=x", headers=headers).status_code == 400
    wait_until(lambda: seal_audit(engine) > 0)
    exported = api.get("/api/audit/export", headers=headers)
    assert exported.mimetype == "application/jsonl"
    assert MARK not in exported.text
    assert exported.text.count('"kind":"seal"') >= 1


def test_a_command_is_an_entry_too(
    database_url: str, one_settings: Any, engine: Engine, tmp_path: Any
) -> None:
    environ = environment(database_url=database_url, redis_url=one_settings.redis_url)

    def run(*arguments: str, code: int = 0) -> str:
        result = CliRunner().invoke(main, arguments, env=environ)
        assert result.exit_code == code, result.output
        return result.output

    run("keys", "create", "--name", "Shop", "--role", "service")
    run("keys", "revoke", "key_none", code=1)
    run("keys", "list")
    with engine.connect() as connection:
        entries = connection.execute(
            text(
                "SELECT action, outcome, person, role, number FROM strongroom.audit_entries"
                " WHERE action LIKE 'command:keys%' ORDER BY number"
            )
        ).all()
    assert [entry[:2] for entry in entries] == [
        ("command:keys create", "done"),
        ("command:keys revoke", "failed"),
    ]
    assert all(re.fullmatch(r"command:\S+", entry.person) for entry in entries)
    assert "keys create" in run("audit", "list", "--action", "command:keys create")
    wait_until(lambda: seal_audit(engine) >= 0 and is_sealed(engine, entries[-1].number))
    anchor = run("audit", "seal").split("elsewhere: ")[1].strip()
    assert "fits its seal" in run("audit", "verify", "--anchor", anchor)
    run("audit", "verify", "--anchor", f"1:{'00' * 32}", code=1)
    file = tmp_path / "audit.jsonl"
    run("audit", "export", str(file))
    assert "proves itself" in run("audit", "verify", "--file", str(file), "--anchor", anchor)
    file.write_text(file.read_text().replace("keys create", "keys remove", 1))
    assert "changed or moved" in run("audit", "verify", "--file", str(file), code=1)


def test_row_55_deeds_are_chained_and_nobody_may_change_one(
    api: FlaskClient, keys: Keys, log: Log, engine: Engine, owner_engine: Engine
) -> None:
    made = api.post(
        "/api/parties",
        json={"reference": "row-55", "name": "Ana"},
        headers=keys.make(Role.SERVICE),
    )
    (entry,) = log.of(made)
    assert made.get_json()["id"] in entry.subjects
    read = api.get(f"/api/parties/{made.get_json()['id']}", headers=keys.make(Role.SUPPORT))
    assert log.outcomes(read) == ["seen"]
    for role in (APPLICATION_ROLE, API_ROLE, WORKER_ROLE):
        for change in ("UPDATE {} SET person = 'x'", "DELETE FROM {}", "TRUNCATE {}"):
            with owner_engine.connect() as connection:
                connection.execute(text(f"SET ROLE {role}"))
                with pytest.raises(ProgrammingError, match="permission denied"):
                    connection.execute(text(change.format("strongroom.audit_entries")))
    wait_until(lambda: seal_audit(engine) >= 0 and is_sealed(engine, entry.number))
    with engine.connect() as connection:
        assert list(audit_faults(connection)) == []
    with owner_engine.connect() as connection:  # rolled back at its end
        connection.execute(text("ALTER TABLE strongroom.audit_entries DISABLE TRIGGER USER"))
        forged = text("UPDATE strongroom.audit_entries SET person = 'x' WHERE number = :number")
        connection.execute(forged, {"number": entry.number})
        assert [fault.entry for fault in audit_faults(connection)] == [entry.number]


def is_sealed(engine: Engine, number: int) -> bool:
    with engine.connect() as connection:
        query = text("SELECT coalesce(max(upto_entry), 0) FROM strongroom.audit_seals")
        return int(connection.execute(query).scalar_one()) >= number
