"""Traces: what one request led to, here and in jobs, down to the calls to providers.

Off unless OTEL_EXPORTER_OTLP_ENDPOINT says where they go; then the library is loaded, and its own
variables (OTEL_TRACES_SAMPLER, OTEL_EXPORTER_OTLP_HEADERS, …) apply. A span has names of routes,
jobs and operations, states and our own ids: no body, no address, nothing of a person. Providers
are not told of traces.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Literal

Kind = Literal["SERVER", "CONSUMER", "CLIENT", "INTERNAL"]

_TIMEOUT_S = 5
_SERVICE = "strongroom"
_HEADER = "traceparent"


class _Tracing:
    def __init__(self, url: str, role: str, exporter: Any | None) -> None:
        from opentelemetry import trace  # noqa: PLC0415 - who is not traced does not load it
        from opentelemetry.context import Context  # noqa: PLC0415 - as above
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - as above
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - as above
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 - as above
        from opentelemetry.trace.propagation import tracecontext  # noqa: PLC0415 - as above

        resource = Resource.create({"service.name": f"{_SERVICE}-{role}"})
        self._provider = TracerProvider(resource=resource)
        self._provider.add_span_processor(BatchSpanProcessor(exporter or _sender(url)))
        self._tracer = self._provider.get_tracer(_SERVICE)
        self._headers = tracecontext.TraceContextTextMapPropagator()
        self._no_context = Context()
        self.trace = trace

    def span(
        self,
        name: str,
        kind: Kind,
        told: Mapping[str, str | int],
        *,
        parent: str | None,
        caller: str | None,
    ) -> AbstractContextManager[Any]:
        beside = self.trace.get_current_span(self._read(caller)).get_span_context()
        return self._tracer.start_as_current_span(
            name,
            context=self._read(parent) if parent else None,
            kind=self.trace.SpanKind[kind],
            attributes=told,
            links=[self.trace.Link(beside)] if beside.is_valid else [],
            record_exception=False,  # its text may hold what people entered
            set_status_on_exception=False,
        )

    def _read(self, header: str | None) -> Any:
        """Return what a `traceparent` names, in a context of its own; nothing for none."""
        return self._headers.extract({_HEADER: header} if header else {}, self._no_context)

    def header(self) -> str | None:
        carried: dict[str, str] = {}
        self._headers.inject(carried)
        return carried.get(_HEADER)

    def close(self) -> None:
        self._provider.shutdown()


_tracing: _Tracing | None = None
_NO_SPAN: AbstractContextManager[None] = nullcontext()


def begin_tracing(url: str | None, *, role: str, exporter: Any | None = None) -> None:
    """Trace from now on, and send it to `url` (OTLP over HTTP); without one, trace nothing.

    `exporter` takes the spans in place of the URL.
    """
    global _tracing  # noqa: PLW0603 - one process, one way out
    if url is not None:
        _tracing = _Tracing(url, role, exporter)


def end_tracing() -> None:
    """Send what is left, and trace nothing any more."""
    global _tracing
    ended, _tracing = _tracing, None
    if ended is not None:
        ended.close()


def span(
    name: str,
    *,
    kind: Kind,
    parent: str | None = None,
    caller: str | None = None,
    **told: str | int,
) -> AbstractContextManager[Any]:
    """Trace what happens inside the block.

    `parent` is a `traceparent` (W3C) of our own to go on from. `caller` is one that a request came
    with: the span only links to it, since anybody may write one. It decides neither to which trace
    we add, nor whether we trace (W3C Trace Context, 7: privacy and security considerations).
    """
    if _tracing is None:
        return _NO_SPAN
    return _tracing.span(name, kind, told, parent=parent, caller=caller)


def tell_span(*, failed: bool = False, **told: str | int) -> None:
    """Add to the span that is open now."""
    if _tracing is None:
        return
    current = _tracing.trace.get_current_span()
    current.set_attributes(told)
    if failed:
        current.set_status(_tracing.trace.StatusCode.ERROR)


def traceparent() -> str | None:
    """Return what the next process goes on from: the open span's `traceparent`."""
    return None if _tracing is None else _tracing.header()


def _sender(url: str) -> Any:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415 - as above
        OTLPSpanExporter,
    )

    return OTLPSpanExporter(endpoint=f"{url}/v1/traces", timeout=_TIMEOUT_S)
