"""The metrics that processes count themselves, as data; docs/operating.md lists them.

Labels have few values each: names of routes, jobs and providers, never an id, an address or a
word that somebody outside chose.
"""

from dataclasses import dataclass
from typing import Literal

LABEL_SETS_MAX = 400
"""How many combinations of labels one metric may have in a process; further ones are `other`,
but for the labels in `kept`: whoever asks for everything in every way hides no failure."""

_QUICK_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
_CALL_S = (0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_JOB_S = (0.005, 0.025, 0.1, 0.5, 2.5, 10, 30, 60, 300)


@dataclass(frozen=True)
class Meter:
    """A metric: seconds for a `histogram`, and a `gauge` is added up over all live processes."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    told: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    kept: frozenset[str] = frozenset()


REQUESTS = Meter(
    "strongroom_http_requests_total",
    "counter",
    "Requests answered, by method, route and status.",
    ("method", "route", "status"),
    kept=frozenset({"status"}),
)
REQUEST_SECONDS = Meter(
    "strongroom_http_request_seconds",
    "histogram",
    "How long requests took until their answer was made, by route.",
    ("route",),
    _QUICK_S,
)
STREAMS = Meter("strongroom_streams", "gauge", "Event streams (SSE) that are open.")
WEBHOOKS = Meter(
    "strongroom_webhooks_total",
    "counter",
    "Webhooks by provider: stored, duplicate, or refused and why.",
    ("provider", "outcome"),
)
PROVIDER_CALLS = Meter(
    "strongroom_provider_calls_total",
    "counter",
    "Calls to providers, nodes and receivers of notices: ok, refused (4xx), failed (5xx), "
    "no_answer.",
    ("provider", "operation", "outcome"),
)
PROVIDER_SECONDS = Meter(
    "strongroom_provider_call_seconds",
    "histogram",
    "How long calls took until the answer was read, or was given up.",
    ("provider", "operation"),
    _CALL_S,
)
JOBS = Meter(
    "strongroom_jobs_total",
    "counter",
    "Jobs run: done, idle (there was nothing to do), failed, or late (another has its lease).",
    ("job", "outcome"),
)
JOB_SECONDS = Meter("strongroom_job_seconds", "histogram", "How long jobs ran.", ("job",), _JOB_S)
EVENTS_PUBLISHED = Meter(
    "strongroom_live_events_total", "counter", "Live events that relays numbered and published."
)
RELAY_FAILURES = Meter(
    "strongroom_relay_failures_total",
    "counter",
    "Steps of relays that failed, to be tried again.",
    ("step",),
)
LEDGER_ENTRIES = Meter(
    "strongroom_ledger_entries_total", "counter", "Entries posted in the ledger.", ("kind",)
)
LOG_LINES = Meter("strongroom_log_lines_total", "counter", "Log lines, by level.", ("level",))

METERS = (
    REQUESTS,
    REQUEST_SECONDS,
    STREAMS,
    WEBHOOKS,
    PROVIDER_CALLS,
    PROVIDER_SECONDS,
    JOBS,
    JOB_SECONDS,
    EVENTS_PUBLISHED,
    RELAY_FAILURES,
    LEDGER_ENTRIES,
    LOG_LINES,
)
