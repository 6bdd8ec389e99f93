"""Finance at work over HTTP: a run, the queue, matches and findings; and who may do what."""

import secrets
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine

from jobs.context import JobContext, connect_context
from jobs.reconcile import reconcile
from payments.access.caller import Role
from payments.database import connect_engine, transaction
from payments.delivery import live_events
from payments.delivery.tables import LiveEvent, OutboxRow
from payments.settings import Settings, read_settings
from tests.payments.bank_shop import ToldByBank
from tests.payments.reconciliation.desk import Desk, money_in, open_desk
from tests.web.conftest import Headers, KeyOf, environment

RUNS = "/api/reconciliation/runs"
UNMATCHED = "/api/reconciliation/unmatched"
FINDINGS = "/api/reconciliation/findings"


@pytest.fixture
def settings(fresh_database_url: str, redis_url: str) -> Settings:
    return read_settings(environment(database_url=fresh_database_url, redis_url=redis_url))


@pytest.fixture
def engine(fresh_database_url: str) -> Iterator[Engine]:
    engine = connect_engine(fresh_database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def desk(engine: Engine) -> Desk:
    return open_desk(engine)


@pytest.fixture
def context(settings: Settings) -> Iterator[JobContext]:
    made = connect_context(settings)
    yield made
    made.engine.dispose()
    made.bell.close()


@pytest.fixture
def finance(key_of: KeyOf) -> Headers:
    return key_of(Role.FINANCE)


class Finance:
    """Short words for what finance does over HTTP."""

    def __init__(self, client: FlaskClient, headers: Headers, context: JobContext) -> None:
        self.client, self.headers, self.context = client, headers, context

    def get(self, path: str, **query: Any) -> Any:
        answer = self.client.get(path, query_string=query, headers=self.headers)
        assert answer.status_code == 200, answer.text
        return answer.get_json()

    def post(self, path: str, *, status: int = 201, **body: Any) -> Any:
        content = {"reference": secrets.token_hex(16)} | body
        answer = self.client.post(path, json=content, headers=self.headers)
        assert answer.status_code == status, answer.text
        return answer.get_json()

    def run(self) -> Any:
        """Ask for a run, have the job make it, and return it."""
        run = self.post(RUNS, status=202)
        reconcile(self.context, {"run_id": run["id"]})
        return self.get(f"{RUNS}/{run['id']}")


@pytest.fixture
def at_desk(client: FlaskClient, finance: Headers, context: JobContext) -> Finance:
    return Finance(client, finance, context)


def test_a_run_is_asked_for_made_by_a_job_and_shown(
    at_desk: Finance, desk: Desk, engine: Engine
) -> None:
    payment = desk.payment(10_000)
    desk.tell(ToldByBank(payment).settled(amount=10_000))
    desk.statement(money_in(10_000, f"{payment.bank_reference}"))
    asked = at_desk.post(RUNS, status=202, reference="november", date_window_days=14)
    assert (asked["status"], asked["date_window_days"]) == ("waiting", 14)
    again = at_desk.client.post(
        RUNS, json={"reference": "november", "date_window_days": 14}, headers=at_desk.headers
    )
    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (200, "true")
    with transaction(engine) as session:
        [row] = session.query(OutboxRow).filter_by(job="reconcile")
        assert row.args == {"run_id": asked["id"]}
    reconcile(at_desk.context, {"run_id": asked["id"]})
    run = at_desk.get(f"{RUNS}/{asked['id']}")
    assert (run["status"], run["figures"]["lines_matched"]) == ("done", 1)
    assert run["finished_at"] is not None
    assert [each["id"] for each in at_desk.get(RUNS)["data"]] == [asked["id"]]


def test_the_frontend_is_told_of_each_step_and_buyers_are_not(
    at_desk: Finance, engine: Engine
) -> None:
    run = at_desk.run()
    with transaction(engine) as session:
        live_events.number_pending(session, limit=1_000)
        rows = session.query(LiveEvent).filter_by(topic="reconciliation.updated").all()
    assert {row.subject_id for row in rows} == {run["id"]}
    assert {tuple(row.audience) for row in rows} == {()}
    phases = [row.data["phase"] for row in sorted(rows, key=lambda row: row.position or 0)]
    assert list(dict.fromkeys(phases)) == [None, "reading", "matching", "booking", "checking"]
    assert rows[-1].data.keys() == run.keys()


def test_the_queue_is_worked_off(at_desk: Finance, desk: Desk) -> None:
    payment = desk.payment(10_000)
    rent, gift = desk.statement(money_in(-2_300, "rent"), money_in(10_000, "for Ada"))
    at_desk.run()
    queue = at_desk.get(UNMATCHED)["data"]
    assert [(item["id"], item["amount"], item["kind"]) for item in queue] == [
        (rent, "-2300", "line"),
        (gift, "10000", "line"),
    ]
    judged = at_desk.post(f"{UNMATCHED}/{gift}/match", parts=[{"payment_id": payment.id}])
    assert judged["match"]["parts"][0]["amount"] == "10000"
    assert desk.status(payment) == "succeeded"
    judged = at_desk.post(f"{UNMATCHED}/{rent}/discard", reason="other books")
    match_id = judged["match"]["id"]
    assert at_desk.get(UNMATCHED)["data"] == []
    undone = at_desk.post(
        f"/api/reconciliation/matches/{match_id}/undo", status=200, reason="ours after all"
    )
    assert undone["state"] == "undone"
    matches = at_desk.get("/api/reconciliation/matches", line_id=rent)["data"]
    assert [(match["rule"], match["state"]) for match in matches] == [("discarded", "undone")]
    split = [{"account": "expenses:bank:fees", "amount": "-300"}, {"account": "equity:owners"}]
    judged = at_desk.post(f"{UNMATCHED}/{rent}/match", parts=split)
    assert [part["amount"] for part in judged["match"]["parts"]] == ["-300", "-2000"]
    assert desk.balances()["suspense"] == 0
    of_payment = at_desk.get("/api/reconciliation/matches", payment_id=payment.id)["data"]
    assert [match["line_id"] for match in of_payment] == [gift]


def test_a_late_receipt_is_taken_into_its_payment(at_desk: Finance, desk: Desk) -> None:
    payment = desk.payment(10_000)
    told = ToldByBank(payment)
    desk.tell(told.expired(), told.transfer(10_000, second=60))
    [item] = at_desk.get(UNMATCHED)["data"]
    assert (item["kind"], item["reason"], item["payment_id"]) == ("receipt", "late", payment.id)
    judged = at_desk.post(f"{UNMATCHED}/{item['id']}/match")
    assert (judged["match"], judged["payment"]["status"]) == (None, "succeeded")
    assert at_desk.get(UNMATCHED)["data"] == []


def test_findings_are_taken_on_and_settled(at_desk: Finance, desk: Desk) -> None:
    desk.statement(money_in(500), opening=1_000, closing=1_400)
    at_desk.run()
    [finding] = at_desk.get(FINDINGS, state="open")["data"]
    assert (finding["kind"], finding["amount"]) == ("balance_drift", "1400")
    path = f"{FINDINGS}/{finding['id']}"
    for change, field in (({"owner": "Ada"}, "owner"), ({"resolution": "typo"}, "resolution")):
        answer = at_desk.client.patch(path, json=change, headers=at_desk.headers)
        assert answer.status_code == 200, answer.text
        assert answer.get_json()[field] == change[field]
    assert at_desk.get(FINDINGS, state="open")["data"] == []
    at_desk.run()
    assert at_desk.get(FINDINGS, state="open")["data"] == []
    answer = at_desk.client.patch(path, json={}, headers=at_desk.headers)
    assert answer.status_code == 400


@pytest.mark.parametrize("role", [Role.SUPPORT, Role.OPERATOR, Role.SERVICE])
def test_only_finance_may_judge(client: FlaskClient, key_of: KeyOf, desk: Desk, role: Role) -> None:
    [line_id] = desk.statement(money_in(500))
    body = {"reference": "x", "parts": [{"account": "equity:owners"}]}
    headers = key_of(role)
    answer = client.post(f"{UNMATCHED}/{line_id}/match", json=body, headers=headers)
    assert answer.status_code == 403
    assert client.post(RUNS, json={"reference": "x"}, headers=headers).status_code == 403


def test_operators_see_the_queue_without_names(
    client: FlaskClient, key_of: KeyOf, desk: Desk
) -> None:
    desk.statement(money_in(500, "a secret between Ada and us"))
    answer = client.get(UNMATCHED, headers=key_of(Role.OPERATOR))
    [item] = answer.get_json()["data"]
    assert item["details"] is None
    assert "secret" not in answer.text


@pytest.mark.parametrize("amount", ["1.5", 1.5, "--5", "+5", True, "-", ""])
def test_amounts_are_whole_numbers(at_desk: Finance, desk: Desk, amount: Any) -> None:
    [line_id] = desk.statement(money_in(500))
    parts = [{"account": "equity:owners", "amount": amount}]
    at_desk.post(f"{UNMATCHED}/{line_id}/match", status=400, parts=parts)
