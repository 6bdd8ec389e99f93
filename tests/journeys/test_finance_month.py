"""A month's end: reconciled, explained, corrected by two people, closed, opened again by two."""

import datetime as dt
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from payments.database import connect_engine
from sandbox.calls import created
from tests.conditions import wait_until
from tests.databases import Servers
from tests.journeys.bank import BankRail
from tests.journeys.bank_desk import Desk
from tests.journeys.conftest import System, running_system
from tests.journeys.finance import PATIENCE_S, Calendar, FinanceOffice, calendar, month_of

RENT = ("expenses:rent", "liabilities:accrued:rent", "120000")
WHY = "The payer answers next week."


@pytest.fixture(scope="module")
def quiet(
    servers: Servers, worker_id: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[System]:
    """A system of one's own: what its months hold is known to the line."""
    folder = tmp_path_factory.mktemp("month")
    with running_system(servers, f"month_{worker_id}", folder) as system:
        yield system


@pytest.fixture(scope="module")
def engine(quiet: System) -> Iterator[Engine]:
    engine = connect_engine(quiet.database_url)
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def office(quiet: System, engine: Engine) -> FinanceOffice:
    office = FinanceOffice(quiet, engine)
    office.put_off_job("seal_ledger")  # so that what is sealed, and when, is the test's to say
    office.put_off_job("reverse_manual_entries")
    return office


@pytest.fixture(scope="module")
def desk(quiet: System, engine: Engine) -> Desk:
    return Desk(BankRail(quiet, engine))


@pytest.fixture(scope="module")
def days() -> Calendar:
    return calendar()


@pytest.fixture(scope="module")
def closed(
    office: FinanceOffice, desk: Desk, days: Calendar, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """The month that is over, closed; what had to be done, and what the checklist said then."""
    month, folder = month_of(days.last), tmp_path_factory.mktemp("closing")
    seen: dict[str, set[str]] = {}
    office.post_entry(days.before, "expenses:software", "equity:owners", "3000")
    desk.run()
    seen["begun"] = office.open_items(month)
    created(office.post(f"periods/{month_of(days.before)}/close"))
    seen["month before closed"] = office.open_items(month)

    bank_moves(desk, days)
    desk.reconcile("main", **{"from": days.first.isoformat(), "to": days.last.isoformat()})
    seen["statement in"] = office.open_items(month)
    rent, lottery = sorted(desk.unmatched("EUR"), key=lambda line: int(line["amount"]))
    desk.match(rent, {"account": "assets:transfers:own"}, reason="To our account elsewhere.")
    asked = created(
        office.ask_entry(days.last, *RENT, by="operator", auto_reverse_on=str(days.after))
    )
    seen["entry asked for"] = office.open_items(month)
    refused = office.post(f"entries/{asked['id']}/approve", by="operator")
    assert (refused.status_code, refused.json()["code"]) == (403, "role_forbidden")
    created(office.post(f"entries/{asked['id']}/approve"))
    seen["entry approved"] = office.open_items(month)
    assert office.command("ledger", "seal", folder=folder).code == 0
    seen["sealed"] = office.open_items(month)

    refused = office.post(f"periods/{month}/close")
    assert (refused.status_code, refused.json()["code"]) == (409, "period_not_ready")
    [told] = refused.json()["errors"]["suspense_explained"]
    assert lottery["id"] in told
    assert "on main, 47.11 EUR" in told
    closing = created(office.post(f"periods/{month}/close", {"explanations": {lottery["id"]: WHY}}))
    return {"seen": seen, "closing": closing, "rent": asked["id"]}


def bank_moves(desk: Desk, days: Calendar) -> None:
    """Have a busy last week at the bank: rent, a prize nobody explains, a fee."""
    week = [(days.last - dt.timedelta(days=ago)).isoformat() for ago in range(5)]
    of_main = {"account": "main"}
    desk.rail.knob("fees", of_main | {"amount": 490, "booked_on": week[1]})
    moved = ((-90000, "Mill Lane Stationers", "Rent"), (4711, "Lottery", "You won"))
    for day, (amount, name, text) in zip(week[2:], moved, strict=False):
        transfer = {"amount": amount, "name": name, "text": text, "booked_on": day}
        desk.rail.knob("transfers", of_main | transfer)


def test_the_checklist_goes_green_item_by_item(closed: dict[str, Any]) -> None:
    seen = closed["seen"]
    assert "sealed" not in seen["sealed"]
    by_itself = {"sealed"}  # a worker seals every few minutes, too
    assert {when: items - by_itself for when, items in seen.items()} == {
        "begun": {"earlier_months_closed"},
        "month before closed": set(),
        "statement in": {"suspense_explained"},
        "entry asked for": {"suspense_explained", "no_open_entries"},
        "entry approved": {"suspense_explained"},
        "sealed": {"suspense_explained"},
    }


def test_the_closing_keeps_what_was_explained_and_reports_that_never_change(
    office: FinanceOffice, closed: dict[str, Any], days: Calendar
) -> None:
    closing, month = closed["closing"], month_of(days.last)
    assert (closing["state"], closing["revision"]) == ("closed", 1)
    assert list(closing["explanations"].values()) == [WHY]
    kept = office.kept(month, revision=1)
    names = {f"{report['name']}.{report['format']}" for report in kept}
    assert names >= {"trial-balance.csv", "income-statement.csv", "monthly-report.pdf"}
    for report in kept:
        assert sha256_of(office, report) == report["sha256"], report
    wanted = {"from": str(days.first), "to": str(days.last), "as_of": closing["as_of"]}
    now = office.report("income-statement", format="csv", **wanted).content
    [statement] = [report for report in kept if report["name"] == "income-statement"]
    assert hashlib.sha256(now).hexdigest() == statement["sha256"]
    assert "expenses:rent,EUR,1200.00" in now.decode()


def test_people_post_nothing_into_it_and_nobody_approves_their_own(
    office: FinanceOffice, closed: dict[str, Any], days: Calendar, tmp_path: Path
) -> None:
    assert closed["closing"]["state"] == "closed"
    refused = office.ask_entry(days.last, *RENT, by="operator")
    assert (refused.status_code, refused.json()["code"]) == (409, "period_closed")
    assert str(days.last) in refused.json()["detail"]
    line = ("--debit", "expenses:rent 1.00 EUR", "--credit", "equity:owners 1.00 EUR")
    asked = ("ledger", "post-entry", "--on", str(days.last), "--reason", "Late.", *line)
    told = office.command(*asked, folder=tmp_path)
    assert told.code == 1
    assert f"closed through {days.last}" in told.err
    own = created(office.ask_entry(days.after, *RENT, by="finance"))
    refused = office.post(f"entries/{own['id']}/approve")
    assert (refused.status_code, refused.json()["code"]) == (409, "second_person_needed")
    created(office.post(f"entries/{own['id']}/reject", {"reason": "A test."}, by="admin"))


def test_what_the_bank_tells_late_is_booked_in_the_month_that_is_open(
    office: FinanceOffice, desk: Desk, closed: dict[str, Any], days: Calendar
) -> None:
    month = {"from": str(days.first), "to": str(days.last)}
    before = office.report("trial-balance", format="csv", **month).content
    late = {"account": "usd", "amount": 725, "booked_on": str(days.last)}
    desk.rail.knob("fees", late)
    desk.reconcile("usd", **month)
    assert office.report("trial-balance", format="csv", **month).content == before
    journal = office.report("journal", account="expenses:bank:fees", asset="USD").json()
    [booked] = [row for row in journal["rows"] if row["account"] == "expenses:bank:fees"]
    assert (booked["debit"], booked["occurred_at"][:10]) == ("725", str(days.after))
    assert closed["closing"]["ledger_sequence"] < booked["entry_id"]

    assert desk.findings("USD") == []  # though the bank has it a month before the books


def test_an_accrual_comes_back_on_its_day_once_and_not_before(
    office: FinanceOffice, closed: dict[str, Any], days: Calendar
) -> None:
    tomorrow = days.today + dt.timedelta(days=1)
    later = office.post_entry(days.after, *RENT, auto_reverse_on=str(tomorrow))
    assert office.entry(closed["rent"])["reversed_by_entry_id"] is None
    office.run_job("reverse_manual_entries")
    wait_until(
        lambda: office.entry(closed["rent"])["reversed_by_entry_id"] is not None,
        timeout_s=PATIENCE_S,
    )
    rent = office.entry(closed["rent"])
    mirror = office.entry(rent["reversed_by_entry_id"])
    assert mirror["effective_on"] == str(days.after)
    assert mirror["reverses_entry_id"] == rent["entry_id"]
    assert [(line["account"], line["debit"]) for line in mirror["lines"]] == [
        (line["account"], line["credit"]) for line in rent["lines"]
    ]
    assert office.entry(later["id"])["reversed_by_entry_id"] is None
    again = office.post(f"entries/{closed['rent']}/reverse", {"reason": "Again."}, by="operator")
    assert (again.status_code, again.json()["code"]) == (409, "entry_reversed")


def test_two_open_it_again_and_the_next_closing_is_another_revision(
    office: FinanceOffice, desk: Desk, closed: dict[str, Any], days: Calendar, tmp_path: Path
) -> None:
    month, bill = month_of(days.last), {"reason": "A bill was lost in the post."}
    first = office.kept(month, revision=1)
    assert created(office.post(f"periods/{month}/reopen", bill))["state"] == "reopening"
    alone = office.post(f"periods/{month}/reopen", bill)
    assert (alone.status_code, alone.json()["code"]) == (409, "second_person_needed")
    assert office.ask_entry(days.last, *RENT, by="operator").status_code == 409
    opened = created(office.post(f"periods/{month}/reopen", bill, by="admin"))
    assert (opened["state"], office.month(month)["state"]) == ("reopened", "open")

    office.post_entry(days.last, "expenses:software", "equity:owners", "4200")
    desk.run()
    assert desk.findings("USD") == []
    [explained] = closed["closing"]["explanations"]
    why = ("--explain", f"{explained}={WHY}")
    told = office.command("ledger", "close-period", month, *why, folder=tmp_path)
    assert told.code == 0, told
    second = office.kept(month, revision=2)
    history = office.month(month)["history"]
    assert [(one["revision"], one["state"]) for one in history] == [(1, "reopened"), (2, "closed")]
    for report in (*first, *second):
        assert sha256_of(office, report) == report["sha256"], report
    changed = {one["name"] for one in second} - {
        one["name"] for one in second if one["sha256"] in {old["sha256"] for old in first}
    }
    assert changed >= {"trial-balance", "income-statement", "monthly-report"}
    proved = office.command("ledger", "verify", folder=tmp_path)
    assert proved.code == 0, proved
    assert "Every report of a closed month is what it was." in proved.out


def test_all_invariants_hold_in_the_end(desk: Desk, closed: dict[str, Any]) -> None:
    assert closed["closing"]["state"] == "closed"
    assert desk.rail.broken_invariants() == []


def sha256_of(office: FinanceOffice, report: dict[str, Any]) -> str:
    """Download a kept report from the address that is given for it."""
    url = f"{office.system.way_in.base_url}{report['url']}"
    answer = office.who("finance").get(url, timeout=PATIENCE_S)
    assert answer.ok, answer.text
    return hashlib.sha256(answer.content).hexdigest()
