"""What several processes count is one sum, also when some of them are dead."""

import fcntl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from payments.log_lines import get_logger
from payments.telemetry.folder import ProcessFiles, live_roles, settled
from payments.telemetry.measuring import begin_measuring, count, end_measuring, level, took
from payments.telemetry.meters import (
    JOB_SECONDS,
    JOBS,
    LABEL_SETS_MAX,
    LOG_LINES,
    REQUESTS,
    STREAMS,
)

# Another process: it counts, says so, and ends when it is told or killed.
OTHER = """
import sys
from pathlib import Path
from payments.telemetry.measuring import begin_measuring, count, level, took
from payments.telemetry.meters import JOBS, JOB_SECONDS, STREAMS
begin_measuring(Path(sys.argv[1]), role="worker")
count(JOBS, "roll_ledger", "done", by=3)
took(JOB_SECONDS, 0.02, "roll_ledger")
level(STREAMS, 7)
print("counted", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    begin_measuring(tmp_path, role="web")
    yield tmp_path
    end_measuring()


def other_process(folder: Path) -> subprocess.Popen[str]:
    started = subprocess.Popen(
        [sys.executable, "-c", OTHER, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert started.stdout is not None
    assert started.stdout.readline() == "counted\n"
    return started


def read(folder: Path) -> dict[str, float]:
    """Return every sample by its name and labels, as Prometheus reads them."""

    class Registry:
        def collect(self) -> object:
            return MultiProcessCollector(None, path=str(folder)).collect()  # type: ignore[no-untyped-call] # the library's

    with settled(folder):
        text = generate_latest(Registry()).decode()  # type: ignore[arg-type] # all it asks for
    lines = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in lines}


JOBS_DONE = 'strongroom_jobs_total{job="roll_ledger",outcome="done"}'
JOBS_TOOK = 'strongroom_job_seconds_count{job="roll_ledger"}'


def test_what_processes_count_is_one_sum_and_the_dead_count_on(folder: Path) -> None:
    count(JOBS, "roll_ledger", "done")
    level(STREAMS, 2)
    first, second = other_process(folder), other_process(folder)
    try:
        together = read(folder)
        assert (together[JOBS_DONE], together[JOBS_TOOK]) == (7, 2)
        assert together["strongroom_streams"] == 16
        assert live_roles(folder) == {"web": 1, "worker": 2}
        first.kill()
        first.wait()
        second.communicate("")
    finally:
        for process in (first, second):
            process.kill()
            process.communicate()
    for _ in range(2):  # they are added up once
        alone = read(folder)
        assert (alone[JOBS_DONE], alone[JOBS_TOOK]) == (7, 2)
        assert alone["strongroom_streams"] == 2, "nobody listens at the dead"
        assert alone['strongroom_job_seconds_bucket{job="roll_ledger",le="0.025"}'] == 2
    assert live_roles(folder) == {"web": 1}
    kept = {path.name for path in folder.iterdir() if "worker" in path.name}
    assert kept == set(), "files of the dead are gone"


def test_counting_goes_on_while_others_come_and_go(folder: Path) -> None:
    for turn in range(1, 4):
        other_process(folder).communicate("")
        assert read(folder)[JOBS_DONE] == 3 * turn
    assert len(list(folder.glob("*.db"))) <= 5  # ours and those of all the dead


def test_who_reads_while_a_process_begins_does_not_take_it_for_a_dead_one(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = fcntl.flock

    def read_and_lock(file: Any, how: int) -> None:
        if how == fcntl.LOCK_EX:  # as a process does that begins
            with settled(folder):
                pass
        lock(file, how)

    monkeypatch.setattr("payments.telemetry.folder.fcntl.flock", read_and_lock)
    files = ProcessFiles(folder, "worker", token="t")
    monkeypatch.undo()
    assert live_roles(folder) == {"web": 1, "worker": 1}
    files.close()
    assert live_roles(folder) == {"web": 1}


def test_labels_are_bounded_whatever_is_counted(folder: Path) -> None:
    for number in range(LABEL_SETS_MAX + 50):
        count(REQUESTS, "GET", f"/{number}", "404")
    samples = [name for name in read(folder) if name.startswith("strongroom_http_requests_total")]
    assert len(samples) == LABEL_SETS_MAX + 1
    other = 'strongroom_http_requests_total{method="other",route="other",status="404"}'
    assert read(folder)[other] == 50
    count(REQUESTS, "POST", "/api/orders", "500")  # no failure hides among them
    assert read(folder)[other.replace("404", "500")] == 1


def test_log_lines_are_counted_by_level(folder: Path) -> None:
    get_logger("tests").warning("something")
    assert read(folder)['strongroom_log_lines_total{level="warning"}'] == 1
    assert LOG_LINES.labels == ("level",)


def test_without_a_folder_nothing_is_counted_and_nothing_fails(tmp_path: Path) -> None:
    begin_measuring(None, role="web")
    count(JOBS, "roll_ledger", "done")
    took(JOB_SECONDS, 1, "roll_ledger")
    level(STREAMS, 1)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_used_stops_nobody(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("no folder")
    begin_measuring(tmp_path / "file", role="web")
    count(JOBS, "roll_ledger", "done")
    assert "metrics_not_kept" in capsys.readouterr().out
