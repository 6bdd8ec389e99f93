"""What Prometheus reads: what the processes of this machine counted, and the overview's figures.

The figures are of the whole system. Where several machines are scraped each tells them, so rules
take one of them: `max by (…)`.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from payments.log_lines import get_logger
from payments.overview.figures import FIGURES, Figure, Value, values_of
from payments.overview.read_overview import RecentOverview
from payments.telemetry.folder import live_roles, settled
from payments.telemetry.meters import METERS, Meter

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
PROCESSES = Figure("strongroom_processes", "Processes of this machine that live.", ("role",))
DATABASE_READ = Figure(
    "strongroom_database_read", "1 when the figures could be read from the database, else 0."
)

Aside = Callable[[Callable[[], bytes]], bytes]


def scrape(
    recent: RecentOverview,
    folder: Path | None,
    *,
    now: dt.datetime,
    aside: Aside = lambda work: work(),
) -> bytes:
    """Return all metrics as text; what cannot be read is left out, and said.

    `aside` runs the part that takes the processor for a while.
    """
    values = _figures(recent, now)
    if folder is None or not folder.is_dir():
        return aside(lambda: _text(None, values))
    try:
        with settled(folder):
            roles = live_roles(folder)
            values += [Value(PROCESSES, (role,), roles[role]) for role in sorted(roles)]
            return aside(lambda: _text(folder, values))
    except (OSError, TimeoutError) as error:
        get_logger(__name__).warning("metrics_not_read", error=type(error).__name__)
        return aside(lambda: _text(None, values))


def _figures(recent: RecentOverview, now: dt.datetime) -> list[Value]:
    try:
        values = list(values_of(recent.read(now=now), now=now))
    except SQLAlchemyError as error:
        get_logger(__name__).warning("overview_not_read", error=type(error).__name__)
        return [Value(DATABASE_READ, (), 0)]
    return [*values, Value(DATABASE_READ, (), 1)]


def _text(folder: Path | None, values: Iterable[Value]) -> bytes:
    from prometheus_client import generate_latest  # noqa: PLC0415 - only who is asked for metrics loads it
    from prometheus_client.multiprocess import MultiProcessCollector  # noqa: PLC0415 - as above

    families = list(_families(values))
    if folder is not None:
        families += MultiProcessCollector(None, path=str(folder)).collect()  # type: ignore[no-untyped-call] # the library's
    known = {family.name for family in families}
    families += [family for family in map(_empty, METERS) if family.name not in known]
    return generate_latest(_Once(families))


class _Once:
    def __init__(self, families: list[Any]) -> None:
        self._families = families

    def collect(self) -> Iterator[Any]:
        return iter(self._families)


def _empty(meter: Meter | Figure) -> Any:
    from prometheus_client import Metric  # noqa: PLC0415 - as above

    name = meter.name.removesuffix("_total") if meter.kind == "counter" else meter.name
    return Metric(name, meter.told, meter.kind)


def _families(values: Iterable[Value]) -> Iterator[Any]:
    found: dict[str, list[Value]] = {}
    for value in values:
        found.setdefault(value.figure.name, []).append(value)
    for figure in (*FIGURES, PROCESSES, DATABASE_READ):
        family = _empty(figure)
        for value in found.get(figure.name, ()):
            labels = dict(zip(figure.labels, value.labels, strict=True))
            family.add_sample(figure.name, labels, value.value)
        yield family
