"""The settings of what can be seen from outside: metrics, and where traces are sent."""

from dataclasses import dataclass
from pathlib import Path

from payments.variables import IPNetwork, Variables


@dataclass(frozen=True, kw_only=True)
class TelemetrySettings:
    """Where processes keep what they count, who may read it without a key, where traces go."""

    metrics_folder: Path | None = None
    metrics_networks: tuple[IPNetwork, ...] = ()
    traces_url: str | None = None


def read_telemetry(reader: Variables) -> TelemetrySettings:
    """Return the settings; without any nothing is counted or traced."""
    folder = reader.text("METRICS_FOLDER", default="")
    if folder and not Path(folder).is_absolute():
        reader.fault("METRICS_FOLDER must be an absolute path: processes start in various places")
    traces = reader.url("OTEL_EXPORTER_OTLP_ENDPOINT", schemes=("https", "http"), default="")
    return TelemetrySettings(
        metrics_folder=Path(folder) if folder else None,
        metrics_networks=_read_networks(reader, "METRICS_NETWORKS"),
        traces_url=traces.rstrip("/") or None,
    )


def _read_networks(reader: Variables, name: str) -> tuple[IPNetwork, ...]:
    found = reader.networks(name)
    for network in found:
        if network.prefixlen == 0:
            reader.fault(f"{name} lists '{network}': then anybody could read the metrics")
    return found
