"""From every figure of every report to the entries behind it, which sum up to the figure."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine

from payments.access.caller import Role
from tests.payments.reports.busy_month import write_busy_month
from tests.web.conftest import Headers, KeyOf

REPORTS = "/api/ledger/reports"
TODAY = dt.datetime.now(dt.UTC).date()  # noqa: TID251 - the database records by the real clock
DAY_BEFORE, DAY_AFTER = (str(TODAY + dt.timedelta(days=days)) for days in (-1, 1))
PERIODS: tuple[dict[str, str], ...] = (
    {},
    {"from": "2026-10-01", "to": "2026-10-31"},
    {"by": "recorded"},
    {"from": "2026-10-10", "to": "2026-10-20", "asset": "ETH"},
)
# By the other date there is nothing in these days, or not the same.
NOW_RECORDED = {"by": "recorded", "from": DAY_BEFORE, "to": DAY_AFTER}
Row = dict[str, Any]


class Desk:
    """Reads reports as a person would: page by page, and one click further."""

    def __init__(self, client: FlaskClient, headers: Headers) -> None:
        self.client = client
        self.headers = headers

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        answer = self.client.get(path, query_string=query or None, headers=self.headers)
        assert answer.status_code == 200, (path, answer.text)
        shown: dict[str, Any] = answer.get_json()
        return shown

    def report(self, name: str, **query: Any) -> list[Row]:
        rows: list[Row] = self.get(f"{REPORTS}/{name}", **query)["rows"]
        return rows

    def follow(self, path: str | None) -> list[Row]:
        """Return the rows behind a figure, of all pages."""
        assert path is not None
        rows: list[Row] = []
        after: dict[str, str] = {}
        while True:
            separator = "&" if "?" in path else "?"
            shown = self.get(path + separator + "&".join(f"{k}={v}" for k, v in after.items()))
            rows += shown["rows"]
            if shown["next"] is None:
                return rows
            after = {"after": shown["next"].replace(" ", "%20")}

    def moved(self, path: str | None) -> tuple[int, int]:
        """Return what the entries behind a figure debit and credit."""
        rows = self.follow(path)
        return sum(int(r["debit"]) for r in rows), sum(int(r["credit"]) for r in rows)


@pytest.fixture(scope="module")
def month(engine: Engine) -> Engine:
    write_busy_month(engine, orders=60)
    return engine


@pytest.fixture
def desk(month: Engine, client: FlaskClient, key_of: KeyOf) -> Desk:
    del month
    return Desk(client, key_of(Role.FINANCE))


@pytest.mark.parametrize("period", [*PERIODS, NOW_RECORDED])
@pytest.mark.parametrize("detail", ["control", "account"])
def test_trial_balance(desk: Desk, period: dict[str, str], detail: str) -> None:
    rows = desk.report("trial-balance", detail=detail, **period)
    assert rows
    for row in rows[:: 1 if detail == "control" else 9]:
        behind = desk.follow(row["drill_down"])
        assert str(sum(int(r["debit"]) for r in behind)) == row["debit"]
        assert str(sum(int(r["credit"]) for r in behind)) == row["credit"]
        opening, closing = (
            sum(int(r["balance"]) for r in behind if r["kind"] == kind and not r["entry_id"])
            for kind in ("opening", "closing")
        )
        assert (str(opening), str(closing)) == (row["opening"], row["closing"])
        for before in openings(behind):
            debit, credit = desk.moved(before["drill_down"])
            assert str(debit - credit) == before["balance"]


def test_trial_balance_of_one_account_of_many(desk: Desk) -> None:
    account, *_ = (
        row["account"]
        for row in desk.report("trial-balance", detail="account")
        if row["account"].startswith("liabilities:escrow:")
    )
    [row] = desk.report("trial-balance", account=account)
    assert row["account"] == account
    debit, credit = desk.moved(row["drill_down"])
    assert (row["debit"], row["credit"]) == (str(debit), str(credit))


def openings(rows: list[Row]) -> Iterator[Row]:
    """Yield the rows that tell of what was before a period."""
    for row in rows[:5]:
        if row["kind"] == "opening" and row["entry_id"] is None and row["balance"] != "0":
            yield row


def test_every_posting_leads_to_its_entry(desk: Desk) -> None:
    for row in desk.report("journal", limit=60):
        entry = desk.get(row["drill_down"])
        lines = {(line["account"], line["asset"]): line for line in entry["lines"]}
        assert (row["account"], row["asset"]) in lines


@pytest.mark.parametrize("period", [PERIODS[0], PERIODS[1], PERIODS[3]])
def test_income_statement(desk: Desk, period: dict[str, str]) -> None:
    rows = desk.report("income-statement", **period)
    results: dict[str, int] = defaultdict(int)
    for row in rows:
        if row["section"] == "result":
            assert int(row["amount"]) == results.pop(row["asset"])
            continue
        debit, credit = desk.moved(row["drill_down"])
        sign = 1 if row["section"] == "expenses" else -1
        assert int(row["amount"]) == sign * (debit - credit)
        results[row["asset"]] -= debit - credit
    assert not results


def test_balance_sheet(desk: Desk) -> None:
    rows = desk.report("balance-sheet", to="2026-10-20")
    totals: dict[tuple[str, str], int] = defaultdict(int)
    for row in rows:
        if row["section"] == "total":
            assert int(row["amount"]) == totals[row["account"], row["asset"]]
            continue
        side = "assets" if row["section"] == "assets" else "liabilities-and-equity"
        totals[side, row["asset"]] += int(row["amount"])
        if row["account"] == "equity:current-earnings":
            behind = desk.follow(row["drill_down"])
            [result] = [r for r in behind if r["section"] == "result"]
            assert result["amount"] == row["amount"]
            continue
        debit, credit = desk.moved(row["drill_down"])
        sign = 1 if row["section"] == "assets" else -1
        assert int(row["amount"]) == sign * (debit - credit)
    for asset in {row["asset"] for row in rows}:
        assert totals["assets", asset] == totals["liabilities-and-equity", asset]


def test_escrow_positions_come_to_the_control_account(desk: Desk) -> None:
    period = {"from": "2026-10-01", "to": "2026-10-31"}
    rows = desk.report("escrow-positions", **period)
    held: dict[str, int] = defaultdict(int)
    for row in rows:
        held[row["asset"]] += int(row["held"])
        behind = desk.follow(row["drill_down"])
        assert row["received"] == str(sum(int(r["credit"]) for r in behind))
        assert row["paid_out"] == str(sum(int(r["debit"]) for r in behind))
        assert int(row["held"]) == -int(behind[-1]["balance"])
    [*controls] = desk.report("trial-balance", control="liabilities:escrow", **period)
    assert {row["asset"]: -int(row["closing"]) for row in controls} == held


def test_fees_by_month(desk: Desk) -> None:
    rows = desk.report("fees", **{"from": "2026-09-15", "to": "2026-10-31"})
    assert {row["first_day"] for row in rows} == {"2026-09-15", "2026-10-01"}
    for row in rows:
        assert (row["debit"], row["credit"]) == tuple(map(str, desk.moved(row["drill_down"])))


@pytest.mark.parametrize("name", ["ageing-pending", "ageing-suspense"])
def test_ageing_comes_to_the_balance(desk: Desk, name: str) -> None:
    rows = desk.report(name, to="2026-10-31")
    assert rows
    still: dict[tuple[str, str], int] = defaultdict(int)
    for row in rows:
        debit, credit = desk.moved(row["drill_down"])
        assert int(row["came_in"]) in {debit, -credit}
        assert abs(int(row["open"])) <= abs(int(row["came_in"]))
        still[row["account"], row["asset"]] += int(row["open"])
    for (account, asset), amount in still.items():
        query = {"control": account, "asset": asset, "to": "2026-10-31"}
        [balance] = desk.report("trial-balance", **query)
        assert int(balance["closing"]) == amount
