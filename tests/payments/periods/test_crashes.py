"""Killed between any two steps of a month's end, each thing happens once or not at all."""

import datetime as dt
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from payments.database import transaction
from payments.manual_entries.decide_entry import approve_entry
from payments.manual_entries.reverse_due import reverse_due
from payments.periods.close_period import closing_in_force
from payments.periods.kept_reports import KEPT, differing_reports, keep_reports
from payments.periods.tables import PeriodReport
from tests.architecture.sources import ROOT, crash_points
from tests.payments.periods.closing_desk import ADA, BOB, OCTOBER, ClosingDesk

LEASE_OVER = dt.timedelta(minutes=1)
APPROVING = ("entry.posted", "entry.approval_committed")
REVERSING = ("entry.reversed", "entry.reversal_committed")
CLOSING = ("period.checked", "period.closed", "period.closing_committed")
KEEPING, REOPENING = "period.report_kept", "period.reopened"


@pytest.fixture
def desk(fresh_engine: Engine) -> ClosingDesk:
    return ClosingDesk(fresh_engine)


@pytest.fixture
def closable(desk: ClosingDesk) -> ClosingDesk:
    desk.post()
    desk.reconcile()
    return desk


class Dying:
    """Runs a process that dies at a point."""

    def __init__(self, database_url: str, folder: Path) -> None:
        self.database_url = database_url
        self.file = folder / "crash"

    def at(self, point: str, what: str, subject: str = "-", reference: str = "-") -> None:
        self.file.write_text(point, encoding="utf-8")
        arguments = [self.database_url, str(self.file), what, subject, reference]
        ended = subprocess.run(
            [sys.executable, "-m", "tests.payments.periods.dying", *arguments],
            cwd=ROOT,
            capture_output=True,
            timeout=120,
            check=False,
        )
        assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()


@pytest.fixture
def dying(fresh_database_url: str, tmp_path: Path) -> Dying:
    return Dying(fresh_database_url, tmp_path)


def count(desk: ClosingDesk, kind: str) -> int:
    query = "SELECT count(*) FROM ledger.entries WHERE kind = %s"
    with desk.engine.connect() as connection:
        return int(connection.exec_driver_sql(query, (kind,)).scalar_one())


@pytest.mark.parametrize("point", APPROVING)
def test_an_approval_given_again_posts_once(desk: ClosingDesk, dying: Dying, point: str) -> None:
    entry = desk.ask()
    dying.at(point, "approve", str(entry.id), "yes")
    is_done = point == "entry.approval_committed"
    assert count(desk, "manual") == is_done
    again = approve_entry(
        desk.engine, caller=BOB, reference="yes", entry_id=str(entry.id), now=desk.now
    )
    assert (again.replayed, again.resource.status) == (is_done, "posted")
    assert count(desk, "manual") == 1
    desk.check()


@pytest.mark.parametrize("point", REVERSING)
def test_a_day_that_comes_again_reverses_once(desk: ClosingDesk, dying: Dying, point: str) -> None:
    desk.post(auto_reverse_on=desk.now.date())
    dying.at(point, "reverse_due")
    assert count(desk, "manual.reversed") == (point == "entry.reversal_committed")
    reverse_due(desk.engine, now=desk.now)
    assert count(desk, "manual.reversed") == 1
    desk.check()


@pytest.mark.parametrize("point", CLOSING)
def test_a_closing_asked_for_again_closes_once(
    closable: ClosingDesk, dying: Dying, point: str
) -> None:
    dying.at(point, "close", reference="october")
    is_done = point == "period.closing_committed"
    assert (closable.closed_through() == OCTOBER.end) == is_done
    closable.now += LEASE_OVER
    assert closable.close(reference="october").replayed == is_done
    assert closable.closed_through() == OCTOBER.end
    closable.check()


def test_reports_broken_off_are_kept_as_if_nothing_had_happened(
    closable: ClosingDesk, dying: Dying
) -> None:
    closing = closable.close().resource
    dying.at(KEEPING, "keep", closing.id)
    with transaction(closable.engine) as session:
        assert session.scalars(select(PeriodReport.name)).all() == [KEPT[0]]
    kept = keep_reports(
        closable.engine, closing.id, renderer=None, now=closable.now, statement_timeout_s=60
    )
    assert kept == len(KEPT) - 1
    assert list(differing_reports(closable.engine)) == []


def test_a_reopening_broken_off_leaves_the_month_closed(
    closable: ClosingDesk, dying: Dying
) -> None:
    closable.close()
    closable.reopen(by=ADA)
    dying.at(REOPENING, "reopen", reference="again")
    assert closable.closed_through() == OCTOBER.end
    with transaction(closable.engine) as session:
        row = closing_in_force(session, OCTOBER)
        assert row is not None
        assert row.state == "reopening"
    closable.reopen(by=BOB)
    assert closable.closed_through() is None
    closable.check()


def test_every_point_of_months_and_of_entries_by_hand_is_tried() -> None:
    tried = {*APPROVING, *REVERSING, *CLOSING, KEEPING, REOPENING}
    assert crash_points("entry", "period") == tried
