"""Counts what happens in this process; until `begin_measuring` nothing is counted.

Every count is one write to memory that is shared with the file system: a microsecond or two, no
system call, and it survives the process.
"""

import logging
import secrets
import threading
from pathlib import Path
from typing import Any

from payments.log_lines import get_logger
from payments.telemetry.folder import ProcessFiles
from payments.telemetry.meters import LABEL_SETS_MAX, LOG_LINES, METERS, Meter

_OTHER = "other"
_LEVELS = {10: "debug", 20: "info", 30: "warning", 40: "error", 50: "critical"}


class _Process:
    """The metrics of this process, and the combinations of labels that were used so far."""

    def __init__(self, folder: Path, role: str) -> None:
        from payments.telemetry.shared_values import make_metrics  # noqa: PLC0415 - its library is loaded only where something is counted

        self._files = ProcessFiles(folder, role, token=secrets.token_hex(4))
        self._values: dict[str, Any] = {}
        self._metrics = make_metrics(folder, self._files.name, self._values)
        self._used: dict[str, dict[tuple[str, ...], Any]] = {meter.name: {} for meter in METERS}
        self._adding = threading.Lock()

    def of(self, meter: Meter, labels: tuple[str, ...]) -> Any:
        found = self._used[meter.name].get(labels)
        return self._add(meter, labels) if found is None else found

    def close(self) -> None:
        for file in self._values.values():
            file.close()
        self._files.close()

    def _add(self, meter: Meter, labels: tuple[str, ...]) -> Any:
        with self._adding:
            used = self._used[meter.name]
            if len(used) >= LABEL_SETS_MAX:
                named = zip(meter.labels, labels, strict=True)
                labels = tuple(value if name in meter.kept else _OTHER for name, value in named)
            if labels not in used:
                metric = self._metrics[meter.name]
                used[labels] = metric.labels(*labels) if labels else metric
            return used[labels]


class _LineCounter(logging.Handler):
    """Counts log lines by level."""

    def createLock(self) -> None:  # noqa: N802 - the library's
        """Have none: nobody waits to be counted."""
        self.lock = None

    def emit(self, record: logging.LogRecord) -> None:
        known = record.levelno in _LEVELS
        count(LOG_LINES, _LEVELS[record.levelno] if known else _OTHER)


_process: _Process | None = None
_line_counter = _LineCounter()


def begin_measuring(folder: Path | None, *, role: str) -> None:
    """Count from now on, in files of this process's own; without a folder, count nothing.

    `role` is what the process is: `web`, `worker`, `relay`. Money does not wait for metrics: a
    folder that cannot be used is told in the log, and nothing is counted.
    """
    global _process  # noqa: PLW0603 - one process, one set of counters
    if folder is None:
        return
    try:
        _process = _Process(folder, role)
        logging.getLogger().addHandler(_line_counter)
    except OSError as error:
        get_logger(__name__).error("metrics_not_kept", error=type(error).__name__)


def end_measuring() -> None:
    """Count nothing any more."""
    global _process
    ended, _process = _process, None
    logging.getLogger().removeHandler(_line_counter)
    if ended is not None:
        ended.close()


def count(meter: Meter, *labels: str, by: int = 1) -> None:
    """Add to a counter."""
    if _process is not None:
        _process.of(meter, labels).inc(by)


def took(meter: Meter, seconds: float, *labels: str) -> None:
    """Note how long something took."""
    if _process is not None:
        _process.of(meter, labels).observe(seconds)


def level(meter: Meter, value: int) -> None:
    """Say how many there are now."""
    if _process is not None:
        _process.of(meter, ()).set(value)
