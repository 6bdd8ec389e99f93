"""One export in a process of its own, so that the memory measured is its own.

Run as `python -m benchmarks.reports_export URL FORMAT FIRST_DAY LAST_DAY`: writes the journal of
those days of recording to nowhere, and prints what it took as JSON.
"""

import datetime as dt
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from benchmarks.server import connect
from payments.reports.formats.registry import FORMATS
from payments.reports.formats.tally import Tally
from payments.reports.open_report import open_report
from payments.reports.wanted import Wanted


class Exported(NamedTuple):
    """What an export took; `cpu_s` is the process's own, without PostgreSQL's."""

    rows: int
    size: int
    wall_s: float
    cpu_s: float
    peak_rss_mb: float


def export_journal(
    url: str, *, format_name: str, first_day: dt.date, last_day: dt.date
) -> Exported:
    """Export the journal of some days in a process of its own."""
    arguments = [url, format_name, first_day.isoformat(), last_day.isoformat()]
    command = [sys.executable, "-m", "benchmarks.reports_export", *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return Exported(**json.loads(done.stdout))


def _export(url: str, format_name: str, first_day: str, last_day: str) -> Exported:
    wanted = Wanted(
        report="journal",
        axis="recorded",
        first_day=dt.date.fromisoformat(first_day),
        last_day=dt.date.fromisoformat(last_day),
    )
    engine = connect(url)
    tally, size = Tally(), 0
    begun, used = time.perf_counter(), time.process_time()
    with (
        open_report(engine, wanted, now=dt.datetime.now(dt.UTC)) as opened,
        Path(os.devnull).open("wb") as sink,
    ):
        encode = FORMATS[format_name].encoder(opened.connection)
        for piece in encode(opened.report, tally):
            size += sink.write(piece)
    return Exported(
        rows=tally.rows,
        size=size,
        wall_s=time.perf_counter() - begun,
        cpu_s=time.process_time() - used,
        peak_rss_mb=_peak_kb() / 1024,
    )


def _peak_kb() -> int:
    """Return the most memory this program had; rusage would count what its parent had, too."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    [peak] = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(peak.split()[1])


if __name__ == "__main__":
    print(json.dumps(_export(*sys.argv[1:])._asdict()))
