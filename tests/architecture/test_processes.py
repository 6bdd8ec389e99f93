"""The Procfile's processes exist, and together they work on everything that is registered."""

import importlib.util
import inspect
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from jobs import schedule
from jobs.queues import ALERTS, CHAINS, NOTICES, QUEUES, URGENT
from jobs.registry import JOBS
from tests.architecture.sources import ROOT, modules

PROCFILE = {
    name: shlex.split(command)
    for name, _, command in (
        line.partition(": ") for line in (ROOT / "Procfile").read_text().splitlines()
    )
}


def test_the_procfile_has_all_processes() -> None:
    workers = {"worker", "urgent", "chains", "notices"}
    assert set(PROCFILE) == {"release", "web", "relay", "signer", *workers}


@pytest.mark.parametrize("name", PROCFILE)
def test_every_program_of_the_procfile_exists(name: str) -> None:
    program, *arguments = PROCFILE[name]
    if program == "python":
        assert arguments[0] == "-m"
        assert importlib.util.find_spec(arguments[1])
    else:
        assert shutil.which(program, path=str(Path(sys.executable).parent))
    if "-c" in arguments:
        assert (ROOT / arguments[arguments.index("-c") + 1]).is_file()


def test_one_worker_works_on_every_queue_and_one_each_on_what_may_not_wait() -> None:
    def queues(name: str) -> set[str]:
        return set(PROCFILE[name][PROCFILE[name].index("jobs.worker") + 1 :] or QUEUES)

    assert queues("worker") == set(QUEUES)
    assert queues("urgent") == {URGENT.name}
    assert queues("chains") == {CHAINS.name}
    assert queues("notices") == {ALERTS.name, NOTICES.name}


@pytest.mark.parametrize("name", JOBS)
def test_every_job_is_a_function_with_a_queue_that_is_worked(name: str) -> None:
    job = JOBS[name]
    assert QUEUES[job.queue.name] is job.queue
    assert job.run.__name__ == name
    assert len(inspect.signature(job.run).parameters) == 2


def test_every_file_with_a_job_is_registered() -> None:
    files = {module.name.removeprefix("jobs."): module for module in modules("jobs")}
    told = {name for name, module in files.items() if module.text.startswith('"""Job: ')}
    assert told == set(JOBS)


def test_what_is_scheduled_or_asked_for_is_registered() -> None:
    domain = "".join(module.text for module in modules("payments"))
    asked_for = set(re.findall(r'^JOB = "(\w+)"', domain, re.MULTILINE))
    assert "send_alert" in asked_for
    assert asked_for | {periodic.job for periodic in schedule.SCHEDULE} <= set(JOBS)


def test_whoever_runs_jobs_knows_every_table_that_a_foreign_key_leads_to() -> None:
    look = (
        "from jobs.registry import find_job; from payments.database import Base;"
        "find_job('drain_webhooks').run;"
        "[key.column for table in Base.metadata.tables.values() for key in table.foreign_keys]"
    )
    subprocess.run([sys.executable, "-c", look], cwd=ROOT, check=True)
