"""Migrations are numbered, in one line, and wait neither long for a lock nor long in one."""

import re
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from tests.architecture.sources import ROOT

SCRIPTS = ScriptDirectory.from_config(Config(ROOT / "setup.cfg"))
REVISIONS = list(reversed(list(SCRIPTS.walk_revisions())))


def test_they_are_numbered_from_1_in_one_line() -> None:
    numbers = [revision.revision for revision in REVISIONS]
    assert numbers == [f"{number:04}" for number in range(1, len(numbers) + 1)]
    assert [revision.down_revision for revision in REVISIONS] == [None, *numbers[:-1]]


@pytest.mark.parametrize("revision", REVISIONS, ids=lambda revision: revision.revision)
def test_a_file_is_named_by_its_number_and_explains_itself(revision: object) -> None:
    path = getattr(revision, "path", "")
    assert re.search(rf"/{getattr(revision, 'revision', '')}_[a-z_]+\.py$", path)
    assert getattr(revision, "doc", "")


def test_they_run_under_lock_and_statement_time_outs() -> None:
    text = (ROOT / "migrations" / "env.py").read_text()
    limits = dict(re.findall(r'^(LOCK_TIMEOUT|STATEMENT_TIMEOUT) = "(\d+)s"$', text, re.MULTILINE))
    assert 0 < int(limits["LOCK_TIMEOUT"]) <= 10
    assert 0 < int(limits["STATEMENT_TIMEOUT"]) <= 300
    for name in limits:
        assert re.search(rf"SET {name.lower()} = '{{{name}}}'", text)


@pytest.mark.parametrize(
    "path",
    [
        *(ROOT / "migrations" / "sql").rglob("*.sql"),
        *(ROOT / "migrations" / "versions").glob("*.py"),
    ],
    ids=lambda path: str(path.name),
)
def test_no_migration_lifts_them(path: Path) -> None:
    text = path.read_text()
    assert not re.search(
        r"SET\s+(LOCAL\s+)?(lock|statement)_timeout\s*(=|TO)\s*'?0", text, re.IGNORECASE
    )
