"""What does not agree is a finding, once, until it agrees again or a person settles it."""

import datetime as dt

import ledger
from payments.database import transaction
from payments.reconciliation.findings import Found, keep_findings
from payments.reconciliation.settle_finding import settle_finding
from tests.payments.bank_shop import ToldByBank
from tests.payments.reconciliation.desk import FINANCE, TODAY, Desk, money_in

DAY = dt.timedelta(days=1)


def keep(desk: Desk, *found: Found) -> dict[str, int]:
    with transaction(desk.engine) as session:
        return dict(keep_findings(session, "test:", found, run_id="run_1", now=desk.now))


def a_finding(key: str = "test:1", amount: int = 5) -> Found:
    return Found(key, "amount_differs", "thing", amount, 7, "EUR", "they differ")


def test_the_same_thing_found_again_is_the_same_finding(desk: Desk) -> None:
    assert keep(desk, a_finding(), a_finding("test:2")) == {"findings_new": 2, "findings_over": 0}
    desk.now += DAY
    assert keep(desk, a_finding(amount=6)) == {"findings_new": 0, "findings_over": 1}
    [found] = desk.findings().values()
    assert (found.amount, found.expected, found.first_seen_at) == (6, 7, desk.now - DAY)
    assert found.last_seen_at == desk.now
    [over] = desk.findings("resolved").values()
    assert (over.finding_key, over.resolution) == ("test:2", "no longer seen, run_1")
    assert keep(desk, a_finding(amount=6), a_finding("test:2"))["findings_new"] == 1


def test_a_check_resolves_only_what_is_its_own(desk: Desk) -> None:
    keep(desk, a_finding())
    with transaction(desk.engine) as session:
        keep_findings(session, "other:", [], run_id="run_2", now=desk.now)
    assert set(desk.findings()) == {"test:1"}


def test_what_a_person_settled_is_not_found_again_until_its_figures_change(desk: Desk) -> None:
    keep(desk, a_finding())
    [found] = desk.findings().values()
    with transaction(desk.engine) as session:
        settle_finding(
            session, caller=FINANCE, finding_id=found.id, resolution="it is so", now=desk.now
        )
    assert keep(desk, a_finding()) == {"findings_new": 0, "findings_over": 0}
    assert desk.findings() == {}
    assert keep(desk, a_finding(amount=8))["findings_new"] == 1


def test_what_the_bank_does_not_bring_is_missing_after_a_week(desk: Desk) -> None:
    payment = desk.payment(10_000)
    desk.tell(ToldByBank(payment).settled(amount=10_000))
    desk.run()
    desk.now += 7 * DAY
    assert desk.run()["findings_open"] == 0
    desk.now += DAY
    desk.run()
    [found] = desk.findings().values()
    assert (found.kind, found.amount, found.expected) == ("missing_at_bank", 0, 10_000)
    desk.statement(money_in(10_000, f"{payment.bank_reference}"), from_date=desk.now.date())
    figures = desk.run()
    assert (figures["findings_over"], figures["findings_open"]) == (1, 0)


def test_what_was_told_and_taken_back_is_not_missed_at_the_bank(desk: Desk) -> None:
    payment = desk.payment(11_900)
    told = ToldByBank(payment)
    desk.tell(told.settled(), told.failed(9, takes_back=True))
    desk.now += 30 * DAY
    desk.run()
    assert sum(row.amount for row in desk.expectations()) == 0
    assert not [one for one in desk.findings().values() if one.kind == "missing_at_bank"]


def test_a_payment_that_is_under_way_for_a_day_is_stale(desk: Desk) -> None:
    payment = desk.payment(10_000)
    told = ToldByBank(payment)
    desk.tell(told.executed())
    desk.now += DAY
    assert desk.run()["findings_open"] == 0
    desk.now += DAY
    desk.run()
    [found] = desk.findings().values()
    assert (found.kind, found.subject_id) == ("stale_pending", payment.id)
    assert "executed" in found.detail
    desk.tell(told.settled(amount=10_000))
    assert desk.run()["findings_open"] == 0


def test_a_line_of_another_amount_than_is_under_way_is_found(desk: Desk) -> None:
    payment = desk.payment(10_000)
    desk.tell(ToldByBank(payment).executed())
    [line_id] = desk.statement(money_in(9_999, f"{payment.bank_reference}"))
    desk.run()
    [found] = desk.findings().values()
    assert (found.kind, found.subject_id, found.amount) == ("amount_differs", line_id, 9_999)


def test_a_missing_statement_is_a_gap_and_drift(desk: Desk) -> None:
    desk.statement(money_in(500), opening=1_000, from_date=TODAY - 9 * DAY)
    desk.statement(money_in(100), opening=1_700, from_date=TODAY - 7 * DAY)
    desk.run()
    found = {one.kind: one for one in desk.findings().values()}
    assert (found["statement_gap"].amount, found["statement_gap"].expected) == (1_700, 1_500)
    assert (found["balance_drift"].amount, found["balance_drift"].expected) == (1_800, 1_600)
    assert "+200" in found["balance_drift"].detail
    desk.statement(money_in(200), opening=1_500, from_date=TODAY - 8 * DAY)
    assert desk.run()["findings_open"] == 0


def test_drift_downwards_is_found_as_well(desk: Desk) -> None:
    desk.statement(money_in(500), opening=1_000, closing=1_400)
    desk.run()
    [found] = desk.findings().values()
    assert (found.kind, found.amount, found.expected) == ("balance_drift", 1_400, 1_500)
    assert "-100" in found.detail


def test_lines_of_closed_books_are_no_drift(desk: Desk) -> None:
    september = dt.date(2026, 9, 30)
    with transaction(desk.engine) as session:
        ledger.close_books(session.connection(), dt.datetime(2026, 10, 31, 23, tzinfo=dt.UTC))
    desk.statement(money_in(500), opening=1_000, from_date=september)
    assert desk.run()["findings_open"] == 0
    desk.statement(money_in(70), opening=1_500, from_date=TODAY)
    assert desk.run()["findings_open"] == 0
    assert desk.balances()["main"] == 1_570


def test_nor_are_they_when_the_books_are_opened_again(desk: Desk) -> None:
    september, through = dt.date(2026, 9, 30), dt.datetime(2026, 10, 31, 23, tzinfo=dt.UTC)
    with transaction(desk.engine) as session:
        ledger.close_books(session.connection(), through)
    desk.statement(money_in(500), opening=1_000, from_date=september)
    desk.run()
    with transaction(desk.engine) as session:
        ledger.reopen_books(session.connection(), through)
    assert desk.run()["findings_open"] == 0
    with transaction(desk.engine) as session:
        ledger.close_books(session.connection(), through)
    assert desk.run()["findings_open"] == 0
