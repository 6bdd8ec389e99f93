"""The planted bugs still fit the source; `make planted` shows that each is seen."""

import pytest

from tests.planted.__main__ import ROOT
from tests.planted.bug import Bug
from tests.planted.bugs import BUGS


def test_there_are_enough_and_each_has_a_name_of_its_own() -> None:
    assert len({bug.name for bug in BUGS}) == len(BUGS) >= 10


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: str(bug.name))
def test_what_a_bug_replaces_is_there_once(bug: Bug) -> None:
    for edit in bug.edits:
        text = (ROOT / edit.file).read_text(encoding="utf-8")
        assert text.count(edit.old) == 1, f"{edit.file} does not have this once: {edit.old}"
        assert edit.new != edit.old
    assert [
        part for part in bug.tests if part.startswith("tests/") and not (ROOT / part).exists()
    ] == []
