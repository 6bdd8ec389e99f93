"""Killed between any two steps, a release happens once or not at all, and the same asks again."""

import datetime as dt
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from payments.errors import InProgressError
from payments.freezes.freeze_releases import freeze_releases
from tests.architecture.sources import ROOT
from tests.payments.releases.till import OPERATOR, Till
from tests.payments.shop import NOW, new_reference


class Dying:
    """Runs a process that dies at a point."""

    def __init__(self, database_url: str, folder: Path) -> None:
        self.database_url = database_url
        self.file = folder / "crash"

    def at(self, point: str, what: str, subject: str, reference: str) -> None:
        self.file.write_text(point, encoding="utf-8")
        arguments = [self.database_url, str(self.file), what, subject, reference]
        ended = subprocess.run(
            [sys.executable, "-m", "tests.payments.releases.dying", *arguments],
            cwd=ROOT,
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()


@pytest.fixture
def dying(database_url: str, tmp_path: Path) -> Dying:
    return Dying(database_url, tmp_path)


@pytest.mark.parametrize("point", ["release.held", "release.carried_out", "release.committed"])
def test_a_release_asked_for_again_happens_once(till: Till, dying: Dying, point: str) -> None:
    order, reference = till.paid(), new_reference()
    dying.at(point, "request", order.id, reference)
    is_done = point == "release.committed"
    assert [row.status for row in till.releases(order)] == (["posted"] if is_done else [])
    till.assert_sound()
    again = till.release(order, reference=reference)
    assert again.replayed is is_done
    assert [row.status for row in till.releases(order)] == ["posted"]
    assert till.owed() == 9_500
    till.assert_sound()


@pytest.mark.parametrize("point", ["release.approved", "release.approval_committed"])
def test_an_approval_given_again_counts_once(till: Till, dying: Dying, point: str) -> None:
    order, reference = till.paid(), new_reference()
    waiting = till.waiting(order)
    dying.at(point, "approve", waiting.id, reference)
    till.assert_sound()
    again = till.approve(waiting.id, reference=reference)
    assert (again.replayed, again.resource.status) == (point.endswith("committed"), "posted")
    assert till.owed() == 9_500
    till.assert_sound()


def test_a_freeze_is_in_force_before_it_is_answered(till: Till, dying: Dying) -> None:
    order, reference = till.paid(), new_reference()
    dying.at("freeze.committed", "freeze", order.id, reference)
    with pytest.raises(Exception, match="frozen"):
        till.release(order)
    with pytest.raises(InProgressError):
        till.freeze(order, reference=reference)
    later = NOW + dt.timedelta(minutes=1)
    again = freeze_releases(
        till.engine,
        caller=OPERATOR,
        reference=reference,
        reason="A key may have leaked.",
        order_id=order.id,
        now=later,
    )
    assert again.resource.in_force_after is not None
    assert again.resource.created_at == NOW
    till.thaw(again.resource.id)
    assert till.release(order).resource.status == "posted"
    till.assert_sound()
