"""Metrics of the Prometheus library whose values lie in this process's files.

The library's own values for several processes take a lock for each count and are told their
folder by the environment. These take none: two threads that count at the very same time may lose
one, and nobody ever waits.
"""

from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, mmap_dict, values
from prometheus_client.mmap_dict import mmap_key

from payments.telemetry.meters import METERS


def make_metrics(folder: Path, process: str, files: dict[str, Any]) -> dict[str, Any]:
    """Return the metrics by name, with their values in the folder's files of the process.

    Those are in `files` then, for whoever is to close them.
    """
    values.ValueClass = _kept_in(folder, process, files)  # also of the labels to come
    registry = CollectorRegistry()
    metrics: dict[str, Any] = {}
    for meter in METERS:
        told = (meter.name, meter.told, meter.labels)
        match meter.kind:
            case "counter":
                metrics[meter.name] = Counter(*told, registry=registry)
            case "gauge":
                metrics[meter.name] = Gauge(*told, registry=registry, multiprocess_mode="livesum")
            case "histogram":
                metrics[meter.name] = Histogram(*told, registry=registry, buckets=meter.buckets)
    return metrics


def _kept_in(folder: Path, process: str, files: dict[str, Any]) -> type[Any]:
    library: Any = mmap_dict  # it has no types

    class SharedValue:
        """A number in one of the files."""

        _multiprocess = True

        def __init__(
            self,
            kind: str,
            metric: str,
            name: str,
            labels: Any,
            texts: Any,
            told: str,
            multiprocess_mode: str = "",
            **_: Any,
        ) -> None:
            prefix = f"{kind}_{multiprocess_mode}" if multiprocess_mode else kind
            if prefix not in files:
                files[prefix] = library.MmapedDict(str(folder / f"{prefix}_{process}.db"))
            self._file = files[prefix]
            self._key = mmap_key(metric, name, labels, texts, told)
            self._value: float = self._file.read_value(self._key)[0]

        def inc(self, amount: float) -> None:
            self._value += amount
            self._file.write_value(self._key, self._value, 0.0)

        def set(self, value: float, timestamp: float | None = None) -> None:  # noqa: ARG002 - the library's
            self._value = value
            self._file.write_value(self._key, value, 0.0)

        def get(self) -> float:
            return self._value

        def set_exemplar(self, exemplar: object) -> None:
            """Files keep none."""

        def get_exemplar(self) -> None:
            """Return none."""

    return SharedValue
