"""Named points at which a test kills the process, to prove that a crash there loses nothing.

Off unless `CRASH_AT` names a file, which production refuses: then whoever comes by the point whose
name stands in the file removes the file and dies as by SIGKILL. So one process dies, once.
"""

import os
import signal
from dataclasses import dataclass
from pathlib import Path


@dataclass
class _Armed:
    file: Path | None = None


_armed = _Armed()


def arm(file: Path | None) -> None:
    """Have this process look into `file` at every point; None: at none."""
    _armed.file = file


def reach(name: str) -> None:
    """Come by the point `name`."""
    if _armed.file is not None and _take(_armed.file, name):
        os.kill(os.getpid(), signal.SIGKILL)


def _take(file: Path, name: str) -> bool:
    """Tell whether this is the point, and whether nobody else died there first."""
    try:
        if file.read_text(encoding="utf-8") != name:
            return False
        file.unlink()
    except FileNotFoundError:
        return False
    return True
