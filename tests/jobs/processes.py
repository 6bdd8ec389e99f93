"""Relays and workers as processes of their own, to be stopped, killed and waited for."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

ROOT = Path(__file__).parents[2]
_Found = TypeVar("_Found")


def eventually(look: Callable[[], _Found], *, within_s: float = 20) -> _Found:
    """Return what `look` finds as soon as it is true."""
    deadline = time.monotonic() + within_s
    while not (found := look()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{look} did not come true within {within_s} s")
        time.sleep(0.02)
    return found


class Process:
    """One `python -m MODULE`; leaving the block kills it, whatever state it is in."""

    def __init__(self, module: str, environment: Mapping[str, str], log: Path) -> None:
        self.log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *module.split()],
                cwd=ROOT,
                env={"PATH": os.defpath, "PYTHONWARNINGS": "default", **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()
        if error is not None:
            error.add_note(self.log.read_text()[-3000:])

    def says(self, text: str) -> bool:
        return text in self.log.read_text()

    def wait_until_it_says(self, text: str) -> None:
        """Wait as long as it lives: on a busy machine its imports alone may take half a minute."""
        eventually(lambda: self.says(text) or self._process.poll() is not None, within_s=60)
        assert self.says(text), f"it ended with {self._process.returncode}"

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def stop(self, *, within_s: float) -> int:
        """Ask it to stop and return its exit code."""
        self.ask_to_stop()
        return self.wait(within_s=within_s)

    def ask_to_stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)

    def wait(self, *, within_s: float) -> int:
        return self._process.wait(within_s)


@contextmanager
def relay(environment: Mapping[str, str], folder: Path) -> Iterator[Process]:
    with Process("jobs.relay", environment, _log(folder, "relay")) as process:
        process.wait_until_it_says("relay_started")
        yield process


@contextmanager
def worker(environment: Mapping[str, str], folder: Path) -> Iterator[Process]:
    with Process("jobs.worker", environment, _log(folder, "worker")) as process:
        process.wait_until_it_says("worker_started")
        yield process


def _log(folder: Path, name: str) -> Path:
    return folder / f"{name}-{len(list(folder.glob(name + '-*')))}.log"
