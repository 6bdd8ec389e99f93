"""Runs a page of the documentation: its shell blocks in one shell, each answer as it is printed."""

import fnmatch
import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.architecture.sources import ROOT

TIMEOUT_S = 200
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_COMMAND = re.compile(r"^strongroom .*|`(?:[A-Z_]+=\S+ )?(strongroom [^`]+)`", re.MULTILINE)
_END = "-- the end of a block --"


@dataclass(frozen=True)
class Step:
    """A shell block, and the block that shows what it prints, if there is one."""

    script: str
    language: str | None
    shown: str


def blocks(page: str) -> list[tuple[str, str]]:
    """Return every fenced block of a page in `docs/`: its language and its text."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    return [(found[1], found[2]) for found in _BLOCK.finditer(text)]


def steps(page: str) -> list[Step]:
    """Return the shell blocks, each with the answer that stands right after it."""
    found = blocks(page)
    following = [*found[1:], ("", "")]
    return [
        Step(text, *(after if after[0] in {"json", "text"} else (None, "")))
        for (language, text), after in zip(found, following, strict=True)
        if language == "sh"
    ]


def commands(page: str) -> list[list[str]]:
    """Return every command of ours that a page of the checkout shows, as its words."""
    text = (ROOT / page).read_text(encoding="utf-8").replace("\\\n", " ")
    shown = [found[1] or found[0] for found in _COMMAND.finditer(text)]
    return [shlex.split(re.sub(r" +[|>] .*", "", one), comments=True) for one in shown]


def run(
    page: str,
    *,
    folder: Path,
    environment: Mapping[str, str] | None = None,
    programs: Sequence[Path] = (),
) -> None:
    """Run the page in `folder`, where `.strongroom/sandbox.json` is.

    `environment` is what its commands of `strongroom` need, `programs` are folders for its PATH.

    Raises:
        AssertionError: a block fails, or prints something else than the page shows.
    """
    script = "set -eu -o pipefail\n"
    for name, value in (environment or {}).items():
        script += f"export {name}={shlex.quote(value)}\n"
    for place in programs:
        script += f"PATH={shlex.quote(str(place))}:$PATH\n"
    for step in steps(page):
        script += f"{step.script}\necho\necho '{_END}'\n"
    told = subprocess.run(
        [shutil.which("bash") or "bash", "-c", script],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert told.returncode == 0, f"{told.stdout[-2000:]}\n{told.stderr[-2000:]}"
    printed = told.stdout.split(_END)
    for step, output in zip(steps(page), printed, strict=False):
        if step.language is not None:
            check(step, output.strip())


def check(step: Step, output: str) -> None:
    """Compare what was printed with what is shown; `…` stands for anything."""
    if step.language == "json":
        printed = json.loads(output.splitlines()[-1])
        assert fits(printed, json.loads(step.shown)), f"{step.script}\n{output}\n{step.shown}"
        return
    lines = [line.strip() for line in output.splitlines()]
    for line in step.shown.strip().splitlines():
        assert any(_matches(given, f"{line}…") for given in lines), f"{line!r} is not in:\n{output}"


def fits(printed: Any, shown: Any) -> bool:
    """Whether an answer has the shown form: the same fields, and values that match."""
    if isinstance(shown, dict) and isinstance(printed, dict):
        same = printed.keys() == shown.keys()
        return same and all(fits(printed[name], shown[name]) for name in shown)
    if isinstance(shown, list) and isinstance(printed, list):
        if "…" in shown:  # and so on
            return len(printed) >= len(shown) - 1 and all(map(fits, printed, shown[:-1]))
        return len(printed) == len(shown) and all(map(fits, printed, shown))
    if isinstance(shown, str) and isinstance(printed, str):
        return _matches(printed, shown)
    return bool(printed == shown) or shown == "…"


def _matches(text: str, pattern: str) -> bool:
    literal = "*".join(re.sub(r"([*?\[])", r"[\1]", part) for part in pattern.split("…"))
    return fnmatch.fnmatchcase(text, literal)
