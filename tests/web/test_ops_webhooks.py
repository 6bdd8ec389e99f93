"""What operators see and do about webhooks, over HTTP."""

import datetime as dt
import json
import secrets
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, select, update

from payments.access.caller import Role
from payments.database import transaction
from payments.delivery.tables import OutboxRow
from payments.webhooks.tables import InboxEvent
from tests.web.conftest import Headers, KeyOf
from tests.web.test_webhooks import deliver, event, signed

NOW = dt.datetime.now(dt.UTC)  # noqa: TID251 - the application's clock is real here
REPLAY = "/api/ops/webhooks/replay"
WINDOW = "/api/ops/webhooks/retry-window"

Take = Callable[..., str]


@pytest.fixture
def operator(key_of: KeyOf) -> Headers:
    return key_of(Role.OPERATOR)


@pytest.fixture
def take(client: FlaskClient, engine: Engine) -> Take:
    """Delivers an event, puts it into a state and returns its id."""

    def make(*, state: str = "new", kind: str = "customer.created", hours_ago: int = 0) -> str:
        payload = event(type=kind)
        assert deliver(client, payload, signed(payload))[0] == 200
        event_id = str(json.loads(payload)["id"])
        values: dict[str, Any] = {
            "state": state,
            "received_at": NOW - dt.timedelta(hours=hours_ago),
        }
        if state == "dead":
            values |= {"error": "unknown_payment: no payment has pi_1", "finished_at": NOW}
        with transaction(engine) as session:
            session.execute(
                update(InboxEvent).where(InboxEvent.event_id == event_id).values(**values)
            )
        return event_id

    return make


def replay(client: FlaskClient, headers: Headers, **body: object) -> Any:
    return client.post(REPLAY, json={"reference": secrets.token_hex(16)} | body, headers=headers)


def test_dead_letters_are_listed_with_their_error_and_without_payloads(
    client: FlaskClient, operator: Headers, take: Take
) -> None:
    kind = f"customer.{secrets.token_hex(4)}"
    dead, _, new = take(state="dead", kind=kind), take(kind=kind), take(kind=kind)
    (row,) = client.get(f"/api/ops/webhooks?state=dead&type={kind}", headers=operator).get_json()[
        "data"
    ]
    assert (row["event_id"], row["type"], row["state"]) == (dead, kind, "dead")
    assert row["error"] == "unknown_payment: no payment has pi_1"
    assert row["due_at"] is None
    assert "payload" not in "".join(row)
    newest = client.get(f"/api/ops/webhooks?type={kind}&limit=1", headers=operator).get_json()
    assert [row["event_id"] for row in newest["data"]] == [new]
    rest = client.get(
        f"/api/ops/webhooks?type={kind}&after={newest['next']}", headers=operator
    ).get_json()
    assert (len(rest["data"]), rest["next"]) == (2, None)


def test_what_was_discarded_is_no_longer_among_the_dead(
    client: FlaskClient, operator: Headers, take: Take
) -> None:
    kind = f"customer.{secrets.token_hex(4)}"
    gone, stays = take(state="dead", kind=kind), take(state="dead", kind=kind)

    def listed(**wanted: str) -> list[tuple[str, str]]:
        query = {"type": kind, **wanted}
        page = client.get("/api/ops/webhooks", query_string=query, headers=operator).get_json()
        return [(row["event_id"], row["state"]) for row in page["data"]]

    letters = client.get("/api/ops/dead-letters?kind=event&limit=100", headers=operator).get_json()
    [letter] = [one["id"] for one in letters["data"] if one["about"] == gone]
    body = {"reference": secrets.token_hex(16), "kind": "event", "ids": [letter], "reason": "Test"}
    made = client.post("/api/ops/dead-letters/discard", json=body, headers=operator)
    assert made.status_code == 201
    assert listed(state="dead") == [(stays, "dead")]
    assert listed(state="discarded") == [(gone, "discarded")]
    assert listed() == [(stays, "dead"), (gone, "discarded")], "nothing is hidden"


@pytest.mark.parametrize(
    "query", ["state=lost", "limit=0", "after=evt_1", "after=inb_x", f"after=inb_{'9' * 30}", "x=1"]
)
def test_an_odd_list_is_refused_by_name(client: FlaskClient, operator: Headers, query: str) -> None:
    answer = client.get(f"/api/ops/webhooks?{query}", headers=operator)
    assert answer.status_code == 400
    assert set(answer.get_json()["errors"]) == {query.partition("=")[0]}


def test_support_reads_and_changes_nothing(client: FlaskClient, key_of: KeyOf, take: Take) -> None:
    support = key_of(Role.SUPPORT)
    assert client.get("/api/ops/webhooks", headers=support).status_code == 200
    assert replay(client, support, ids=[take()]).status_code == 403
    window = {"provider": "stripe", "hours": 100}
    assert client.put(WINDOW, json=window, headers=support).status_code == 403


