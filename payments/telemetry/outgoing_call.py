"""One call to a provider, as it is counted, logged and traced."""

import time
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from payments.log_lines import are_lines_about_something, get_logger
from payments.telemetry.measuring import count, took
from payments.telemetry.meters import PROVIDER_CALLS, PROVIDER_SECONDS
from payments.telemetry.tracing import span, tell_span

# What operations of providers are called in URLs. Anything else there is an id, or not ours.
_WORDS = frozenset(
    {
        *("accounts", "actions", "addresses", "balance", "balance_transactions"),
        *("billing_request_flows", "billing_requests", "cancel", "capture", "charges", "checkout"),
        *("collect_customer_details", "confirm", "connect", "disputes", "events", "expire"),
        *("fulfil", "jwks", "mandates", "merchant-accounts", "payment_intents", "payments"),
        *("payouts", "refunds", "reversals", "sessions", "sign", "token", "transactions"),
        *("transfers",),
    }
)
_READS = frozenset({"GET", "HEAD"})

_log = get_logger(__name__)


class OutgoingCall:
    """Surrounds a call: `answered` says that there was an answer; without it there was none.

    `is_read`: it changes nothing. Where its lines are about nothing either, only its failure is
    worth one.
    """

    __slots__ = ("_began_s", "_is_read", "_operation", "_provider", "_span", "_status")

    def __init__(self, provider: str, operation: str, *, is_read: bool) -> None:
        """Nothing is counted yet."""
        self._provider = provider
        self._operation = operation
        self._is_read = is_read
        self._status: int | None = None

    def __enter__(self) -> Self:
        self._began_s = time.monotonic()
        told = {"strongroom.provider": self._provider, "strongroom.operation": self._operation}
        self._span: Any = span(f"{self._provider} {self._operation}", kind="CLIENT", **told)
        self._span.__enter__()
        return self

    def answered(self, status: int) -> None:
        """Note the HTTP status of the answer, when all of it was read."""
        self._status = status

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        took_s = time.monotonic() - self._began_s
        outcome = outcome_of(self._status)
        count(PROVIDER_CALLS, self._provider, self._operation, outcome)
        took(PROVIDER_SECONDS, took_s, self._provider, self._operation)
        tell_span(failed=outcome in {"failed", "no_answer"}, **{"strongroom.outcome": outcome})
        self._span.__exit__(kind, error, trace)
        is_routine = self._is_read and outcome == "ok" and not are_lines_about_something()
        tell = _log.debug if is_routine else _log.info
        tell(
            "provider_called",
            provider=self._provider,
            operation=self._operation,
            outcome=outcome,
            status=self._status,
            duration_ms=round(took_s * 1000, 1),
        )


def http_call(provider: str, method: str, url: str) -> OutgoingCall:
    """Return the call that a request is, its operation named by the method and the URL's words."""
    operation = operation_of(method, url)
    return OutgoingCall(provider, operation, is_read=method in _READS)


def operation_of(method: str, url: str) -> str:
    """Return what a request does, without ids: `POST payment_intents confirm`."""
    words = [word for word in urlsplit(url).path.split("/") if word in _WORDS]
    return " ".join([method, *words])


def outcome_of(status: int | None) -> str:
    """Return `ok`, `refused` (4xx), `failed` (5xx, or no HTTP we know) or `no_answer`."""
    if status is None:
        return "no_answer"
    if status < 400:  # noqa: PLR2004 - HTTP's
        return "ok"
    return "refused" if status < 500 else "failed"  # noqa: PLR2004 - HTTP's
