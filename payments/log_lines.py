"""Log lines: one JSON object each, redacted, with the request that caused them.

The standard library's loggers (gunicorn, RQ, SQLAlchemy, Stripe) go through the same chain, so
there is one place where a secret is stopped.
"""

import logging
import sys
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TextIO

import structlog

from payments.privacy.redaction import redact

_request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
_about: ContextVar[dict[str, str] | None] = ContextVar("about", default=None)
_FORMATTER_MEMBERS = ("_record", "_from_structlog")  # taken out by structlog before output
# Some of them tell, in detail, of addresses that are secrets (apprise, urllib3).
_QUIET_LOGGERS = (
    *("sqlalchemy.engine", "stripe", "urllib3", "apprise", "rq.scheduler", "alembic"),
)


class _LineOutput(logging.Handler):
    """Writes to `stream`, or to whatever standard output is at the moment."""

    def __init__(self, stream: TextIO | None) -> None:
        super().__init__()
        self._stream = stream

    def emit(self, record: logging.LogRecord) -> None:
        stream = self._stream or sys.stdout
        try:
            stream.write(f"{self.format(record)}\n")
            stream.flush()
        except Exception:  # noqa: BLE001 - a line that cannot be written must not stop the work
            self.handleError(record)


def configure_log_lines(level: str, *, stream: TextIO | None = None) -> None:
    """Send every log line of this process to `stream` (default: standard output) as JSON.

    Calling it again replaces what was configured before.
    """
    chain = _chain()
    structlog.configure(
        processors=[*chain, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    lines = _LineOutput(stream)
    lines.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=chain,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [old for old in root.handlers if not isinstance(old, _LineOutput)] + [lines]
    root.setLevel(level)
    logging.captureWarnings(capture=True)
    # No line shows it, and asking for it makes a thread object for every connection (gevent).
    logging.logThreads = False
    for name in _QUIET_LOGGERS:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def get_logger(name: str) -> Any:
    """Return the logger of a module: `get_logger(__name__).info("payment_created", ...)`."""
    return structlog.stdlib.get_logger(name)


def current_request_id() -> str | None:
    """Return the id of the request being served, or that a job was started by."""
    return _request_id.get()


@contextmanager
def bind_request_id(request_id: str | None) -> Iterator[None]:
    """Put `request_id` on every log line written inside the block, and on what it hands on."""
    token = _request_id.set(request_id)
    try:
        yield
    finally:
        _request_id.reset(token)


@contextmanager
def lines_about(**ids: str) -> Iterator[None]:
    """Put ids, such as `payment_id`, on every log line written inside the block.

    So all that was done for one payment is found by its id, whichever module tells of it.
    """
    token = _about.set({**(_about.get() or {}), **ids})
    try:
        yield
    finally:
        _about.reset(token)


def are_lines_about_something() -> bool:
    """Whether lines bear an id now: then somebody may look for all of them."""
    return any(name.endswith("_id") for name in _about.get() or ())


def go_on_about(**ids: str) -> None:
    """Put ids on every log line from here to the end of the `lines_about` that this is in.

    For what is only now given an id. Of what those lines were about before, nothing is left that
    has another id now: a job may come from one payment to the next.
    """
    about = _about.get()
    if about is None:
        return
    if any(about.get(name, value) != value for name, value in ids.items()):
        for name in [name for name in about if name.endswith("_id")]:
            del about[name]
    about.update(ids)


def _chain() -> list[Any]:
    return [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        _add_request_id,
        structlog.processors.format_exc_info,
        structlog.processors.UnicodeDecoder(),
        _redact_line,  # before any output gets to see the line
    ]


def _add_request_id(
    _logger: object, _method: str, line: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    line.setdefault("request_id", _request_id.get())
    for name, value in (_about.get() or {}).items():
        line.setdefault(name, value)
    return line


def _redact_line(
    _logger: object, _method: str, line: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    kept = {name: line.pop(name) for name in _FORMATTER_MEMBERS if name in line}
    first = ("time", "level", "event", "request_id")
    ordered = {name: line.pop(name) for name in first if name in line}
    clean: dict[str, Any] = redact({**ordered, **line})
    return clean | kept
