"""Runs a program that reads a stranger's document: alone, with nothing at hand, and not long."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from payments.documents import lockdown
from payments.documents.errors import RenderingError

_MIB = 1024 * 1024
_LAUNCHER = (sys.executable, "-I", "-S", str(Path(lockdown.__file__)))
_COMPLAINTS_BYTES = 64 * 1024
# WebKit prints everything 1.25 times smaller than CSS says; with 96 / 1.25 dots to the inch a
# millimetre is one, and both renderers lay out alike.
_TRUE_SIZE_DPI = "77"
_REASONS = {
    signal.SIGXFSZ: "the document became too large",
    signal.SIGXCPU: "the document took too much computing time",
    signal.SIGKILL: "the document took more than there is",
}


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one rendering may use. WebKit reserves more than 1 GiB of addresses before it starts."""

    wall_s: int = 30
    cpu_s: int = 20
    memory_bytes: int = 2048 * _MIB
    file_bytes: int = 32 * _MIB
    files: int = 256
    processes: int = 256  # of everybody who runs as nobody; applies where we start as root

    def as_json(self) -> str:
        """Return what the child is told."""
        return json.dumps({**vars(self), "parent": os.getpid()})


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a program ended: its exit code, what it wrote, and what it complained about."""

    exit_code: int
    output: bytes
    complaints: str


def run_confined(command: Sequence[str], document: bytes, *, limits: Limits) -> Outcome:
    """Run `command` (a program by its full path) on `document`, locked down from its first step.

    Raises:
        RenderingError: it went beyond a limit.
    """
    return run_child([*_LAUNCHER, limits.as_json(), *command], document, limits=limits)


def run_child(command: Sequence[str], document: bytes, *, limits: Limits) -> Outcome:
    """Run a program that locks itself down, in a session and a folder of its own.

    Input and output are files without a name: nobody waits for a pipe, and a program that wrote too
    much is stopped by its limit and does not fill our memory.

    Raises:
        RenderingError: it went beyond a limit.
    """
    with (
        tempfile.TemporaryDirectory(prefix="strongroom-document-") as folder,
        contextlib.ExitStack() as s,
    ):
        taken, given, told = (s.enter_context(_unnamed_file(folder)) for _ in range(3))
        taken.write(document)
        taken.seek(0)
        if os.geteuid() == 0:
            os.chown(folder, lockdown.NOBODY, lockdown.NOBODY)
        child = subprocess.Popen(
            command,
            stdin=taken,
            stdout=given,
            stderr=told,
            cwd=folder,
            env=_environment(folder),
            start_new_session=True,
        )
        try:
            exit_code = child.wait(timeout=limits.wall_s)
        except subprocess.TimeoutExpired:
            raise RenderingError(f"the document took longer than {limits.wall_s} s") from None
        finally:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        if -exit_code in _REASONS:
            raise RenderingError(_REASONS[signal.Signals(-exit_code)])
        complaints = _read(told, _COMPLAINTS_BYTES).decode(errors="replace")
        return Outcome(
            exit_code=exit_code, output=_read(given, limits.file_bytes), complaints=complaints
        )


def _unnamed_file(folder: str) -> IO[bytes]:
    """Return a file that whom the child becomes may open again by its descriptor's path."""
    file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - its caller closes it
    if os.geteuid() == 0:
        os.fchown(file.fileno(), lockdown.NOBODY, lockdown.NOBODY)
    return file


def _read(file: IO[bytes], most: int) -> bytes:
    file.seek(0)
    return file.read(most)


def _environment(folder: str) -> dict[str, str]:
    """Return all a renderer learns of its surroundings; its home is gone when it is."""
    return {
        "HOME": folder,
        "TMPDIR": folder,
        "XDG_RUNTIME_DIR": folder,
        "XDG_CACHE_HOME": folder,
        "QT_QPA_PLATFORM": "offscreen",
        "QT_FONT_DPI": _TRUE_SIZE_DPI,
        "LANG": "C.UTF-8",
        "PATH": "/usr/bin:/bin",
        "TZ": "UTC",
    }