def test_a_replay_is_accepted_once_per_reference(
    client: FlaskClient, operator: Headers, take: Take, engine: Engine
) -> None:
    body = {"reference": secrets.token_hex(16), "ids": [take(state="dead")]}
    first = client.post(REPLAY, json=body, headers=operator)
    assert first.status_code == 202
    assert first.get_json() | {"id": "", "created_at": ""} == {
        "id": "",
        "source": "inbox",
        "status": "running",
        "accepted": 1,
        "replayed": 0,
        "duplicates": 0,
        "missing": 0,
        "error": None,
        "created_at": "",
        "finished_at": None,
    }
    again = client.post(REPLAY, json=body, headers=operator)
    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (200, "true")
    assert again.get_json() == first.get_json()
    assert (
        client.get(f"{REPLAY}/{first.get_json()['id']}", headers=operator).get_json()
        == first.get_json()
    )
    other = client.post(REPLAY, json=body | {"source": "stripe"}, headers=operator)
    assert (other.status_code, other.get_json()["code"]) == (422, "reference_reused")
    with transaction(engine) as session:
        jobs = session.scalars(select(OutboxRow).where(OutboxRow.job == "replay_webhooks")).all()
    assert [job.args for job in jobs if job.args["replay_id"] == first.get_json()["id"]] == [
        {"replay_id": first.get_json()["id"]}
    ]


def test_a_range_of_stripes_is_accepted_without_a_count(
    client: FlaskClient, operator: Headers
) -> None:
    body = {"source": "stripe", "from": (NOW - dt.timedelta(days=2)).isoformat()}
    answer = replay(client, operator, **body)
    assert (answer.status_code, answer.get_json()["accepted"]) == (202, None)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "ids"),
        ({"ids": []}, "ids"),
        ({"ids": ["evt_not_there"]}, "ids"),
        ({"ids": ["evt_1\n"]}, "ids"),
        ({"ids": "evt_1"}, "ids"),
        ({"ids": ["evt_1"], "source": "mail"}, "source"),
        ({"ids": ["evt_1"], "from": "2026-11-22T12:00:00Z"}, "ids"),
        ({"from": "yesterday"}, "from"),
        ({"from": "2026-11-22T12:00:00"}, "from"),
        ({"from": "0001-01-01T00:00:00+14:00"}, "from"),
        ({"from": "2026-01-01T00:00:00Z", "source": "stripe"}, "from"),
        ({"from": "2026-11-02T00:00:00Z", "to": "2026-11-01T00:00:00Z"}, "from"),
        ({"to": "2026-11-01T00:00:00Z", "ids": ["evt_1"]}, "from"),
    ],
)
def test_an_odd_replay_is_refused_by_name(
    client: FlaskClient, operator: Headers, body: dict[str, object], field: str
) -> None:
    answer = replay(client, operator, **body)
    assert answer.status_code == 400, answer.text
    assert {name.split(".")[0] for name in answer.get_json()["errors"]} == {field}


def test_without_a_reference_nothing_is_replayed(client: FlaskClient, operator: Headers) -> None:
    answer = client.post(REPLAY, json={"ids": ["evt_1"]}, headers=operator)
    assert (answer.status_code, answer.get_json()["code"]) == (400, "reference_required")
    assert client.get(f"{REPLAY}/rpl_0", headers=operator).status_code == 404


def test_a_wider_window_revives_what_fits_into_it(
    client: FlaskClient, operator: Headers, take: Take, engine: Engine
) -> None:
    young, old = take(state="dead", hours_ago=150), take(state="dead", hours_ago=300)
    answer = client.put(WINDOW, json={"provider": "stripe", "hours": 200}, headers=operator)
    assert answer.status_code == 200
    assert answer.get_json().items() >= {"provider": "stripe", "hours": 200}.items()
    assert answer.get_json()["revived"] >= 1
    with transaction(engine) as session:
        found = select(InboxEvent.event_id, InboxEvent.state)
        states = dict(session.execute(found.where(InboxEvent.event_id.in_([young, old]))).all())
    assert states == {young: "new", old: "dead"}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"provider": "nobody"}, "provider"),
        ({"hours": 0}, "hours"),
        ({"hours": 721}, "hours"),
        ({"hours": "72"}, "hours"),
        ({"days": 3}, "days"),
    ],
)
def test_an_odd_window_is_refused_by_name(
    client: FlaskClient, operator: Headers, changes: dict[str, object], field: str
) -> None:
    body = {"provider": "stripe", "hours": 72} | changes
    answer = client.put(WINDOW, json=body, headers=operator)
    assert answer.status_code == 400
    assert set(answer.get_json()["errors"]) == {field}
