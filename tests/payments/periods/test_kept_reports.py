"""What is kept of a closed month: the same bytes for ever, whatever is posted later."""

import pytest
from sqlalchemy import Engine, create_engine, select

from payments.database import transaction
from payments.periods.kept_reports import (
    KEPT,
    closings_to_keep,
    differing_reports,
    keep_reports,
)
from payments.periods.tables import PeriodReport
from tests.payments.periods.closing_desk import ADA, BOB, OCTOBER, ClosingDesk

LONG_S = 60


class Press:
    """Prints a page as it is, and counts."""

    name = "press"

    def __init__(self) -> None:
        self.printed: list[str] = []

    def render(self, html: str, *, title: str) -> bytes:
        self.printed.append(title)
        return html.encode()


@pytest.fixture
def desk(fresh_engine: Engine) -> ClosingDesk:
    desk = ClosingDesk(fresh_engine)
    desk.post()
    desk.reconcile()
    return desk


def keep(desk: ClosingDesk, closing_id: str, press: Press | None) -> int:
    return keep_reports(
        desk.engine, closing_id, renderer=press, now=desk.now, statement_timeout_s=LONG_S
    )


def kept(desk: ClosingDesk, closing_id: str) -> dict[str, bytes]:
    with transaction(desk.engine) as session:
        found = select(PeriodReport).where(PeriodReport.closing_id == closing_id)
        return {f"{row.name}.{row.format}": row.content for row in session.scalars(found)}


def to_keep(desk: ClosingDesk) -> list[str]:
    with transaction(desk.engine) as session:
        return closings_to_keep(session)


def test_the_reports_of_a_closing_are_kept_once(desk: ClosingDesk) -> None:
    closing, press = desk.close().resource, Press()
    assert to_keep(desk) == [closing.id]

    assert keep(desk, closing.id, None) == len(KEPT)
    assert to_keep(desk) == [closing.id]  # the PDF lacks while nothing renders
    assert keep(desk, closing.id, press) == 1
    assert keep(desk, closing.id, press) == 0

    assert press.printed == ["Monthly report 2026-10"]
    assert to_keep(desk) == []
    files = kept(desk, closing.id)
    assert set(files) == {*(f"{name}.csv" for name in KEPT), "monthly-report.pdf"}
    assert b"expenses:rent" in files["trial-balance.csv"]
    assert b"1200.00" in files["income-statement.csv"]


def test_a_closed_months_reports_are_the_same_made_at_any_later_time(desk: ClosingDesk) -> None:
    closing = desk.close().resource
    keep(desk, closing.id, None)
    before = kept(desk, closing.id)
    desk.post(desk.now.date(), 7)

    assert list(differing_reports(desk.engine)) == []

    desk.reopen(by=ADA)
    desk.reopen(by=BOB)
    desk.post(OCTOBER.last_day, 5)
    again = desk.close().resource
    keep(desk, again.id, None)
    assert list(differing_reports(desk.engine)) == []
    assert kept(desk, closing.id) == before
    assert kept(desk, again.id)["income-statement.csv"] != before["income-statement.csv"]


def test_a_change_behind_our_back_shows_in_what_is_made_again(
    desk: ClosingDesk, fresh_database_url: str
) -> None:
    closing = desk.close().resource
    keep(desk, closing.id, None)
    owner = create_engine(fresh_database_url)
    with owner.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE ledger.postings DISABLE TRIGGER append_only")
        connection.exec_driver_sql("UPDATE ledger.postings SET amount = amount * 2")
    owner.dispose()
    found = {each.name for each in differing_reports(desk.engine)}
    assert {"trial-balance", "income-statement", "balance-sheet"} <= found
