"""The table of docs/security.md: every requirement is there, and what it points at exists."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TABLE = ROOT / "docs" / "security.md"
LAST_ROW = 57
_ROW = re.compile(r"\| (\d+) \|(.*)\|(.*)\|(.*)\|(.*)\|")
_CODE = re.compile(r"`([^`]+)`")
_SUFFIXES = (".py", ".sql", ".md", ".vy", ".toml", ".cfg", ".html", ".js", "Makefile", "/")


def rows() -> dict[int, tuple[str, str]]:
    """Return the columns "how and where" and "proven by" of each row."""
    found: dict[int, tuple[str, str]] = {}
    for line in TABLE.read_text(encoding="utf-8").splitlines():
        match = _ROW.fullmatch(line)
        if match:
            number = int(match[1])
            assert number not in found, f"row {number} stands there twice"
            found[number] = (match[4].strip(), match[5].strip())
    return found


def test_every_requirement_has_a_row() -> None:
    assert sorted(rows()) == list(range(1, LAST_ROW + 1))


@pytest.mark.parametrize("number", range(1, LAST_ROW + 1))
def test_a_row_points_at_code_and_at_a_test_named_after_it(number: int) -> None:
    where, proven = rows()[number]
    assert where != "PENDING"
    paths = [text for text in _CODE.findall(where) if text.endswith(_SUFFIXES) and " " not in text]
    assert paths or where.startswith("Does not apply"), "say where it lives, or why not"
    for path in paths:
        assert (ROOT / path).exists(), f"{path} is not there"
    if where.startswith("Does not apply") and proven == "none":
        return
    tests = [text for text in _CODE.findall(proven) if "::" in text]
    assert tests, "name the test"
    for test in tests:
        file, _, name = test.partition("::")
        tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
        names = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
        assert name in names, f"{test} is not there"
    named = f"test_row_{number:02}_"
    assert any(test.partition("::")[2].startswith(named) for test in tests), f"none is {named}…"
