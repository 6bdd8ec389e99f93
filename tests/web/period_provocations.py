"""Every problem code of entries by hand and of months, provoked over HTTP.

Months long before any other entry, so that nothing else in the database has to do with them.
"""

import datetime as dt
from typing import Any

from werkzeug.test import TestResponse

import ledger
from payments.access.caller import Role
from payments.database import transaction
from payments.reconciliation.request_run import add_run
from tests.web.provocations import Stage, provokes

ENTRIES = "/api/ledger/entries"
LONG_AGO = "1990-01-31"
NEVER = dt.datetime(2999, 1, 1, tzinfo=dt.UTC)


def ask(stage: Stage, **changes: Any) -> TestResponse:
    body = {
        "reason": "A drill.",
        "effective_on": "2026-10-31",
        "lines": [
            {"account": "expenses:drills", "asset": "EUR", "debit": "100"},
            {"account": "equity:adjustments", "asset": "EUR", "credit": "100"},
        ],
    }
    return stage.post(ENTRIES, body | changes, role=Role.FINANCE)


def approve(stage: Stage, entry_id: str) -> TestResponse:
    return stage.post(f"{ENTRIES}/{entry_id}/approve", {}, role=Role.FINANCE)


def posted(stage: Stage) -> str:
    entry_id = str(ask(stage).get_json()["id"])
    assert approve(stage, entry_id).get_json()["status"] == "posted"
    return entry_id


def reverse(stage: Stage, entry_id: str) -> TestResponse:
    return stage.post(f"{ENTRIES}/{entry_id}/reverse", {"reason": "A drill."}, role=Role.FINANCE)


def close_long_ago(stage: Stage) -> None:
    with transaction(stage.engine) as session:
        ledger.close_books(session.connection(), ledger.end_of_month("1990-01"))


@provokes("entry_decided")
def it_was_approved_before(stage: Stage) -> TestResponse:
    return approve(stage, posted(stage))


@provokes("entry_not_reversible")
def it_is_not_posted(stage: Stage) -> TestResponse:
    return reverse(stage, str(ask(stage).get_json()["id"]))


@provokes("entry_reversed")
def a_reversal_waits(stage: Stage) -> TestResponse:
    entry_id = posted(stage)
    reverse(stage, entry_id)
    return reverse(stage, entry_id)


@provokes("period_closed")
def its_month_is_closed(stage: Stage) -> TestResponse:
    close_long_ago(stage)
    return ask(stage, effective_on=LONG_AGO)


@provokes("period_not_ready")
def the_month_before_is_open_and_no_run_succeeded(stage: Stage) -> TestResponse:
    close_long_ago(stage)
    with transaction(stage.engine) as session:
        run = add_run(session, requested_by="test", now=NEVER)
        run.status, run.error = "failed", "A drill"
        run.started_at = run.finished_at = NEVER
    return stage.post("/api/ledger/periods/1999-01/close", {}, role=Role.FINANCE)


@provokes("period_not_closed")
def it_never_was_closed(stage: Stage) -> TestResponse:
    body = {"reason": "A drill."}
    return stage.post("/api/ledger/periods/1999-01/reopen", body, role=Role.FINANCE)
