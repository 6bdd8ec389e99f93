"""Tests the tests: plants one bug after the other into a copy and tells which test saw it.

Run by `make planted`; ends with 1 if a bug was not noticed. Names of bugs, or parts of them, may
follow: `make planted ARGS=signature`.
"""

import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.planted.bug import Bug
from tests.planted.bugs import BUGS

ROOT = Path(__file__).parents[2]
_PARTS = (
    *("ledger", "payments", "web", "jobs", "sandbox", "migrations", "tests", "benchmarks"),
    *("wsgi.py", "setup.cfg", "pyproject.toml", "Procfile"),
)
_AT_ONCE = 2
_TIMEOUT_S = 300
_FAILED = re.compile(r"^(?:FAILED|ERROR) \S+?::(\w+)", re.MULTILINE)


@dataclass(frozen=True)
class Seen:
    """What the tests said to a bug: `by` is the first that turned red, None if all stayed green."""

    bug: Bug
    by: str | None
    took_s: float
    output: str


def plant(bug: Bug, tree: Path) -> None:
    """Put a bug into a tree.

    Raises:
        ValueError: a passage is not there exactly once any more; bugs.py must follow the source.
    """
    for edit in bug.edits:
        file = tree / edit.file
        text = file.read_text(encoding="utf-8")
        if text.count(edit.old) != 1:
            raise ValueError(f"{edit.file} has {text.count(edit.old)} times:\n{edit.old}")
        file.write_text(text.replace(edit.old, edit.new), encoding="utf-8")


def copy_tree(tree: Path) -> None:
    """Copy everything the tests need."""
    tree.mkdir()
    for part in _PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, tree / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, tree / part)


def try_out(bug: Bug, folder: Path) -> Seen:
    """Run the tests that should see a bug, in a copy that has it."""
    started = time.monotonic()
    copy_tree(folder)
    try:
        plant(bug, folder)
    except ValueError as error:
        return Seen(bug, None, time.monotonic() - started, str(error))
    if bug.compiles:
        compiler = [sys.executable, "-m", "payments.providers.evm.compile_contracts"]
        subprocess.run(compiler, cwd=folder, capture_output=True, timeout=_TIMEOUT_S, check=True)
    run = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-x", "-rfE", "--tb=line", "-p", "no:cacheprovider"),
            *bug.tests,
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
        check=False,
    )
    found = _FAILED.search(run.stdout)
    # Anything but 0 (green) and 1 (red) means that the tests did not run: nobody has seen it.
    by = found.group(1) if run.returncode == 1 and found else None
    return Seen(bug, by, time.monotonic() - started, run.stdout + run.stderr)


def try_out_all(bugs: list[Bug], folder: Path) -> Iterator[Seen]:
    """Try out bugs two at a time, and yield each in the order given."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        yield from pool.map(lambda n: try_out(bugs[n], folder / str(n)), range(len(bugs)))


def main() -> int:
    """Try out all bugs, or those named, and print what came of it."""
    wanted = [bug for bug in BUGS if not sys.argv[1:] or any(w in bug.name for w in sys.argv[1:])]
    console = Console()
    table = Table("planted bug", "", "seen first by", "s", title="Bugs planted to test the tests")
    table.columns[2].overflow = "fold"
    table.columns[3].justify = "right"
    unseen = []
    with (
        tempfile.TemporaryDirectory(prefix="strongroom-planted-") as folder,
        console.status("Planting") as status,
    ):
        for n, seen in enumerate(try_out_all(wanted, Path(folder)), start=1):
            status.update(f"Planting: {n} of {len(wanted)} tried")
            told = "[red]red[/]" if seen.by else "[bold green]GREEN[/]"
            table.add_row(seen.bug.name, told, seen.by or "nobody", f"{seen.took_s:.0f}")
            unseen += [] if seen.by else [seen]
    console.print(table)
    for seen in unseen:
        console.print(f"[bold]{seen.bug.name}[/] was not seen; the end of what its tests said:")
        console.print(seen.output[-2000:], markup=False)
    console.print(
        f"{len(wanted) - len(unseen)} of {len(wanted)} planted bugs turned the suite red."
    )
    return 1 if unseen else 0


if __name__ == "__main__":
    sys.exit(main())
