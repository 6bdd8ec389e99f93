"""The sandbox's processes: started with a clean environment, watched, and all found again.

Each carries a mark in its environment that names its home, and hands it to its own children:
whatever happened to the run that started them, the next one finds every process by that mark.
"""

import contextlib
import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from sandbox.home import ROOT

MARK = "STRONGROOM_SANDBOX_HOME"
_LOG_TAIL_LINES = 20
_KILL_WAIT_S = 5


class ProcessDiedError(Exception):
    """A process ended by itself; the text has the end of its log."""


class StopRequestedError(Exception):
    """The person, or the system, asked the sandbox to stop."""


@dataclass(frozen=True)
class Program:
    """What to start: its name (also its log's), command, environment, what tells it is up."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    answers: Callable[[], bool]
    address: str = ""


class Processes:
    """The processes of one home."""

    def __init__(
        self, home: Path, *, logs: Path, should_stop: Callable[[float], bool] = lambda _: False
    ) -> None:
        """`should_stop(seconds)` waits that long at most and tells whether to give up."""
        self._home = home
        self._logs = logs
        self._should_stop = should_stop
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, program: Program) -> None:
        """Start a program; its output goes to a log of its own."""
        self._running[program.name] = self._spawn(
            program.name, program.command, program.environment
        )

    def run(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Run a command to its end.

        Raises:
            ProcessDiedError: when it fails.
            StopRequestedError: when asked to stop meanwhile; the command is stopped.
        """
        process = self._spawn(name, command, environment)
        while process.poll() is None:
            if self._should_stop(0.05):
                process.terminate()
                process.wait()
                raise StopRequestedError
        if process.returncode != 0:
            raise self._death(name, process.returncode)

    def wait(self, program: Program, *, timeout_s: float) -> None:
        """Wait until a started program answers.

        Raises:
            ProcessDiedError: when it ends first, or does not answer within the time.
            StopRequestedError: when asked to stop meanwhile.
        """
        deadline = time.monotonic() + timeout_s
        while not program.answers():
            self.check()
            if time.monotonic() > deadline:
                raise ProcessDiedError(
                    f"{program.name} did not answer within {timeout_s:.0f} s.\n"
                    f"{self._log_tail(program.name)}"
                )
            if self._should_stop(0.05):
                raise StopRequestedError
        self.check()

    def check(self) -> None:
        """Check that everything started still runs.

        Raises:
            ProcessDiedError: names the first that does not.
        """
        for name, process in self._running.items():
            if process.poll() is not None:
                raise self._death(name, process.returncode)

    def kill(self, name: str) -> None:
        """Kill a started program, which gets no chance to end anything, and forget it."""
        process = self._running.pop(name)
        process.kill()
        process.wait(_KILL_WAIT_S)

    def stop(self, *, patience_s: float) -> int:
        """Stop every process of this home, also those of an earlier run; return how many.

        They are asked first (SIGTERM) and killed after `patience_s`.
        """
        started = {process.pid for process in self._running.values()}
        marked = self._marked()
        # A program stops its own children in order; only what has lost its parent is asked too.
        asked = [
            process for process in marked if process.pid in started or self._is_orphan(process)
        ]
        _ask(asked)
        _end(marked, patience_s=patience_s)
        _end(self._marked(), patience_s=0)  # children made while we waited
        for process in self._running.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_KILL_WAIT_S)
        self._running.clear()
        return len(asked)

    def _spawn(
        self, name: str, command: Sequence[str], environment: Mapping[str, str]
    ) -> subprocess.Popen[bytes]:
        self._logs.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._log(name).exists():  # each run has its own log, and the one before is kept
            self._log(name).replace(self._logs / f"{name}.previous.log")
        with self._log(name).open("ab") as log:
            return subprocess.Popen(
                command,
                cwd=ROOT,
                env={**environment, MARK: str(self._home)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                umask=0o077,
                start_new_session=True,  # Ctrl-C is for us, who stop everything in order
            )

    def _marked(self) -> list[psutil.Process]:
        return [process for process in psutil.process_iter() if self._has_mark(process)]

    def _has_mark(self, process: psutil.Process) -> bool:
        try:
            return (
                process.pid != os.getpid()
                and process.environ().get(MARK) == str(self._home)
                and process.status() != psutil.STATUS_ZOMBIE
            )
        except (psutil.Error, OSError):
            return False

    def _is_orphan(self, process: psutil.Process) -> bool:
        try:
            parent = process.parent()
        except psutil.Error:
            return False
        return parent is None or not self._has_mark(parent)

    def _log(self, name: str) -> Path:
        return self._logs / f"{name}.log"

    def _death(self, name: str, code: int) -> ProcessDiedError:
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit status {code}"
        return ProcessDiedError(f"{name} {how}.\n{self._log_tail(name)}")

    def _log_tail(self, name: str) -> str:
        lines = self._log(name).read_text(errors="replace").splitlines()[-_LOG_TAIL_LINES:]
        return "\n".join(["The end of its log:", *lines, f"All of it: {self._log(name)}"])


def _ask(processes: Sequence[psutil.Process]) -> None:
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.terminate()


def _end(processes: Sequence[psutil.Process], *, patience_s: float) -> None:
    """Wait for processes that were asked to stop, then kill the rest."""
    for process in _still_there(processes, patience_s=patience_s):
        with contextlib.suppress(psutil.Error):
            process.kill()
    _still_there(processes, patience_s=_KILL_WAIT_S)


def _still_there(
    processes: Sequence[psutil.Process], *, patience_s: float
) -> Sequence[psutil.Process]:
    """Wait until all have ended, and return those that have not.

    One that nobody collects (a container's first process may not) has ended all the same.
    """
    deadline = time.monotonic() + patience_s
    while left := [process for process in processes if _runs(process)]:
        if time.monotonic() >= deadline:
            break
        time.sleep(0.02)
    return left


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
